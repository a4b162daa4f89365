#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

namespace sluice::test {

/// A new directory in `parent` (default: $TMPDIR, else /tmp). The destructor deletes it with its
/// content.
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

/// Returns `size` pseudorandom bytes determined by the seed; all blocks differ.
std::string random_bytes(std::size_t size, std::uint64_t seed);

void write_file(const std::filesystem::path& path, const std::string& content);
std::string read_file(const std::filesystem::path& path);

/// Writes `size` bytes like random_bytes(), with a few MiB of memory.
void write_random_file(const std::filesystem::path& path, std::uint64_t size, std::uint64_t seed);

/// Returns whether two files have the same bytes. Needs little memory.
bool same_content(const std::filesystem::path& a, const std::filesystem::path& b);

}  // namespace sluice::test
