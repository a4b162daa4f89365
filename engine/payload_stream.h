#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "engine/pipeline.h"
#include "io/result.h"

namespace sluice {

/// The file's bytes in order, from any offset on, as the network takes them: the consumer's end of
/// a Pipeline, cut into pieces of any size. A block goes back to the pool as soon as its last byte
/// is copied.
///
/// One thread at a time, the network thread's.
class PayloadStream {
 public:
  /// `on_ready`: called from any thread when a read() that got nothing is worth repeating.
  PayloadStream(const Pipeline::Setting& setting, std::function<void()> on_ready);

  /// Goes to that offset, at most the file's size, and starts to read ahead from there; or from
  /// where the digest of the file is, if that is earlier, so that it misses nothing. Whatever was
  /// read ahead before is dropped; ends the old readers, which takes as long as the reads that are
  /// going on.
  void seek(std::uint64_t offset);
  /// Gives back every buffer that nobody is working on, without waiting; only stop() and seek() may
  /// follow.
  void give_up();
  /// Ends the readers and gives back every buffer. seek() starts again.
  void stop();

  /// Whether read() can go on from that offset as things are.
  bool stands_at(std::uint64_t offset) const {
    return pipeline_ && !given_up_ && offset_ == offset;
  }

  /// The offset of the next byte. Any thread.
  std::uint64_t offset() const { return offset_; }

  /// Copies up to `into.size()` bytes, fewer if fewer are there, 0 if none is there yet. The error
  /// is the source's, or FileDigest's.
  Result<std::size_t> read(std::span<std::byte> into);

  /// Seconds that read() had nothing to give, by what it waited for.
  double waited_for_read() const { return waited_for_read_; }
  double waited_for_checksum() const { return waited_for_checksum_; }

 private:
  void end_wait();

  const Pipeline::Setting setting_;
  const std::function<void()> on_ready_;
  std::unique_ptr<Pipeline> pipeline_;
  bool given_up_ = false;
  std::optional<Block> block_;  ///< the one that the next byte is in
  std::atomic<std::uint64_t> offset_{0};
  std::optional<Window::Waiting> waiting_;
  std::chrono::steady_clock::time_point waiting_since_{};
  double waited_for_read_ = 0;
  double waited_for_checksum_ = 0;
};

}  // namespace sluice
