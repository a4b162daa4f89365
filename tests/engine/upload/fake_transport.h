#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/http/transport.h"

namespace sluice::test {

/// A Transport without a network, on the test's thread. Keeps posted work until the test calls
/// run(), and each exchange until the test answers it, fails it or cancels it. The test reads the
/// request bodies, as a connection would.
class FakeTransport final : public Transport {
 public:
  using Time = std::chrono::steady_clock::time_point;

  struct Started {
    Exchange exchange;
    OnAnswer on_answer;  ///< empty after the end
    int resumed = 0;
    bool cancelled = false;
    std::optional<Answer::Network> network = {};

    bool is_over() const { return !on_answer; }
  };

  void stop() override {
    for (ExchangeId id = 1; id <= started.size(); ++id) cancel(id);
  }
  bool drain() override {
    const bool any = !posted_.empty() || !later_.empty();
    run();
    while (!later_.empty()) run_until(later_.begin()->first);
    return any;
  }
  void post(std::function<void()> work) override { posted_.push_back(std::move(work)); }
  void post_at(Time when, std::function<void()> work) override {
    later_.emplace(when, std::move(work));
  }
  ExchangeId start(const Exchange& exchange, OnAnswer on_answer) override {
    started.push_back({.exchange = exchange, .on_answer = std::move(on_answer)});
    return started.size();
  }
  void cancel(ExchangeId id) override {
    const std::size_t index = id - 1;
    if (started.at(index).is_over()) return;
    started.at(index).cancelled = true;
    fail(index, {ErrorKind::interrupted, "cancelled"});
  }
  std::optional<Answer::Network> network_of(ExchangeId id) const override {
    return started.at(id - 1).network;
  }
  bool is_network_thread() const override { return true; }
  std::chrono::nanoseconds cpu_time() const override { return {}; }
  void resume(ExchangeId id) override { ++started.at(id - 1).resumed; }

  /// Runs all posted work, including work that it posts.
  void run() {
    while (!posted_.empty()) {
      const auto work = std::move(posted_.front());
      posted_.pop_front();
      work();
    }
  }
  /// Runs all posted work and the timed work that is due at `now`.
  void run_until(Time now) {
    run();
    while (!later_.empty() && later_.begin()->first <= now) {
      const auto work = std::move(later_.begin()->second);
      later_.erase(later_.begin());
      work();
      run();
    }
  }
  /// Returns when the next timed work is due; empty if none is pending.
  std::optional<Time> next_due() const {
    return later_.empty() ? std::nullopt : std::optional(later_.begin()->first);
  }

  // The test names exchanges by their index in `started`.
  void answer(std::size_t index, Answer answer) { end(index, std::move(answer)); }
  void fail(std::size_t index, Error error) { end(index, std::move(error)); }
  /// Reads up to `most` bytes of an exchange's body, as far as the body provides them. If the body
  /// fails, the exchange fails.
  std::string read(std::size_t index, std::size_t most) {
    RequestBody& body = *started.at(index).exchange.body;
    std::string all;
    while (all.size() < most) {
      std::string piece(std::min<std::size_t>(most - all.size(), 50'000), '\0');
      const RequestBody::Piece got = body.read(std::as_writable_bytes(std::span(piece)));
      if (got.next == RequestBody::Next::failed) {
        fail(index, {ErrorKind::failed, "the body failed"});
        break;
      }
      if (got.next == RequestBody::Next::not_yet) break;
      all += piece.substr(0, got.size);
      taken_[index] += got.size;
      if (taken_[index] == started.at(index).exchange.body_size) break;
    }
    return all;
  }
  /// Reads all bytes that the body provides now.
  std::string read_all(std::size_t index) {
    return read(index,
                static_cast<std::size_t>(started.at(index).exchange.body_size - taken_[index]));
  }
  bool rewind(std::size_t index) {
    if (!started.at(index).exchange.body->rewind()) return false;
    taken_[index] = 0;
    return true;
  }

  std::deque<Started> started;  ///< in order of start(); the ExchangeId is the index and 1

 private:
  void end(std::size_t index, Result<Answer> result) {
    // Cleared before the call: the callback may start exchanges, or cancel this one.
    const OnAnswer on_answer = std::exchange(started.at(index).on_answer, {});
    if (on_answer) on_answer(std::move(result));
  }

  std::deque<std::function<void()>> posted_;
  std::multimap<Time, std::function<void()>> later_;
  std::map<std::size_t, std::uint64_t> taken_;  ///< bytes read, by index
};

}  // namespace sluice::test
