#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/http/network_limits.h"
#include "engine/http/thread_choice.h"
#include "engine/http/transport.h"
#include "io/sync.h"

namespace sluice {

/// The network threads of an engine: one or several Transports, each with its own thread and curl
/// multi handle, named network-0, network-1 and so on. Uploads and parts of files are spread over
/// them (engine/http/thread_choice.h); each stays where it is. Everything else is on the first one.
/// A thread is started when it is chosen for the first time. Limits hold over all of them
/// (engine/http/network_limits.h); connections, cookies and TLS sessions are each thread's own.
///
/// Any thread.
class NetworkThreads {
 public:
  struct Setting {
    MakeTransport make = {};             ///< one for each thread
    std::uint64_t bytes_per_second = 0;  ///< limit over all threads together; 0 for none
    unsigned asked = 0;                  ///< threads; 0: automatic_number(cores)
    unsigned cores = 1;                  ///< that the process may use
  };

  /// The most threads where no number was asked for: a quarter of the cores, 4 at most, at least 1.
  /// Readers, checksums and the kernel need the others.
  static unsigned automatic_number(unsigned cores);

  /// Starts the first thread. Throws what `make` does.
  explicit NetworkThreads(Setting setting);
  /// Ends every exchange with `interrupted` and joins all threads. No upload is placed any more.
  ~NetworkThreads();
  NetworkThreads(const NetworkThreads&) = delete;
  NetworkThreads& operator=(const NetworkThreads&) = delete;

  /// For what is no upload.
  Transport& first() { return *first_; }

  /// An upload's place on one of the threads. Counts until leave().
  class Place {
   public:
    Place() = default;
    /// On that thread without being counted.
    explicit Place(Transport& http) : http_(&http) {}
    ~Place() { leave(); }
    Place(Place&& other) noexcept { *this = std::move(other); }
    Place& operator=(Place&& other) noexcept;

    Transport& http() const { return *http_; }
    /// The upload is over, and http() stays what it is. One thread at a time.
    void leave();

   private:
    friend class NetworkThreads;
    Place(NetworkThreads& owner, unsigned thread, Transport& http)
        : http_(&http), owner_(&owner), thread_(thread) {}

    Transport* http_ = nullptr;
    NetworkThreads* owner_ = nullptr;  ///< null: not counted
    unsigned thread_ = 0;
  };
  /// Returns the place of an upload that has `bytes` to send. Where no thread more can be started,
  /// on one that is there.
  Place place(std::uint64_t bytes);

  /// Threads that were started.
  unsigned started() const;

 private:
  /// Looks at the threads' CPU time once a second while uploads are placed.
  void measure_later() SLUICE_REQUIRES(mutex_);
  void measure();

  struct Measured {
    std::chrono::steady_clock::time_point at{};
    std::chrono::nanoseconds cpu{0};
  };
  struct Thread {
    std::unique_ptr<Transport> http;
    Measured last = {};
  };

  const unsigned number_;  ///< of threads, at most
  const bool measures_;
  const MakeTransport make_;
  const std::shared_ptr<NetworkLimits> limits_;

  mutable Mutex mutex_;
  ThreadChoice choice_ SLUICE_GUARDED_BY(mutex_);
  std::vector<Thread> threads_ SLUICE_GUARDED_BY(mutex_);
  unsigned placed_ SLUICE_GUARDED_BY(mutex_) = 0;
  bool measuring_ SLUICE_GUARDED_BY(mutex_) = false;  ///< measure() was posted
  bool ending_ SLUICE_GUARDED_BY(mutex_) = false;
  Transport* first_ = nullptr;
};

}  // namespace sluice
