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

/// The consumer's end of a Pipeline: an ordered stream of the file's bytes from any offset, which
/// the network thread takes in pieces of any size.
///
/// The pipeline delivers blocks strictly in order, and FileDigest has seen a block before the block
/// is delivered. Several requests may read at the same time, each from its own offset in the bytes
/// that have arrived. Each byte can be read once, and a block's buffer returns to the pool when the
/// block's last byte is copied. So the offsets of the requests are never further apart than the
/// pool is large.
///
/// Only one thread at a time may call, the network thread, except for the members marked "any
/// thread".
class PayloadStream {
 public:
  /// `on_ready`: called on any thread when more bytes have arrived.
  PayloadStream(const Pipeline::Setting& setting, std::function<void()> on_ready);

  /// Starts to read ahead from `offset`, at most the file's size. Discards everything that was read
  /// ahead before, and ends the old readers: blocks until their reads in progress have ended. If
  /// the file's digest is behind `offset`, the pipeline reads from the digest's position, so that
  /// the digest misses no byte.
  void seek(std::uint64_t offset);
  /// Ends the stream without waiting for the readers: returns every buffer that no reader or worker
  /// is using. Blocks only until a digest that is being computed is done. Only stop() and seek()
  /// may be called afterwards.
  void cancel();
  /// Ends the readers, blocks until they have ended, and returns every buffer. seek() starts the
  /// stream again.
  void stop();

  /// Returns whether the stream is open and the next unclaimed byte is the one at `offset`, so that
  /// a request can claim() from there.
  bool stands_at(std::uint64_t offset) const { return open_ && claimed_ == offset; }
  /// Claims the bytes from the current position up to offset `end` for a request that is about to
  /// read() them.
  void claim(std::uint64_t end) { claimed_ = end; }

  /// Returns the position in the file, in bytes: the offset of the last seek() plus the bytes read
  /// since. Any thread.
  std::uint64_t passed() const { return passed_; }

  /// Returns the total number of bytes that were read, repeated reads included: the number of bytes
  /// that go over the network. Unlike passed(), this number does not jump to the offset at which an
  /// upload resumes. Any thread.
  std::uint64_t total_read() const { return total_read_; }

  /// Takes the blocks that are ready, and returns the offset of the first byte that has not
  /// arrived.
  std::uint64_t arrived();
  /// Returns why no more bytes will arrive; set once arrived() has met that error. read() returns
  /// the same error.
  const std::optional<Error>& error() const { return error_; }

  /// Copies up to `into.size()` bytes from `offset`. Returns the number of bytes copied: fewer if
  /// fewer have arrived, 0 if none has. Errors: those of Source::read() and FileDigest::add().
  /// Throws std::logic_error if a byte was read before, which is a bug in the caller.
  Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> into);

  /// Starts to compute the digest of the bytes [begin, end), which have arrived and were not read.
  /// `algorithm`: one that RangeDigest::available() accepts. `on_done`: called on any thread. While
  /// hashing(), hash() must not be called again, the bytes must not be read, and seek(), stop(),
  /// cancel() and the destructor block until the digest is done (1 ms for 1.6 MB of SHA-1).
  void hash(std::uint64_t begin, std::uint64_t end, const std::string& algorithm,
            std::function<void()> on_done);
  /// Returns whether a digest is being computed.
  bool hashing() const { return digest_ && !digest_->done(); }
  /// Returns the raw digest of [begin, end) if that range was the last one given to hash() and its
  /// digest is done; null otherwise.
  const std::string* digest_of(std::uint64_t begin, std::uint64_t end) const;

  /// Returns why the last read() got no byte.
  Window::Waiting waiting_for() const { return waiting_for_; }

 private:
  struct Held {
    Block block;
    std::size_t left = 0;  ///< bytes that were not copied yet; 0: the buffer was returned
  };
  Result<void> take_ready();
  Held& held_at(std::uint64_t offset);

  const Pipeline::Setting setting_;
  const std::function<void()> on_ready_;
  std::unique_ptr<Pipeline> pipeline_;
  bool open_ = false;          ///< true after seek(), false after cancel() or stop()
  std::uint64_t begin_ = 0;    ///< offset of the last seek()
  std::uint64_t claimed_ = 0;  ///< end of the claimed bytes
  std::uint64_t arrived_ = 0;  ///< end of the bytes that have arrived
  std::optional<Error> error_;
  std::deque<Held> held_;                ///< consecutive blocks; the first one has bytes left
  std::unique_ptr<RangeDigest> digest_;  ///< the last digest that hash() started
  std::uint64_t digest_begin_ = 0;
  std::uint64_t digest_end_ = 0;
  std::atomic<std::uint64_t> passed_{0};
  std::atomic<std::uint64_t> total_read_{0};
  Window::Waiting waiting_for_ = Window::Waiting::read;
};

}  // namespace sluice
