#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <utility>

#include "engine/http.h"
#include "engine/payload_stream.h"
#include "engine/protocol.h"

namespace sluice {

/// A Request as bytes: its head, its payload out of a PayloadStream, its tail. Network thread only.
class StreamedRequest final : public RequestBody {
 public:
  using Clock = std::chrono::steady_clock;

  /// What else happens while a request goes out.
  struct Hooks {
    /// Called whenever more of it is asked for.
    std::function<void()> on_read = [] {};
    /// Asked before the tail, without which no server can act on the request, goes out; while it
    /// says no, read() answers not_yet, and whoever says so sees to the Http::resume().
    std::function<bool()> may_end = [] { return true; };
  };

  /// `payload` stands, or will by the first read(), at the request's range; it is not touched where
  /// the range is empty. Both outlive this.
  StreamedRequest(const Request& request, PayloadStream& payload, Hooks hooks)
      : request_(request), payload_(payload), hooks_(std::move(hooks)) {}

  Piece read(std::span<std::byte> into) override;
  bool rewind() override;

  /// Why read() answered `failed`.
  const std::optional<Error>& error() const { return error_; }
  /// When the last byte was handed over; nothing before that.
  std::optional<Clock::time_point> all_handed() const { return all_handed_; }

 private:
  const Request& request_;
  PayloadStream& payload_;
  const Hooks hooks_;
  std::uint64_t handed_ = 0;
  std::optional<Clock::time_point> all_handed_;
  std::optional<Error> error_;
};

}  // namespace sluice
