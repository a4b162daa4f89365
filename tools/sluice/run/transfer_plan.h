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
  bool automatic = true;  ///< TransferCount decides; else all of `most` run
  unsigned most = 1;      ///< at least 1
  std::string warning;    ///< why fewer run than were asked for; empty: as many
};

struct TransferPlanSetting {
  std::optional<unsigned> asked;  ///< --transfers, 1 to TransferCount::most; nothing: auto
  std::size_t files = 1;
  OpenFiles descriptors;
  AddressSpace space;
  std::size_t pool_bytes = 0;
};

/// Fits the number into the limits on open files and on address space. Where no number was asked
/// for, fewer uploads run without a word. Errors: those of transfers_within() and check_memory().
/// Pure.
Result<TransferPlan> plan_transfers(const TransferPlanSetting& setting);

/// Of files whose chunks go with their checksums (--verify-chunks on): how many can run at a time,
/// so that the pool has room for the least chunk that the server keeps of each. At least
/// TransferCount::fewest. Pure. `largest`: bytes of the largest file.
unsigned transfers_with_checked_chunks(std::size_t pool_bytes, std::size_t block_bytes,
                                       std::uint64_t largest);

/// "running 8 transfers at a time instead of 4, to measure whether that is faster than ...".
std::string describe(const TransferCount::Change& change);

}  // namespace sluice::cli
