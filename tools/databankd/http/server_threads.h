#pragma once

#include <chrono>
#include <cstddef>
#include <list>
#include <utility>

#include "io/sync.h"

namespace sluice::databankd {

/// The threads of an application server like Puma, handed out in the order in which requests ask
/// for them. (This program itself has a thread for each connection.)
///
/// Each request holds one thread, from its headers to its answer. Today's Data Bank
/// checks the token of a tus request by asking itself over HTTP, so such a request needs a second
/// thread for a moment at its beginning. Once all threads are held by requests that ask that
/// question, they block each other until the question times out.
/// Thread safe.
class ServerThreads {
 public:
  struct Options {
    std::size_t count = 0;  ///< 0: as many as there are requests
    /// How long a request waits for the answer to its own question.
    std::chrono::microseconds wait = std::chrono::seconds(120);
  };

  /// One thread, until destroyed; or nothing, where there is no limit.
  class Held {
   public:
    Held() = default;
    explicit Held(ServerThreads& threads) : threads_(&threads) {}
    Held(Held&& other) noexcept : threads_(std::exchange(other.threads_, nullptr)) {}
    Held& operator=(Held&& other) noexcept {
      std::swap(threads_, other.threads_);
      return *this;
    }
    ~Held() {
      if (threads_ != nullptr) threads_->give_back();
    }

   private:
    ServerThreads* threads_ = nullptr;
  };

  explicit ServerThreads(Options options) : options_(options), free_(options.count) {}

  /// Blocks until a thread is free. Returns nothing after end().
  Held take();

  /// Takes a second thread for the question about a token and gives it back at once. False where
  /// none was free within Options::wait, and after end(): a good token is refused then.
  bool ask();

  /// Releases all that wait: the server ends.
  void end();

  /// How many wait for a thread now.
  std::size_t waiting() const;

 private:
  using Clock = std::chrono::steady_clock;

  bool wait_for_one(Clock::time_point deadline);
  void give_back();
  void hand_out() SLUICE_REQUIRES(mutex_);

  const Options options_;
  mutable Mutex mutex_;
  CondVar changed_;
  std::size_t free_ SLUICE_GUARDED_BY(mutex_);
  std::list<bool*> queue_ SLUICE_GUARDED_BY(mutex_);  ///< set once the thread is handed over
  bool ended_ SLUICE_GUARDED_BY(mutex_) = false;
};

}  // namespace sluice::databankd
