#include "tests/simulation/counted_file.h"

#include <sys/mman.h>

#include <cerrno>
#include <new>
#include <utility>

namespace sluice::sim {

/// Reads with O_DIRECT, as sluice does with a file that is not in the page cache.
class CountedFile::Reader final : public Source {
 public:
  Reader(const CountedFile& file) : Source(file.path_, file.identity_), file_(file) {}

  Result<std::span<const std::byte>> read(std::uint64_t offset, std::size_t length,
                                          std::span<std::byte>) const override {
    if (offset + length > identity().size) return shrank_error(path(), offset, identity().size);
    return std::span<const std::byte>(file_.zeros_.first(length));
  }
  std::size_t memory_for(std::uint64_t, std::size_t length) const override { return length; }
  ReadMode mode() const override { return ReadMode::direct; }
  Result<FileIdentity> identity_now() const override { return file_.identity_; }

 private:
  const CountedFile& file_;
};

CountedFile::CountedFile(std::string path, std::uint64_t size, std::size_t most_read)
    : path_(std::move(path)),
      identity_{.size = size, .modified = {1'700'000'000, 0}, .device = 1, .inode = 7} {
  void* const memory =
      ::mmap(nullptr, most_read, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  // A huge page of zeros would not fit into the cache. Without effect where there are none.
  static_cast<void>(::madvise(memory, most_read, MADV_NOHUGEPAGE));
  zeros_ = {static_cast<std::byte*>(memory), most_read};
}

CountedFile::~CountedFile() {
  ::munmap(zeros_.data(), zeros_.size());
}

Result<OpenedSource> CountedFile::open(const std::string& path, std::size_t) {
  if (path != path_) return Error{ErrorKind::local_file, "no such file", ENOENT};
  return OpenedSource{.source = std::make_unique<Reader>(*this), .reason = "simulated"};
}

Result<FileIdentity> CountedFile::identity_at(const std::string& path) {
  if (path != path_) return Error{ErrorKind::local_file, "no such file", ENOENT};
  return identity_;
}

}  // namespace sluice::sim
