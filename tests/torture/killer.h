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

/// When a process is to die: not by the clock, which would hit the long states only, but at the
/// `count`th event of some kind, counted from a moment of the upload on.
struct Instant {
  enum class From {
    start,
    verify,           ///< the request to register the file has begun to come into the proxy
    verify_complete,  ///< and its last byte is there, which goes on to the server in any case
    verify_answer,    ///< its answer is in the proxy, and not at sluice
  };
  enum class Event {
    bytes_up,       ///< a byte that the process sent
    bytes_down,     ///< a byte of an answer
    state_change,   ///< of a file in the state directory: the journal above all
    receipt_change  ///< of a file in the directory for receipts
  };
  From from = From::start;
  Event event = Event::bytes_up;
  std::uint64_t count = 1;  ///< from 0 (for bytes: at once) on
};

/// For people: "1200 bytes sent".
std::string to_string(const Instant& instant);

/// Sends a signal at the first of some instants. Thread safe.
class Killer {
 public:
  /// From now on `signal` is for this process, a child.
  void arm(pid_t pid, int signal, std::vector<Instant> instants);
  /// No more of that. Whether it was sent.
  bool disarm();

  /// What happens on the wire: CuttingProxy's before_passing_on.
  void passing(int connection, test::Way way, std::string_view bytes);
  void happened(Instant::Event event);

 private:
  struct Armed {
    Instant instant;
    std::uint64_t seen = 0;
  };

  void count(Instant::Event event, std::uint64_t times) SLUICE_REQUIRES(mutex_);

  Mutex mutex_;
  UniqueFd process_ SLUICE_GUARDED_BY(mutex_);  ///< none: disarmed
  int signal_ SLUICE_GUARDED_BY(mutex_) = 0;
  std::vector<Armed> armed_ SLUICE_GUARDED_BY(mutex_);
  bool struck_ SLUICE_GUARDED_BY(mutex_) = false;
  Instant::From reached_ SLUICE_GUARDED_BY(mutex_) = Instant::From::start;
  int verify_connection_ SLUICE_GUARDED_BY(mutex_) = -1;
  /// The last bytes that went up on each connection: what is looked for may come in pieces.
  std::map<int, std::string> tails_ SLUICE_GUARDED_BY(mutex_);
};

}  // namespace sluice::torture
