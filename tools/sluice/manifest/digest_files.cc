#include "tools/sluice/manifest/digest_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "engine/base/text.h"
#include "engine/digest/evp_digest.h"
#include "engine/digest/xxh128_state.h"
#include "io/buffer_pool.h"
#include "io/open_source.h"
#include "io/signals_blocked.h"

namespace sluice::cli {
namespace {

/// The number of buffers for a large file: blocks in flight.
constexpr std::size_t digest_pool_blocks = 5;
/// The interval for updating the progress of a large file, and for checking cancellation.
constexpr auto progress_tick = std::chrono::milliseconds(50);

Error interrupted(const std::string& path) {
  return Error{ErrorKind::interrupted, fmt::format("reading {} was interrupted", printable(path))};
}

}  // namespace

Result<std::unique_ptr<DigestFiles>> DigestFiles::start(std::vector<std::string> paths,
                                                        std::vector<DigestKind> extra,
                                                        unsigned threads) {
  TRY(check_available(extra));
  threads = std::clamp(threads, 1U, most_threads);
  std::unique_ptr<DigestFiles> digests(
      new DigestFiles(std::move(paths), std::move(extra), threads));
  const SignalsBlocked blocked;
  const std::size_t wanted = std::min<std::size_t>(threads, digests->paths_.size());
  try {
    while (digests->threads_.size() < wanted)
      digests->threads_.emplace_back([self = digests.get()] { self->work(); });
  } catch (const std::system_error& error) {
    if (!digests->threads_.empty()) return digests;
    Error failed = errno_error(ErrorKind::failed, error.code().value(),
                               "cannot start a thread to read the files");
    failed.message += "; raise the limit on threads (ulimit -u)";
    return failed;
  }
  return digests;
}

DigestFiles::DigestFiles(std::vector<std::string> paths, std::vector<DigestKind> extra,
                         unsigned threads)
    : paths_(std::move(paths)),
      extra_(std::move(extra)),
      workers_(static_cast<int>(threads)),
      left_(paths_.size()),
      results_(paths_.size()) {
  threads_.reserve(threads);
}

DigestFiles::~DigestFiles() {
  cancel();
  for (std::thread& thread : threads_) thread.join();
}

bool DigestFiles::wait_until(std::chrono::steady_clock::time_point deadline) {
  MutexLock lock(mutex_);
  while (left_ > 0)
    if (!all_done_.wait_until(mutex_, deadline)) return left_ == 0;
  return true;
}

DigestFiles::Results DigestFiles::take_results() {
  return std::move(results_);
}

void DigestFiles::work() {
  while (true) {
    const std::size_t file = next_++;
    if (file >= paths_.size()) return;
    results_[file] = digest(paths_[file]);
    ++files_done_;
    MutexLock lock(mutex_);
    if (--left_ == 0) all_done_.notify_all();
  }
}

Result<DigestFiles::Digests> DigestFiles::digest(const std::string& path) {
  if (cancelled_) return interrupted(path);
  try {
    TRY_ASSIGN(OpenedSource opened, open_source(path, ReadMode::automatic, block_bytes));
    const Source& source = *opened.source;
    return source.identity().size <= most_small_bytes ? digest_small(source) : digest_large(source);
  } catch (const std::bad_alloc&) {
    return Error{ErrorKind::failed,
                 fmt::format("cannot read {}: no memory; end other programs", printable(path))};
  }
}

Result<DigestFiles::Digests> DigestFiles::digest_small(const Source& source) {
  TRY_ASSIGN(const auto pool,
             BufferPool::create((source.memory_for(0, block_bytes) + BufferPool::alignment - 1) /
                                    BufferPool::alignment * BufferPool::alignment,
                                1));
  const Buffer buffer = pool->try_acquire();
  Xxh128State xxh128;
  std::vector<EvpDigest> others;
  for (const DigestKind kind : extra_) {
    TRY_ASSIGN(EvpDigest digest, EvpDigest::create(kind));
    others.push_back(std::move(digest));
  }
  Digests digests;
  digests.bytes = source.identity().size;
  for (std::uint64_t offset = 0; offset < digests.bytes; offset += block_bytes) {
    if (cancelled_) return interrupted(source.path());
    const auto length =
        static_cast<std::size_t>(std::min<std::uint64_t>(block_bytes, digests.bytes - offset));
    TRY_ASSIGN(const std::span<const std::byte> bytes,
               source.read(offset, length, buffer.memory()));
    xxh128.update(bytes);
    for (EvpDigest& digest : others) digest.update(bytes);
    bytes_done_ += bytes.size();
  }
  TRY_ASSIGN(const FileIdentity now, source.identity_now());
  if (now != source.identity())
    return Error{ErrorKind::local_file,
                 fmt::format("cannot list {}: the file changed while sluice was reading it; try "
                             "again when no program writes to the file any more",
                             printable(source.path()))};
  digests.xxh128 = xxh128.hex();
  for (const EvpDigest& digest : others)
    (digest.kind() == DigestKind::md5 ? digests.md5 : digests.sha256) = digest.hex();
  return digests;
}

Result<DigestFiles::Digests> DigestFiles::digest_large(const Source& source) {
  TRY_ASSIGN(const auto check, FileCheck::start({.source = source,
                                                 .workers = workers_,
                                                 .block_bytes = block_bytes,
                                                 .pool_blocks = digest_pool_blocks,
                                                 .extra = extra_}));
  std::uint64_t counted = 0;
  const auto count = [&] {
    const std::uint64_t read = check->progress();
    bytes_done_ += read - std::exchange(counted, read);
  };
  while (!check->wait_until(std::chrono::steady_clock::now() + progress_tick)) {
    count();
    if (cancelled_) check->cancel();
  }
  count();
  TRY_ASSIGN(FileCheck::Digests read, check->result());
  return Digests{source.identity().size, std::move(read.xxh128), std::move(read.md5),
                 std::move(read.sha256)};
}

}  // namespace sluice::cli
