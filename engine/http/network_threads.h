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
/// multi handle, named network-0, network-1 and so on. Uploads and parts of files are distributed
/// over the threads (engine/http/thread_choice.h) and never move to another one. All other work
/// runs on the first thread. A thread starts when it is chosen for the first time. The limits hold
/// over all threads (engine/http/network_limits.h); connections, cookies and TLS sessions belong to
/// one thread.
///
/// Any thread.
class NetworkThreads {
 public:
  struct Setting {
    MakeTransport make = {};             ///< creates the Transport of each thread
    std::uint64_t bytes_per_second = 0;  ///< rate limit over all threads together; 0 for none
    unsigned asked = 0;                  ///< number of threads; 0: automatic_number(cores)
    unsigned cores = 1;                  ///< cores that the process may use
  };

  /// Returns the most threads if the user requested no number: a quarter of the cores, from 1 to 4.
  /// Readers, checksums and the kernel need the other cores.
  static unsigned automatic_number(unsigned cores);

  /// Starts the first thread. Throws the exceptions of `make`.
  explicit NetworkThreads(Setting setting);
  /// Ends every exchange with `interrupted` and joins all threads. No upload may be placed any
  /// more.
  ~NetworkThreads();
  NetworkThreads(const NetworkThreads&) = delete;
  NetworkThreads& operator=(const NetworkThreads&) = delete;

  /// Returns the first thread, for work that does not belong to an upload.
  Transport& first() { return *first_; }

  /// The assignment of an upload to a thread. The upload counts as load of the thread until
  /// leave().
  class Place {
   public:
    Place() = default;
    /// An assignment to `http` that does not count as load.
    explicit Place(Transport& http) : http_(&http) {}
    ~Place() { leave(); }
    Place(Place&& other) noexcept { *this = std::move(other); }
    Place& operator=(Place&& other) noexcept;

    Transport& http() const { return *http_; }
    /// Stops counting the upload; http() keeps its value. One thread at a time.
    void leave();

   private:
    friend class NetworkThreads;
    Place(NetworkThreads& owner, unsigned thread, Transport& http)
        : http_(&http), owner_(&owner), thread_(thread) {}

    Transport* http_ = nullptr;
    NetworkThreads* owner_ = nullptr;  ///< null: not counted
    unsigned thread_ = 0;
  };
  /// Assigns an upload with `bytes` to send to a thread. Starts a new thread if necessary; if that
  /// fails, uses an existing thread.
  Place place(std::uint64_t bytes);

  /// Returns the number of started threads.
  unsigned started() const;

 private:
  /// Schedules measure() in one second, unless already scheduled.
  void measure_later() SLUICE_REQUIRES(mutex_);
  /// Measures the CPU time of each thread and updates `choice_`. Repeats every second while uploads
  /// are placed.
  void measure();

  /// A measurement of a thread's CPU time.
  struct Measured {
    std::chrono::steady_clock::time_point at{};  ///< epoch: not measured yet
    std::chrono::nanoseconds cpu{0};
  };
  struct Thread {
    std::unique_ptr<Transport> http;
    Measured last = {};
  };

  const unsigned number_;  ///< the most threads
  const bool measures_;    ///< the load of the threads matters for the choice
  const MakeTransport make_;
  const std::shared_ptr<NetworkLimits> limits_;

  mutable Mutex mutex_;
  ThreadChoice choice_ SLUICE_GUARDED_BY(mutex_);
  std::vector<Thread> threads_ SLUICE_GUARDED_BY(mutex_);
  unsigned placed_ SLUICE_GUARDED_BY(mutex_) = 0;     ///< uploads
  bool measuring_ SLUICE_GUARDED_BY(mutex_) = false;  ///< measure() is scheduled
  bool ending_ SLUICE_GUARDED_BY(mutex_) = false;     ///< the destructor runs
  Transport* first_ = nullptr;
};

}  // namespace sluice
