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

/// What can go wrong on purpose. `databankd --help` has the same list.
enum class FaultKind {
  lose_request,        ///< nothing done, no answer
  lose_response,       ///< carried out, no answer
  reset_mid_body,      ///< RST inside the request's body, nothing done
  reset_mid_response,  ///< carried out, RST inside the answer's body
  status,              ///< nothing done, an answer with that status
  answer,              ///< carried out, a front server's page with that status
  front,               ///< for a time: nothing done, a front server's page with that status
  stall,               ///< nothing done, and the client is kept waiting
  slow,                ///< the body is read slowly; carried out
  partial_append,      ///< a part of the chunk is appended, no answer
  short_append,        ///< a part of the chunk is appended, and the answer says how much
  forget_staging,      ///< what was staged is gone; then carried out
  expire_token,        ///< the dataset's token has expired; then carried out
  garbage_body,        ///< carried out, an answer of random bytes
  huge_body,           ///< carried out, an answer of 64 MiB
  tail_timeout,        ///< where its body pauses: nothing done, 408, closed
  gzip,                ///< carried out, the answer's body compressed
  two_locations,       ///< carried out, a second Location names another upload
  expire,              ///< the tus upload that it names is gone; then carried out
  locked,              ///< nothing done, 423
  checksum,            ///< nothing done, 460, though the bytes may match
  stuck,               ///< no bytes kept, and the answer has the offset that was there before
};

/// One `--fault SPEC`: what strikes, and which requests.
struct Fault {
  FaultKind kind = FaultKind::lose_request;
  std::string name;        ///< KIND[:ARG] as it was given, such as "status:503"
  unsigned status = 0;     ///< of status, answer and front: 200 to 599
  std::string text;        ///< of FaultKind::status: its body; empty: not given
  std::uint64_t rate = 0;  ///< of FaultKind::slow: bytes a second, at least 1
  /// Of FaultKind::tail_timeout: the longest that is waited. Of front: how long it answers.
  std::chrono::microseconds time{0};
  std::optional<Step> on;   ///< the step whose requests match; empty: all do
  std::uint64_t at = 0;     ///< strikes the matching request of that number, from 1; 0: not set
  std::uint64_t every = 0;  ///< strikes each so-many-th matching request; 0: not set
  double probability = 1;   ///< of striking a matching request, where neither of those is set
  std::optional<std::uint64_t> seed;  ///< of the random choices

  /// Whether the seed makes a difference.
  bool draws() const;
};

/// KIND[:ARG][,every=N][,at=N][,probability=P][,seed=S][,on=STEP]. Error usage, naming what is
/// wrong and what is known.
Result<Fault> parse_fault(std::string_view spec);

/// A fault that strikes a request.
struct Strike {
  Fault fault;
  std::size_t index = 0;     ///< of the fault in its plan
  std::uint64_t random = 0;  ///< for the fault's own choice of a place or of bytes
};

/// Decides which requests are struck, and counts. Each fault counts its own matching requests; of
/// several that are due for one request the first strikes and the others miss their turn.
/// The same seed makes the same choice for the Nth matching request, whatever else happens.
/// FaultKind::front lasts: once due it strikes every matching request until its time has passed,
/// and counts none of them. Thread safe.
class FaultPlan {
 public:
  using Clock = std::chrono::steady_clock;

  /// A fault without a seed has the seed 0.
  explicit FaultPlan(std::vector<Fault> faults);

  /// Once for each request. `step`: empty for a request that is no step of the protocol.
  std::optional<Strike> decide(std::optional<Step> step, Clock::time_point now = Clock::now());

  /// Once for each request that is no call of the Data Bank's: only a FaultKind::front of no
  /// particular step strikes it.
  std::optional<Strike> decide_elsewhere(Clock::time_point now = Clock::now());

  /// The strike has been carried out: a client can be gone before that.
  void count(const Strike& strike);

  /// How often each fault has struck: "lose-response 3, stall 0", in the order in which they were
  /// given, faults of one name together. Empty where there are none.
  std::string summary() const;

 private:
  struct Entry {
    Fault fault;
    std::uint64_t matching = 0;
    std::uint64_t struck = 0;
    std::optional<Clock::time_point> until{};  ///< of FaultKind::front, once it has begun
  };

  std::optional<Strike> next(std::optional<Step> step, bool elsewhere, Clock::time_point now);

  mutable Mutex mutex_;
  std::vector<Entry> entries_ SLUICE_GUARDED_BY(mutex_);
};

/// A place inside `size` bytes, with at least one byte on either side; 0 where there is none.
std::uint64_t place_inside(std::uint64_t size, std::uint64_t random);

/// 4 KiB of every byte there is, among them sequences that a terminal would act upon.
std::string garbage(std::uint64_t random);

/// The step as --fault and the log write it.
std::string_view to_string(Step step);

}  // namespace sluice::databankd
