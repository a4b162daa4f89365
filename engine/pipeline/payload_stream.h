#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <span>

#include "engine/pipeline/pipeline.h"
#include "engine/pipeline/range_digest.h"
#include "io/result.h"

namespace sluice {

/// The file's bytes, from any offset on, as the network takes them: the consumer's end of a
/// Pipeline, cut into pieces of any size.
///
/// Blocks come out of the pipeline strictly in order, and the digest of the file has seen them by
/// then. Several requests may take their bytes side by side, each from its own place in what has
/// come; each byte can be had once, and a block goes back to the pool as soon as its last byte is
/// copied. So whoever is ahead is never further ahead than the pool is large.
///
/// One thread at a time, the network thread's.
class PayloadStream {
 public:
  /// `on_ready`: called from any thread when more has come than there was.
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

  /// Whether nothing from that offset on was claimed, and everything can be had.
  bool stands_at(std::uint64_t offset) const { return open_ && claimed_ == offset; }
  /// The bytes from where it stands up to `end` are somebody's, who is about to read() them.
  void claim(std::uint64_t end) { claimed_ = end; }

  /// How many bytes of the file are behind this: those in front of where it was last sent to, and
  /// those that were read() since. Any thread.
  std::uint64_t passed() const { return passed_; }

  /// How many bytes were read() in all, again and again ones included: what goes over the network,
  /// where passed() jumps to where an earlier run was. Any thread.
  std::uint64_t handed() const { return handed_; }

  /// The end of what has come; what lies behind it is not there yet.
  std::uint64_t arrived();
  /// Why nothing more will come, once arrived() has met that; read() says so too.
  const std::optional<Error>& error() const { return error_; }

  /// Copies up to `into.size()` bytes from `offset` on, fewer if fewer are there, 0 if none is
  /// there yet. The error is the source's, or FileDigest's.
  Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> into);

  /// Starts to compute the digest of bytes that have come and were not read. Whatever takes them
  /// away waits for it (1 ms for 1.6 MB of SHA-1). `on_done`: any thread. Not while hashing().
  void hash(std::uint64_t begin, std::uint64_t end, const std::string& algorithm,
            std::function<void()> on_done);
  bool hashing() const { return digest_ && !digest_->done(); }
  /// The digest of [begin, end), if that was the last to be hashed and is done; else null.
  const std::string* digest_of(std::uint64_t begin, std::uint64_t end) const;

  /// What a read() that got nothing waits for.
  Window::Waiting waiting_for() const { return waiting_for_; }

 private:
  struct Held {
    Block block;
    std::size_t left = 0;  ///< bytes that nobody has copied; 0: the buffer went back
  };
  Result<void> take_ready();
  Held& held_at(std::uint64_t offset);

  const Pipeline::Setting setting_;
  const std::function<void()> on_ready_;
  std::unique_ptr<Pipeline> pipeline_;
  bool open_ = false;          ///< seek() was the last word
  std::uint64_t begin_ = 0;    ///< where seek() went
  std::uint64_t claimed_ = 0;  ///< up to here
  std::uint64_t arrived_ = 0;  ///< up to here
  std::optional<Error> error_;
  std::deque<Held> held_;                ///< neighbours; the first one has bytes left
  std::unique_ptr<RangeDigest> digest_;  ///< of some of them
  std::uint64_t digest_begin_ = 0;
  std::uint64_t digest_end_ = 0;
  std::atomic<std::uint64_t> passed_{0};
  std::atomic<std::uint64_t> handed_{0};
  Window::Waiting waiting_for_ = Window::Waiting::read;
};

}  // namespace sluice
