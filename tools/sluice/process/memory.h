#pragma once

#include <cstddef>

#include "io/result.h"

/// What sluice does where memory is scarce: a limit on address space (ulimit -v), or a machine that
/// promises no more than it has (vm.overcommit_memory=2).
namespace sluice::cli {

/// Prepares the process for running out of memory. Main thread, before any other thread exists.
///
///  - Under a limit on address space, threads get stacks of 512 KiB instead of 8 MiB, and share one
///    heap: glibc would take 64 MiB of addresses for each thread's own.
///  - A reserve of 4 MiB is kept. The first allocation of C++ code that fails releases it, so that
///    the uploads can be cancelled, recorded and reported; memory_ran_out() says so from then on.
///  - What fails after that, where nobody catches it, ends the process with a message and exit code
///    1 instead of abort(). The journal has what was sent.
void prepare_for_little_memory();

/// Whether an allocation has failed. Any thread.
bool memory_ran_out();

/// The error for what memory_ran_out() has ended.
Error out_of_memory_error();

/// The limit on the address space of this process, and how much of it is taken, in bytes. Both are
/// 0 where there is no limit.
struct AddressSpace {
  std::size_t limit = 0;
  std::size_t taken = 0;
};
AddressSpace address_space();

/// Error failed where a pool of `pool_bytes`, and what threads and connections of `transfers` at a
/// time need besides, do not fit into the limit; it says which pool would. Pure.
Result<void> check_memory(const AddressSpace& space, std::size_t pool_bytes, unsigned transfers);

}  // namespace sluice::cli
