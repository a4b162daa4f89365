#pragma once

#include <cstddef>

#include "io/result.h"

/// Support for little memory: a limit on the address space (ulimit -v), or a machine without
/// overcommit (vm.overcommit_memory=2).
namespace sluice::cli {

/// Prepares the process for failing allocations. Main thread, before any other thread exists.
///
/// - With a limit on the address space, threads get stacks of 512 KiB instead of 8 MiB, and share
///   one heap: glibc reserves 64 MiB of addresses for each thread's own heap.
/// - Allocates a reserve of 4 MiB. The first failing allocation of C++ code releases it, so that
///   the uploads can be cancelled, recorded and reported. memory_ran_out() returns true from then
///   on.
/// - An uncaught exception ends the process with a message and exit code 1 instead of abort(). The
///   journal has the committed progress.
void prepare_for_low_memory();

/// Returns whether an allocation has failed. Any thread.
bool memory_ran_out();

/// Returns the error for uploads that were cancelled because of memory_ran_out().
Error out_of_memory_error();

/// The limit on the address space of this process, and its use, in bytes; both 0 without a limit.
struct AddressSpace {
  std::size_t limit = 0;
  std::size_t used = 0;
};
AddressSpace address_space();

/// Returns error failed if a pool of `pool_bytes`, plus the threads and connections of `transfers`
/// concurrent transfers, exceed the limit; the message names a pool size that fits. Pure.
Result<void> check_memory(const AddressSpace& space, std::size_t pool_bytes, unsigned transfers);

}  // namespace sluice::cli
