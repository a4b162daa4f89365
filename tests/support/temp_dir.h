#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

namespace sluice::test {

/// A fresh directory under `parent` (default: $TMPDIR, else /tmp), removed with all it holds by the
/// destructor.
class TempDir {
 public:
  explicit TempDir(const std::filesystem::path& parent = {});
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

/// `size` bytes that are the same for the same seed and of which no two blocks are alike.
std::string random_bytes(std::size_t size, std::uint64_t seed);

void write_file(const std::filesystem::path& path, const std::string& content);
std::string read_file(const std::filesystem::path& path);

/// Writes `size` bytes of random_bytes' kind without ever holding more than a few MiB.
void write_random_file(const std::filesystem::path& path, std::uint64_t size, std::uint64_t seed);

/// Whether two files hold the same bytes, without holding them in memory.
bool same_content(const std::filesystem::path& a, const std::filesystem::path& b);

}  // namespace sluice::test
