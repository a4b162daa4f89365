#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "engine/journal/journal.h"
#include "engine/policy/part_plan.h"
#include "engine/upload/earlier.h"
#include "engine/upload/upload_request.h"
#include "io/result.h"
#include "io/source.h"

namespace sluice {

/// How one file goes in parts, and what the journal has of them.
struct UploadParts {
  PartPlan plan;
  std::vector<Earlier> entries;  ///< one for each part of the plan; empty without a journal
};

/// Begins an upload in the journal that goes in parts, and its parts: for a crash at any time
/// later. `whole` becomes its entry. May wait for the disk.
Result<std::vector<Earlier>> begin_parts(Journal& journal, const UploadRequest& request,
                                         const Source& source, std::size_t block_bytes,
                                         const std::vector<ByteRange>& parts,
                                         std::optional<Earlier>& whole);

/// What an earlier run began in parts: all of them as they are, with as many at a time as may be.
UploadParts resume_parts(std::vector<Earlier> entries, const PartPlanSetting& setting);

/// The checksums of the whole file's blocks, as its parts have them in their order.
std::vector<std::uint64_t> checksums_of(const std::vector<Earlier>& parts);

}  // namespace sluice
