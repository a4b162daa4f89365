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

/// What one seed has come to.
struct Outcome {
  std::uint64_t seed = 0;
  Bank::Generation generation = Bank::Generation::phased;
  Ending ending = Ending::failed;
  std::string error;      ///< the kind and the message of the last run; empty for none
  std::string violation;  ///< of an invariant; empty for none
  std::uint64_t trace = 0;
  std::uint64_t events = 0;
  unsigned runs = 0;  ///< processes
  unsigned crashes = 0;
  bool resumed = false;  ///< a run went on where an earlier one was
  bool in_parts = false;
  bool ahead = false;  ///< chunks travelled ahead
  double virtual_s = 0;
  std::array<std::uint64_t, fault_kinds> faults{};
};

/// Makes the world of that seed, uploads one file in it, in some worlds under two names at once,
/// and checks what must hold whatever happens:
///
///  - The server ends with exactly the file's bytes, of one time, registered once; or nothing is
///    registered, and the report says so.
///  - `registered` is reported only where it is; `unconfirmed` only where an answer to a
///  registration
///    was lost.
///  - After a refused registration, the journal does not say that the file may be registered.
///  - No process joins parts that the server is still joining for it.
///  - Every run ends: soon after it is cancelled, and some hours after the last fault at the
///  latest. Then all buffers are back, and no exchange is open.
///  - A run that makes progress between faults does not fail because of them.
///  - The same command, given again after the registration, registers nothing.
///
/// `prints`: what happens, to the standard output. One thread; several may run side by side.
Outcome run_world(std::uint64_t seed, bool prints);

}  // namespace sluice::sim
