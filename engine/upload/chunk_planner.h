#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "engine/policy/chunk_sizer.h"
#include "engine/policy/lookahead.h"
#include "engine/upload/rate_meter.h"

namespace sluice {

/// The chunk length and the number of pipelined chunks of one upload: a ChunkSizer and a Lookahead
/// with the measurements that both need. Performs no I/O and reads no clock: callers pass the time.
/// One thread at a time.
class ChunkPlanner {
 public:
  using Time = std::chrono::steady_clock::time_point;

  struct Setting {
    ChunkSizer::Setting sizer;
    Lookahead::Setting lookahead;
    std::uint64_t size = 0;  ///< of the file, in bytes
    /// Upper limit of the chunk length in bytes: a chunk that is checksummed must fit into memory.
    std::uint64_t most_bytes = ~std::uint64_t{0};
    bool keeps_parts_of_chunks = false;  ///< Protocol::keeps_parts_of_chunks()
  };

  explicit ChunkPlanner(const Setting& setting);

  /// Returns the length in bytes of the chunk that begins at offset `begin`. `committed` and
  /// `least` are Protocol::committed() and least_chunk().
  std::uint64_t length(std::uint64_t begin, std::uint64_t committed, std::uint64_t least) const;
  /// Returns how many chunks may be pipelined behind the front request.
  unsigned depth() const { return lookahead_.depth(); }
  /// Returns how many chunks may send concurrently. `passed`: PayloadStream::passed(). `last`:
  /// bytes of the last chunk that was started.
  unsigned streams(std::uint64_t passed, std::uint64_t last, Time now) {
    return lookahead_.streams(rate_.look(passed, now), last);
  }

  /// Starts the measurement for a chunk that becomes the front request. `idle_s`:
  /// TransferTimes::idle_s().
  void begin_interval(Time now, double idle_s);
  /// Records that the server confirmed a chunk of `bytes` bytes. Returns the largest payload that
  /// the server accepts if that was just found out and should be stored in the journal.
  std::optional<std::uint64_t> committed(std::uint64_t bytes, bool was_pipelined, Time now,
                                         double idle_s);
  /// Updates the network measurements from an answer to any request.
  void answered(const Answer& answer) { lookahead_.answered(answer); }
  /// Restarts the rate measurement after the setup request: a chunk that was pipelined behind the
  /// setup request had to wait for it.
  void setup_ended() { rate_.restart(); }

  /// Records that the transfer of a chunk failed.
  void chunk_failed() { sizer_.failed(); }
  /// Records the same for a chunk at `offset` of a server that keeps parts of chunks.
  /// found_offset() then tells whether the server kept any bytes of that chunk.
  void chunk_broke_at(std::uint64_t offset) { broke_at_ = offset; }
  /// Records the offset that the server reported. If the server kept nothing of a failed chunk, a
  /// reverse proxy buffers whole requests, and the next chunks must be shorter.
  void found_offset(std::uint64_t committed);
  /// Records that the server refused a request with `payload` bytes of the file as too large (413).
  /// Returns false if no smaller request is possible.
  bool too_large(std::uint64_t payload);

  /// Records that a pipelined chunk, or the front request before it, failed. See
  /// Lookahead::failed_ahead() for `held` and the result.
  bool pipelining_failed(const Result<Answer>& result, bool held) {
    return lookahead_.failed_ahead(result, held);
  }

  /// See ChunkSizer for bound() and worth_remembering().
  std::uint64_t bound() const { return sizer_.bound(); }
  std::uint64_t worth_remembering() const { return sizer_.worth_remembering(); }
  /// Bytes of the largest confirmed chunk.
  std::uint64_t largest_committed() const { return largest_committed_; }
  std::uint64_t chunks() const { return chunks_; }
  /// Counts a confirmed request that carried the whole file as one chunk.
  void count_whole() { ++chunks_; }

 private:
  const Setting setting_;
  ChunkSizer sizer_;
  Lookahead lookahead_;
  RateMeter rate_;
  std::uint64_t chunks_ = 0;  ///< confirmed
  std::uint64_t largest_committed_ = 0;
  Time interval_at_{};        ///< time of the last confirmation, or of the first chunk's start
  double interval_idle_ = 0;  ///< TransferTimes::idle_s() at interval_at_
  std::optional<std::uint64_t> broke_at_;  ///< offset of a failed chunk; until found_offset()
  bool was_too_large_ = false;  ///< refused with 413, and no smaller chunk confirmed since
};

}  // namespace sluice
