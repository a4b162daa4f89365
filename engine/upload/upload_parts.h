#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "engine/journal/journal.h"
#include "engine/policy/part_plan.h"
#include "engine/upload/earlier_run.h"
#include "engine/upload/upload_request.h"
#include "io/result.h"
#include "io/source.h"

namespace sluice {

/// How one file goes in parts, and what the journal has of them.
struct UploadParts {
  PartPlan plan;
  std::vector<EarlierRun> entries;  ///< one for each part of the plan; empty without a journal
};

/// Begins an upload in the journal that goes in parts, and its parts: for a crash at any time
/// later. `whole` becomes its entry. May wait for the disk.
Result<std::vector<EarlierRun>> begin_parts(Journal& journal, const UploadRequest& request,
                                            const Source& source, std::size_t block_bytes,
                                            const std::vector<ByteRange>& parts,
                                            std::optional<EarlierRun>& whole);

/// What an earlier run began in parts: all of them as they are, with as many at a time as may be.
UploadParts resume_parts(std::vector<EarlierRun> entries, const PartPlanSetting& setting);

/// The checksums of the whole file's blocks, as its parts have them in their order.
std::vector<std::uint64_t> checksums_of(const std::vector<EarlierRun>& parts);

}  // namespace sluice
