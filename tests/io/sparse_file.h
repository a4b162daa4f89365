#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "io/unique_fd.h"
#include "tests/support/temp_dir.h"

namespace sluice::test {

struct Run {
  std::size_t begin;
  std::size_t end;
};

/// Creates a file of `size` bytes with random bytes in `runs` and holes elsewhere. Returns its
/// content.
inline std::string write_sparse_file(const std::string& path, std::size_t size,
                                     const std::vector<Run>& runs, std::uint64_t seed) {
  std::string content(size, '\0');
  const UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  EXPECT_EQ(::ftruncate(fd.get(), static_cast<off_t>(size)), 0);
  for (const Run& run : runs) {
    const std::string bytes = random_bytes(run.end - run.begin, seed++);
    content.replace(run.begin, bytes.size(), bytes);
    EXPECT_EQ(::pwrite(fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(run.begin)),
              static_cast<ssize_t>(bytes.size()));
  }
  return content;
}

}  // namespace sluice::test
