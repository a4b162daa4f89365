#include "tools/sluice/commands/disk_rate.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "engine/base/text.h"
#include "io/buffer_pool.h"
#include "io/open_source.h"
#include "io/sync.h"

namespace sluice::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t block_bytes = std::size_t{4} << 20;

/// The same as in an upload (engine/upload/upload_run.cc): a single read in flight does not
/// saturate a disk.
int readers_for(ReadMode mode) {
  return mode == ReadMode::direct ? 8 : 2;
}

}  // namespace

Result<DiskRate> measure_disk(const std::string& path, std::chrono::milliseconds longest,
                              std::uint64_t most_bytes) {
  auto opening = open_source(path, ReadMode::automatic, block_bytes);
  if (!opening) {
    Error error = std::move(opening).error();
    error.message = printable(error.message);
    return error;
  }
  const Source& source = *opening->source;
  const std::uint64_t size = std::min(source.identity().size, most_bytes);
  const int readers = readers_for(source.mode());
  TRY_ASSIGN(const auto pool, BufferPool::create(block_bytes, static_cast<std::size_t>(readers)));
  const auto begin = Clock::now();
  std::atomic<std::uint64_t> next{0};
  std::atomic<std::uint64_t> read{0};
  Mutex mutex;
  std::optional<Error> failure;
  const auto work = [&] {
    const Buffer buffer = pool->try_acquire();  // the pool has one buffer for each reader
    while (Clock::now() - begin < longest) {
      const std::uint64_t offset = next.fetch_add(block_bytes);
      if (offset >= size) return;
      const auto length =
          static_cast<std::size_t>(std::min<std::uint64_t>(block_bytes, size - offset));
      const auto bytes = source.read(offset, length, buffer.memory());
      if (!bytes) {
        const MutexLock lock(mutex);
        failure = bytes.error();
        return;
      }
      read += bytes->size();
    }
  };
  {
    std::vector<std::jthread> threads;
    threads.reserve(static_cast<std::size_t>(readers));
    for (int i = 0; i < readers; ++i) threads.emplace_back(work);
  }
  if (failure) {
    failure->message = printable(failure->message);
    return *std::move(failure);
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  return DiskRate{seconds > 0 ? static_cast<double>(read) / seconds : 0, read, opening->reason};
}

}  // namespace sluice::cli
