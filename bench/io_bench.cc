// Benchmarks of the buffer pool and of the sources.
//
//   SLUICE_BENCH_DIR=/scratch build/release/bin/io_bench --benchmark_repetitions=3
//       --benchmark_report_aggregates_only=true --benchmark_min_warmup_time=0
//
// The reads go over a file of 1 GiB, made in $SLUICE_BENCH_DIR or the working directory and removed
// at the end, in blocks of 4 MiB. "cold" evicts it from the page cache before each pass; "warm"
// reads it once first. The number behind is how many reads are in flight. A virtual disk may have a
// cache of its own that cannot be evicted: compare runs on one machine, and look at the spread.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <random>
#include <span>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bench/bench_file.h"
#include "io/buffer_pool.h"
#include "io/open_source.h"
#include "io/page_cache.h"

namespace {

using namespace sluice;

using bench::BenchFile;
using bench::file_size;
constexpr std::size_t block = bench::block_bytes;

/// Reads the block at that offset into that memory.
using ReadBlock = std::function<void(std::uint64_t, std::span<std::byte>)>;

/// Reads the whole file with `readers` threads, each of which claims the next block.
void read_all(benchmark::State& state, const ReadBlock& read, bool cold, std::size_t readers,
              bool huge_pages = true) {
  const BenchFile& file = BenchFile::get();
  const auto pool = BufferPool::create(block, readers).value();
  std::vector<Buffer> buffers;
  while (Buffer buffer = pool->try_acquire()) {
    if (!huge_pages) ::madvise(buffer.memory().data(), block, MADV_NOHUGEPAGE);
    buffers.push_back(std::move(buffer));
  }
  if (!cold) file.warm();
  for (auto _ : state) {
    state.PauseTiming();
    if (cold) file.cool();
    state.ResumeTiming();
    std::atomic<std::uint64_t> next = 0;
    std::vector<std::jthread> threads;
    threads.reserve(buffers.size());
    for (const Buffer& buffer : buffers) {
      threads.emplace_back([&] {
        for (std::uint64_t at = next++ * block; at < file_size; at = next++ * block) {
          read(at, buffer.memory());
        }
      });
    }
    threads.clear();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(file_size));
}

void read_source(benchmark::State& state, ReadMode mode, bool cold, bool huge_pages = true) {
  auto opened = open_source(BenchFile::get().path(), mode, block).value();
  if (opened.fell_back) return state.SkipWithError(opened.reason.c_str());
  read_all(
      state,
      [&](std::uint64_t offset, std::span<std::byte> memory) {
        if (!opened.source->read(offset, block, memory)) std::abort();
      },
      cold, static_cast<std::size_t>(state.range(0)), huge_pages);
}

/// Maps and copies each block, with and without MADV_POPULATE_READ.
void read_mapping(benchmark::State& state, int populate, bool cold) {
  const int fd = BenchFile::get().fd();
  read_all(
      state,
      [&](std::uint64_t offset, std::span<std::byte> memory) {
        void* const mapped = ::mmap(nullptr, block, PROT_READ, MAP_SHARED | populate, fd,
                                    static_cast<off_t>(offset));
        if (mapped == MAP_FAILED) std::abort();
        std::copy_n(static_cast<const std::byte*>(mapped), block, memory.data());
        ::munmap(mapped, block);
      },
      cold, static_cast<std::size_t>(state.range(0)));
}

/// Buffered reads after readahead(2) for the whole block, instead of the kernel's read-ahead
/// window.
void read_announced(benchmark::State& state, bool cold) {
  const int fd = BenchFile::get().fd();
  read_all(
      state,
      [&](std::uint64_t offset, std::span<std::byte> memory) {
        ::posix_fadvise(fd, static_cast<off_t>(offset), block, POSIX_FADV_WILLNEED);
        if (::pread(fd, memory.data(), block, static_cast<off_t>(offset)) < 0) std::abort();
      },
      cold, static_cast<std::size_t>(state.range(0)));
}

void passes(benchmark::internal::Benchmark* reads) {
  reads->ArgName("in_flight")->Arg(1)->Arg(4)->Arg(8)->Arg(16);
  reads->Iterations(3)->UseRealTime()->Unit(benchmark::kMillisecond);
}

BENCHMARK_CAPTURE(read_source, direct_cold, ReadMode::direct, true)->Apply(passes);
BENCHMARK_CAPTURE(read_source, buffered_cold, ReadMode::buffered, true)->Apply(passes);
BENCHMARK_CAPTURE(read_source, mmap_cold, ReadMode::mmap, true)->Apply(passes);
BENCHMARK_CAPTURE(read_source, direct_warm, ReadMode::direct, false)->Apply(passes);
BENCHMARK_CAPTURE(read_source, buffered_warm, ReadMode::buffered, false)->Apply(passes);
BENCHMARK_CAPTURE(read_source, mmap_warm, ReadMode::mmap, false)->Apply(passes);
BENCHMARK_CAPTURE(read_source, buffered_warm_small_pages, ReadMode::buffered, false, false)
    ->Apply(passes);
BENCHMARK_CAPTURE(read_source, direct_cold_small_pages, ReadMode::direct, true, false)
    ->Apply(passes);
BENCHMARK_CAPTURE(read_mapping, plain_cold, 0, true)->Apply(passes);
BENCHMARK_CAPTURE(read_mapping, populate_cold, MAP_POPULATE, true)->Apply(passes);
BENCHMARK_CAPTURE(read_mapping, plain_warm, 0, false)->Apply(passes);
BENCHMARK_CAPTURE(read_mapping, populate_warm, MAP_POPULATE, false)->Apply(passes);
BENCHMARK_CAPTURE(read_announced, cold, true)->Apply(passes);
BENCHMARK_CAPTURE(read_announced, warm, false)->Apply(passes);

/// acquire() and release() from several threads. With fewer `buffers` than threads, threads wait.
void pool_acquire_release(benchmark::State& state) {
  static std::unique_ptr<BufferPool> pool;
  if (state.thread_index() == 0) {
    pool =
        BufferPool::create(BufferPool::alignment, static_cast<std::size_t>(state.range(0))).value();
  }
  const std::stop_token never;
  for (auto _ : state) {
    const Buffer buffer = pool->acquire(never);
    benchmark::DoNotOptimize(buffer.memory().data());
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
  if (state.thread_index() == 0) pool.reset();
}
BENCHMARK(pool_acquire_release)->ArgName("buffers")->Arg(16)->ThreadRange(1, 16)->UseRealTime();
BENCHMARK(pool_acquire_release)->ArgName("buffers")->Arg(2)->Threads(4)->Threads(16)->UseRealTime();

void look_at_page_cache(benchmark::State& state) {
  const BenchFile& file = BenchFile::get();
  for (auto _ : state) benchmark::DoNotOptimize(sample_page_cache(file.fd(), file_size).cached);
}
BENCHMARK(look_at_page_cache);

}  // namespace
