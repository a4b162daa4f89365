#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "io/result.h"
#include "tools/sluice/process/memory.h"
#include "tools/sluice/process/open_files.h"
#include "tools/sluice/run/transfer_count.h"

namespace sluice::cli {

/// How many uploads the process can run at a time.
struct TransferPlan {
  bool automatic = true;  ///< TransferCount decides; otherwise `most`
  unsigned most = 1;      ///< at least 1
  std::string warning;    ///< why fewer run than requested; empty otherwise
};

struct TransferPlanSetting {
  std::optional<unsigned> asked;  ///< --transfers, 1 to TransferCount::most; nullopt: auto
  std::size_t files = 1;
  OpenFiles descriptors;
  AddressSpace space;
  std::size_t pool_bytes = 0;
};

/// Limits the number of transfers by the limits on open files and on the address space. Sets a
/// warning only if a number was requested. Errors: those of transfers_within() and check_memory().
/// Pure.
Result<TransferPlan> plan_transfers(const TransferPlanSetting& setting);

/// Returns how many files can be uploaded at a time with checksums of chunks (--verify-chunks on):
/// the pool must hold the smallest chunk that the server keeps, for each file. At least
/// TransferCount::fewest. Pure. `largest`: bytes of the largest file.
unsigned transfers_with_checked_chunks(std::size_t pool_bytes, std::size_t block_bytes,
                                       std::uint64_t largest);

/// Returns "running 8 transfers at a time instead of 4, to measure whether that is faster than
/// ...".
std::string describe(const TransferCount::Change& change);

}  // namespace sluice::cli
