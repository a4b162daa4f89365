#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/result.h"
#include "io/sync.h"
#include "tools/databankd/faults/step.h"

namespace sluice::databankd {

/// The kinds of injected faults. `databankd --help` has the same list.
enum class FaultKind {
  lose_request,        ///< request not processed, no response
  lose_response,       ///< request processed, no response
  reset_mid_body,      ///< RST inside the request body, request not processed
  reset_mid_response,  ///< request processed, RST inside the response body
  status,              ///< request not processed, a response with that status
  answer,              ///< request processed, a front server's page with that status
  front,               ///< for a time: request not processed, a front server's page with that
                       ///< status
  stall,               ///< request not processed, the connection stays open without a response
  slow,                ///< the request body is read slowly; request processed
  partial_append,      ///< a part of the chunk is appended, no response
  short_append,        ///< a part of the chunk is appended, and the response has the new size
  forget_staging,      ///< the staged bytes are deleted; then the request is processed
  expire_token,        ///< the dataset's token expires; then the request is processed
  garbage_body,        ///< request processed, a response of random bytes
  huge_body,           ///< request processed, a response of 64 MiB
  tail_timeout,        ///< when the request body pauses: request not processed, 408, connection
                       ///< closed
  gzip,                ///< request processed, the response body is compressed
  two_locations,       ///< request processed, a second Location names another upload
  expire,              ///< the tus upload of the request expires; then the request is processed
  locked,              ///< request not processed, 423
  checksum,            ///< request not processed, 460, although the bytes may match
  stuck,               ///< no bytes are kept, and the response has the previous offset
};

/// An option `--fault SPEC`: a fault, and the requests that it strikes.
struct Fault {
  FaultKind kind = FaultKind::lose_request;
  std::string name;        ///< KIND[:ARG] as given, such as "status:503"
  unsigned status = 0;     ///< of status, answer and front: 200 to 599
  std::string text;        ///< of FaultKind::status: the response body; empty: not given
  std::uint64_t rate = 0;  ///< of FaultKind::slow: bytes per second, at least 1
  /// FaultKind::tail_timeout: the longest pause. FaultKind::front: how long the fault lasts.
  std::chrono::microseconds time{0};
  std::optional<Step> on;   ///< the step of the matching requests; empty: all steps
  std::uint64_t at = 0;     ///< strikes the matching request of that number, from 1; 0: not set
  std::uint64_t every = 0;  ///< strikes every Nth matching request; 0: not set
  double probability = 1;   ///< of striking a matching request, if neither of those is set
  std::optional<std::uint64_t> seed;  ///< of the random choices

  /// Whether the fault makes random choices, so that the seed matters.
  bool is_random() const;
};

/// Parses KIND[:ARG][,every=N][,at=N][,probability=P][,seed=S][,on=STEP]. Error usage; the message
/// names the invalid part and the valid values.
Result<Fault> parse_fault(std::string_view spec);

/// A fault that strikes a certain request.
struct Strike {
  Fault fault;
  std::size_t index = 0;     ///< the fault's index in its plan
  std::uint64_t random = 0;  ///< for the fault's choice of a place or of bytes
};

/// Decides which requests are struck, and counts. Each fault counts its matching requests. If
/// several faults are due for a request, the first one strikes and the others are skipped. With the
/// same seed, the choice for the Nth matching request is always the same. FaultKind::front lasts:
/// once due, it strikes every matching request until its time has passed, and counts none of them.
/// Any thread.
class FaultPlan {
 public:
  using Clock = std::chrono::steady_clock;

  /// A fault without a seed has the seed 0.
  explicit FaultPlan(std::vector<Fault> faults);

  /// Returns the fault for a request. Call once for each request. `step`: empty for a request that
  /// is no step of a protocol.
  std::optional<Strike> decide(std::optional<Step> step, Clock::time_point now = Clock::now());

  /// The same for a request outside the Data Bank's API: only FaultKind::front without a step can
  /// strike it.
  std::optional<Strike> decide_other(Clock::time_point now = Clock::now());

  /// Counts a fault when it takes effect; the client may disconnect before.
  void count(const Strike& strike);

  /// Returns how often each fault has struck: "lose-response 3, stall 0", in the order given;
  /// faults of the same name are added up. Empty without faults.
  std::string summary() const;

 private:
  struct Entry {
    Fault fault;
    std::uint64_t matching = 0;
    std::uint64_t struck = 0;
    std::optional<Clock::time_point> until{};  ///< FaultKind::front: the end of the current strike
  };

  std::optional<Strike> next(std::optional<Step> step, bool is_other, Clock::time_point now);

  mutable Mutex mutex_;
  std::vector<Entry> entries_ SLUICE_GUARDED_BY(mutex_);
};

/// Returns a random place inside `size` bytes, with at least one byte on either side; 0 if there is
/// none.
std::uint64_t place_inside(std::uint64_t size, std::uint64_t random);

/// Returns 4 KiB of arbitrary bytes, including terminal escape sequences.
std::string garbage(std::uint64_t random);

/// Returns the name of the step in --fault and in the log.
std::string_view to_string(Step step);

}  // namespace sluice::databankd
