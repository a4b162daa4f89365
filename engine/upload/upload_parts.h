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

/// The plan of a file's parts, and their journal records.
struct UploadParts {
  PartPlan plan;
  std::vector<EarlierRun> entries;  ///< one for each part of the plan; empty without a journal
};

/// Adds an upload in parts and all its parts to the journal in one transaction, so that a crash at
/// any later time leaves all or none. `whole` becomes the record of the whole file. Returns the
/// records of the parts. May block on the disk.
Result<std::vector<EarlierRun>> begin_parts(Journal& journal, const UploadRequest& request,
                                            const Source& source, std::size_t block_bytes,
                                            const std::vector<ByteRange>& parts,
                                            std::optional<EarlierRun>& whole);

/// Returns the plan to resume the parts of an earlier run: the same ranges, with the lane counts of
/// plan_lanes().
UploadParts resume_parts(std::vector<EarlierRun> entries, const PartPlanSetting& setting);

/// Returns the block checksums of the whole file: those of its parts, in order.
std::vector<std::uint64_t> checksums_of(const std::vector<EarlierRun>& parts);

}  // namespace sluice
