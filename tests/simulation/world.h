#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/simulation/faults.h"

namespace sluice::sim {

/// How an upload ended, after all of its runs.
enum class Ending { registered, failed, unconfirmed, interrupted };
inline constexpr std::size_t endings = 4;
const char* to_string(Ending ending);

/// The result of run_world() for one seed.
struct Outcome {
  std::uint64_t seed = 0;
  Bank::Generation generation = Bank::Generation::phased;
  Ending ending = Ending::failed;
  std::string error;         ///< the kind and the message of the last run; empty for none
  std::string violation;     ///< the invariant that was violated; empty for none
  std::uint64_t trace = 0;   ///< Trace::hash() of all events
  std::uint64_t events = 0;  ///< number of simulated events
  unsigned runs = 0;         ///< client processes
  unsigned crashes = 0;      ///< client processes that were killed
  bool resumed = false;      ///< a run resumed an earlier one
  bool in_parts = false;     ///< the file was uploaded in parts
  bool ahead = false;        ///< chunks were pipelined
  double virtual_s = 0;      ///< simulated seconds
  std::array<std::uint64_t, fault_kinds> faults{};  ///< number of faults of each kind
};

/// Creates a simulated world from `seed`, uploads one file in the world, in some worlds under two
/// names at the same time, and checks these invariants:
///
///  - At the end, the server has registered the file once, with exactly the bytes that the file had
///    at one time; or the server has registered nothing, and the report says so.
///  - A report says `registered` only if the server has registered the file, and `unconfirmed` only
///    if a response to a registration was lost.
///  - After a refused registration, the journal does not say that the file may be registered,
///    unless another registration, before sluice resume --register, is in doubt.
///  - No process joins parts that the server is still joining for that process.
///  - Every run ends: soon after it is cancelled, and at the latest some hours after the last
///    fault. Then all buffers are in the pool, and no exchange is open.
///  - A run that makes progress between faults does not fail because of them.
///  - The same command, run again after the registration, registers nothing.
///
/// `prints`: writes each event to the standard output. Runs on the calling thread; several worlds
/// may run at the same time.
Outcome run_world(std::uint64_t seed, bool prints);

}  // namespace sluice::sim
