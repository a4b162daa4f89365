#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "io/sync.h"
#include "io/unique_fd.h"
#include "tests/support/cutting_proxy.h"

namespace sluice::torture {

/// The time at which a process is killed: at the `count`th event of a kind after a phase of the
/// upload. A time by the clock would hit only long states.
struct Instant {
  enum class From {
    start,
    verify,           ///< the first byte of the request that registers the file has reached the
                      ///< proxy
    verify_complete,  ///< its last byte has arrived, and is forwarded in any case
    verify_answer,    ///< the response is in the proxy, and not yet at sluice
  };
  enum class Event {
    bytes_up,       ///< a byte sent by the process
    bytes_down,     ///< a byte of a response
    state_change,   ///< of a file in the state directory, mostly the journal
    receipt_change  ///< of a file in the directory for receipts
  };
  From from = From::start;
  Event event = Event::bytes_up;
  std::uint64_t count = 1;  ///< from 0 on; for bytes, 0 means at once
};

/// Returns a description: "1200 bytes sent".
std::string to_string(const Instant& instant);

/// Sends a signal at the first of several instants. Any thread.
class Killer {
 public:
  /// Starts to watch for the instants; `signal` will be sent to `pid`, a child.
  void arm(pid_t pid, int signal, std::vector<Instant> instants);
  /// Stops watching. Returns whether the signal was sent.
  bool disarm();

  /// Records bytes on the wire; for CuttingProxy's before_passing_on.
  void passing(int connection, test::Way way, std::string_view bytes);
  void happened(Instant::Event event);

 private:
  struct Armed {
    Instant instant;
    std::uint64_t seen = 0;
  };

  void count(Instant::Event event, std::uint64_t times) SLUICE_REQUIRES(mutex_);

  Mutex mutex_;
  UniqueFd process_ SLUICE_GUARDED_BY(mutex_);  ///< empty: disarmed
  int signal_ SLUICE_GUARDED_BY(mutex_) = 0;
  std::vector<Armed> armed_ SLUICE_GUARDED_BY(mutex_);
  bool struck_ SLUICE_GUARDED_BY(mutex_) = false;
  Instant::From reached_ SLUICE_GUARDED_BY(mutex_) = Instant::From::start;
  int verify_connection_ SLUICE_GUARDED_BY(mutex_) = -1;
  /// The last bytes sent on each connection, because the searched text may arrive in pieces.
  std::map<int, std::string> tails_ SLUICE_GUARDED_BY(mutex_);
};

}  // namespace sluice::torture
