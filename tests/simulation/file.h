#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "io/file_system.h"
#include "io/local_file.h"
#include "tests/simulation/dice.h"

namespace sluice::sim {

/// Returns `size` pseudorandom bytes determined by `seed`.
inline std::string content(std::uint64_t seed, std::size_t size) {
  Dice dice(seed);
  std::string bytes(size, '\0');
  for (std::size_t at = 0; at < size; at += 8) {
    const std::uint64_t word = dice.bits();
    std::memcpy(bytes.data() + at, &word, std::min<std::size_t>(8, size - at));
  }
  return bytes;
}

/// The file that a world uploads, in memory. The file can change, and reads can fail. One thread.
class File final : public FileSystem {
 public:
  File(std::string path, std::string bytes) : path_(std::move(path)) {
    versions_.push_back(std::make_shared<const std::string>(std::move(bytes)));
    identity_ = {
        .size = versions_.back()->size(), .modified = {1'700'000'000, 0}, .device = 1, .inode = 7};
  }

  const std::string& path() const { return path_; }
  const std::string& bytes() const { return *versions_.back(); }
  const FileIdentity& identity() const { return identity_; }
  /// Returns whether `bytes` is the whole content of the file at some time, not a mixture.
  bool was(const std::string& bytes) const {
    for (const auto& version : versions_)
      if (*version == bytes) return true;
    return false;
  }

  /// Changes the content and the modification time. `replaced`: also the inode, as if another file
  /// was renamed to the path.
  void change(std::string bytes, bool replaced) {
    versions_.push_back(std::make_shared<const std::string>(std::move(bytes)));
    identity_.size = versions_.back()->size();
    touch();
    if (replaced) ++identity_.inode;
  }
  /// Changes the modification time only.
  void touch() {
    ++touched_;
    identity_.modified = {1'700'000'000 + touched_, 5};
  }
  /// Makes `count` reads fail with EIO, after `first` other reads.
  void fail_reads(unsigned count, unsigned first = 0) {
    failing_ = count;
    reads_before_ = first;
  }
  /// Makes each read fail for which `fails` returns true.
  void fail_reads_if(std::function<bool()> fails) { fails_ = std::move(fails); }

  Result<OpenedSource> open(const std::string& path, std::size_t block_size) override;
  Result<FileIdentity> identity_at(const std::string& path) override {
    if (path != path_) return Error{ErrorKind::local_file, "no such file", ENOENT};
    return identity_;
  }

 private:
  class Reader;

  const std::string path_;
  std::vector<std::shared_ptr<const std::string>> versions_;
  FileIdentity identity_;
  std::int64_t touched_ = 0;
  unsigned failing_ = 0;       ///< reads
  unsigned reads_before_ = 0;  ///< that succeed before they fail
  std::function<bool()> fails_ = [] { return false; };
};

/// Reads the current content of the file, without a page cache or direct reads.
class File::Reader final : public Source {
 public:
  explicit Reader(File& file) : Source(file.path_, file.identity_), file_(file) {}

  Result<std::span<const std::byte>> read(std::uint64_t offset, std::size_t length,
                                          std::span<std::byte> memory) const override {
    if (file_.reads_before_ > 0) {
      --file_.reads_before_;
    } else if (file_.failing_ > 0) {
      --file_.failing_;
      return read_error(path(), offset, EIO);
    } else if (file_.fails_()) {
      return read_error(path(), offset, EIO);
    }
    const std::string& bytes = file_.bytes();
    if (offset + length > bytes.size()) return shrank_error(path(), offset, bytes.size());
    std::memcpy(memory.data(), bytes.data() + offset, length);
    return std::span<const std::byte>(memory.data(), length);
  }
  std::size_t memory_for(std::uint64_t, std::size_t length) const override { return length; }
  ReadMode mode() const override { return ReadMode::buffered; }
  Result<FileIdentity> identity_now() const override { return file_.identity_; }

 private:
  File& file_;
};

inline Result<OpenedSource> File::open(const std::string& path, std::size_t) {
  if (path != path_) return Error{ErrorKind::local_file, "no such file", ENOENT};
  return OpenedSource{.source = std::make_unique<Reader>(*this), .reason = "simulated"};
}

}  // namespace sluice::sim
