#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "engine/policy/chunk_sizer.h"
#include "engine/policy/lookahead.h"
#include "engine/upload/rate_meter.h"

namespace sluice {

/// How long the next chunk of an upload is, and how many chunks may be in flight: ChunkSizer and
/// Lookahead, with the measurements that both need. Pure: callers pass the time. One thread at a
/// time.
class ChunkPlanner {
 public:
  using Time = std::chrono::steady_clock::time_point;

  struct Setting {
    ChunkSizer::Setting sizer;
    Lookahead::Setting lookahead;
    std::uint64_t size = 0;  ///< of the file, bytes
    /// No chunk is longer, as all of it has to be in memory to be checksummed; bytes.
    std::uint64_t most_bytes = ~std::uint64_t{0};
    bool keeps_parts_of_chunks = false;  ///< Protocol::keeps_parts_of_chunks()
  };

  explicit ChunkPlanner(const Setting& setting);

  /// Returns the length, in bytes, of the chunk that begins at offset `begin`; `committed` and
  /// `least`: Protocol::committed() and least_chunk().
  std::uint64_t length(std::uint64_t begin, std::uint64_t committed, std::uint64_t least) const;
  /// How many chunks may be pipelined behind the one in front.
  unsigned depth() const { return lookahead_.depth(); }
  /// How many chunks may send at the same time. `passed`: PayloadStream::passed(); `last`: bytes of
  /// the last chunk that has begun.
  unsigned streams(std::uint64_t passed, std::uint64_t last, Time now) {
    return lookahead_.streams(rate_.look(passed, now), last);
  }

  /// A chunk begins that no chunk is in front of; `idle_s`: TransferTimes::idle_s().
  void begin_interval(Time now, double idle_s);
  /// The server has confirmed a chunk of so many bytes. Returns the largest payload that this
  /// server takes, where that was just found out and is worth remembering.
  std::optional<std::uint64_t> committed(std::uint64_t bytes, bool was_pipelined, Time now,
                                         double idle_s);
  void answered(const Answer& answer) { lookahead_.answered(answer); }
  /// The setup is over. It held back the chunk that travelled with it, so the rate so far says
  /// nothing.
  void setup_ended() { rate_.restart(); }

  /// A chunk broke on its way.
  void chunk_failed() { sizer_.failed(); }
  /// The same at that offset, where the server keeps parts of chunks: found_offset() says whether
  /// it kept any.
  void chunk_broke_at(std::uint64_t offset) { broke_at_ = offset; }
  /// The server has said how much it holds. If it kept nothing of a chunk that broke, some front
  /// server collects whole requests, and chunks have to be shorter.
  void found_offset(std::uint64_t committed);
  /// The server refused a request with that payload as too large (413). False where nothing smaller
  /// can be sent.
  bool too_large(std::uint64_t payload);

  /// A pipelined chunk failed, or the one in front of it; see Lookahead::failed_ahead().
  bool pipelining_failed(const Result<Answer>& result, bool held) {
    return lookahead_.failed_ahead(result, held);
  }

  std::uint64_t bound() const { return sizer_.bound(); }
  std::uint64_t worth_remembering() const { return sizer_.worth_remembering(); }
  /// Bytes of the largest chunk that was confirmed.
  std::uint64_t largest_committed() const { return largest_committed_; }
  std::uint64_t chunks() const { return chunks_; }
  /// A request that carried the whole file was confirmed.
  void count_whole() { ++chunks_; }

 private:
  const Setting setting_;
  ChunkSizer sizer_;
  Lookahead lookahead_;
  RateMeter rate_;
  std::uint64_t chunks_ = 0;  ///< confirmed
  std::uint64_t largest_committed_ = 0;
  Time interval_at_{};        ///< the last confirmation, or when the first chunk went out
  double interval_idle_ = 0;  ///< TransferTimes::idle_s() then
  std::optional<std::uint64_t> broke_at_;
  bool was_too_large_ = false;  ///< the last chunk that was answered
};

}  // namespace sluice
