#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <utility>

#include "engine/http/exchange.h"
#include "engine/pipeline/payload_stream.h"
#include "engine/protocol/protocol.h"

namespace sluice {

/// A Request as bytes: its head, its payload out of a PayloadStream, its tail. Network thread only.
class StreamedRequest final : public RequestBody {
 public:
  /// What it gave when it was last asked.
  enum class Gave {
    bytes,
    throttled,  ///< the rate limit let nothing out, so it was not asked
    nothing,    ///< the next block is not there yet
    gated,      ///< cleared() said no
    held,       ///< may_end() said no
    all,        ///< its last byte
  };

  /// What else happens while a request goes out.
  struct Hooks {
    /// Called after each read() that did not fail, and by throttled().
    std::function<void(Gave)> on_read = [](Gave) {};
    /// Up to which byte of the file the payload may go out; while that is not behind `offset`, the
    /// next one that would, read() answers not_yet, as for may_end().
    std::function<std::uint64_t(std::uint64_t offset)> cleared = [](std::uint64_t) {
      return ~std::uint64_t{0};
    };
    /// Asked before the tail, without which no server can act on the request, goes out; while it
    /// says no, read() answers not_yet, and whoever says so sees to the Transport::resume().
    std::function<bool()> may_end = [] { return true; };
    /// Asked before the payload is taken from its beginning again, which takes it away from
    /// whoever else is reading the stream.
    std::function<bool()> may_rewind = [] { return true; };
  };

  /// `payload` stands, or will by the first read(), at the request's range or before; it is not
  /// touched where the range is empty. Both outlive this.
  StreamedRequest(const Request& request, PayloadStream& payload, Hooks hooks)
      : request_(request), payload_(payload), hooks_(std::move(hooks)) {}

  Piece read(std::span<std::byte> into) override;
  void throttled() override {
    if (!abandoned_) hooks_.on_read(Gave::throttled);
  }
  bool rewind() override;
  /// From now on it only fails: its part of the payload is not there for it any more.
  void abandon() { abandoned_ = true; }

  /// Why read() answered `failed`; nothing if it was abandoned.
  const std::optional<Error>& error() const { return error_; }
  /// Bytes handed over, of all.
  std::uint64_t handed() const { return handed_; }
  bool payload_handed() const { return handed_ >= request_.head.size() + request_.payload.size(); }
  bool all_handed() const { return handed_ == request_.body_size(); }

 private:
  const Request& request_;
  PayloadStream& payload_;
  const Hooks hooks_;
  std::uint64_t handed_ = 0;
  bool abandoned_ = false;
  std::optional<Error> error_;
};

}  // namespace sluice
