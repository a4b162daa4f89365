// Benchmarks of the checksums, the journal, and the whole pipeline without a network.
//
//   SLUICE_BENCH_DIR=/scratch build/release/bin/engine_bench --benchmark_repetitions=5
//       --benchmark_report_aggregates_only=true
//
// bench/README.md has recorded figures. The file is bench_file.h's: 1 GiB in blocks of 4 MiB.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <latch>
#include <memory>
#include <random>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

#include "bench/bench_file.h"
#include "engine/digest/file_digest.h"
#include "engine/journal/journal_thread.h"
#include "engine/pipeline/payload_stream.h"
#include "engine/pipeline/pipeline.h"
#include "io/buffer_pool.h"
#include "io/open_source.h"

namespace {

using namespace sluice;
using bench::BenchFile;
using bench::block_bytes;
using bench::file_size;

std::vector<std::byte> random_block() {
  std::vector<std::byte> bytes(block_bytes);
  std::mt19937_64 random(1);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  return bytes;
}

/// XXH3 of one block repeatedly, which stays in the CPU caches.
void checksum_of_a_block(benchmark::State& state) {
  const auto bytes = random_block();
  for (auto _ : state) benchmark::DoNotOptimize(block_checksum(bytes));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(block_bytes));
}
BENCHMARK(checksum_of_a_block);

/// XXH128 of a file with identical blocks.
void digest_of_a_file(benchmark::State& state) {
  const auto bytes = random_block();
  const std::uint64_t checksum = block_checksum(bytes);
  for (auto _ : state) {
    FileDigest digest("bench", file_size);
    for (std::uint64_t number = 0; number * block_bytes < file_size; ++number) {
      Block block;
      block.number = number;
      block.bytes = bytes;
      block.checksum = checksum;
      if (!digest.add(block)) std::abort();
    }
    benchmark::DoNotOptimize(digest.xxh128());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(file_size));
}
BENCHMARK(digest_of_a_file)->Unit(benchmark::kMillisecond);

/// The whole pipeline without a network: readers, checksums, window, and the copy for curl. The
/// rate is that of an upload over an unlimited network. The first argument is the number of blocks
/// in the pool, the second the number of readers.
void pipeline_into_nothing(benchmark::State& state, ReadMode mode, bool cold) {
  const BenchFile& file = BenchFile::get();
  const auto opened = open_source(file.path(), mode, block_bytes).value();
  if (opened.fell_back) return state.SkipWithError(opened.reason.c_str());
  const auto pool =
      BufferPool::create(block_bytes, static_cast<std::size_t>(state.range(0))).value();
  ChecksumWorkers workers(static_cast<int>(std::max(1U, std::thread::hardware_concurrency())));
  std::vector<std::byte> curls(512 * 1024);
  if (!cold) file.warm();
  for (auto _ : state) {
    state.PauseTiming();
    if (cold) file.cool();
    state.ResumeTiming();
    FileDigest digest(file.path(), file_size);
    PipelineClocks clocks;
    std::counting_semaphore<> ready{0};
    PayloadStream stream({*opened.source, *pool, workers, digest, clocks, block_bytes,
                          static_cast<int>(state.range(1))},
                         [&] { ready.release(); });
    stream.seek(0);
    while (stream.passed() < file_size) {
      const auto got = stream.read(stream.passed(), curls);
      if (!got) std::abort();
      if (*got == 0) ready.acquire();
    }
    benchmark::DoNotOptimize(digest.xxh128());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(file_size));
}

void settings(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"blocks", "readers"})->UseRealTime()->Unit(benchmark::kMillisecond);
  for (const std::int64_t readers : {1, 2, 4, 8, 15}) benchmark->Args({16, readers});
  benchmark->Args({4, 2});
}
BENCHMARK_CAPTURE(pipeline_into_nothing, buffered_warm, ReadMode::buffered, false)->Apply(settings);
BENCHMARK_CAPTURE(pipeline_into_nothing, mmap_warm, ReadMode::mmap, false)->Apply(settings);
BENCHMARK_CAPTURE(pipeline_into_nothing, direct_cold, ReadMode::direct, true)->Apply(settings);
BENCHMARK_CAPTURE(pipeline_into_nothing, buffered_cold, ReadMode::buffered, true)->Apply(settings);

/// A journal with some uploads, in $SLUICE_BENCH_DIR or the working directory.
class BenchJournal {
 public:
  explicit BenchJournal(std::size_t uploads) {
    const char* const directory = std::getenv("SLUICE_BENCH_DIR");
    directory_ = std::string(directory != nullptr ? directory : ".") + "/sluice-bench.journal";
    journal = Journal::open(directory_).value();
    for (std::size_t i = 0; i < uploads; ++i) {
      JournalEntry entry;
      entry.system = "https://databank.example";
      entry.dataset = "IDB-1";
      entry.name = std::to_string(i);
      entry.path = "/data/" + entry.name;
      entry.file.size = 10 << 10;
      entry.block_bytes = block_bytes;
      ids.push_back(journal->begin(entry).value());
    }
  }
  ~BenchJournal() { std::filesystem::remove_all(directory_); }
  BenchJournal(const BenchJournal&) = delete;
  BenchJournal& operator=(const BenchJournal&) = delete;

  std::unique_ptr<Journal> journal;
  std::vector<std::int64_t> ids;

 private:
  std::string directory_;
};

/// The journal step of a small file: the checksum of its only block.
constexpr std::uint64_t one_checksum[] = {1};
const JournalStep small_step = {.committed = 10 << 10,
                                .hashed = JournalStep::Hashed{0, one_checksum, "state"}};

/// One transaction for each step, one after the other.
void journal_alone(benchmark::State& state) {
  const BenchJournal bench(1);
  for (auto _ : state)
    if (!bench.journal->record(bench.ids[0], small_step)) std::abort();
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(journal_alone)->UseRealTime()->Unit(benchmark::kMicrosecond);

/// Concurrent uploads, each of which posts its next step when the previous one is written.
void journal_posted(benchmark::State& state) {
  BenchJournal bench(static_cast<std::size_t>(state.range(0)));
  JournalThread thread(std::move(bench.journal));
  constexpr int pieces = 20;
  for (auto _ : state) {
    std::latch all_told(state.range(0));
    const std::function<void(std::int64_t, int)> post = [&](std::int64_t id, int left) {
      thread.post([id](JournalTables& tables) { return tables.record(id, small_step); },
                  [&, id, left](const Result<void>& written) {
                    if (!written) std::abort();
                    if (left == 1) return all_told.count_down();
                    post(id, left - 1);
                  });
    };
    for (const std::int64_t id : bench.ids) post(id, pieces);
    all_told.wait();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0) * pieces);
}
BENCHMARK(journal_posted)->ArgName("uploads")->Arg(1)->Arg(8)->Arg(16)->UseRealTime();

}  // namespace
