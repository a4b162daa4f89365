#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/policy/part_plan.h"
#include "engine/upload/earlier_run.h"
#include "engine/upload/engine_resources.h"
#include "engine/upload/upload_parts.h"
#include "engine/upload/upload_request.h"
#include "io/result.h"
#include "io/source.h"

namespace sluice {

/// Plans the parts of files that are uploaded over tus (engine/policy/part_plan.h has the rules),
/// and adds them to the journal. Any thread. May block on the disk and on the server.
class PartPlanning {
 public:
  /// `engine` outlives this.
  explicit PartPlanning(EngineResources& engine) : engine_(engine) {}

  /// Plans the parts of a new upload and adds them to the journal. Returns an empty plan if the
  /// file goes in one piece. `whole` becomes the journal's record of the whole file. Errors: usage,
  /// if lanes are requested and the server does not support them; interrupted, by request.stop.
  Result<UploadParts> begin(const UploadRequest& request, const Source& source,
                            std::optional<EarlierRun>& whole);

  /// Returns the plan to resume the parts of an earlier run, of a file of `size` bytes.
  UploadParts resume(const UploadRequest& request, std::uint64_t size,
                     std::vector<EarlierRun> parts);

 private:
  PartPlanSetting plan_setting(const UploadRequest& request, std::uint64_t size) const;
  /// Asks the server to measure the round trip and the other network values that `setting` lacks.
  /// Ignores failures, which the upload itself will report. Error: interrupted.
  Result<void> measure_network(const UploadRequest& request, PartPlanSetting& setting);
  /// Logs why the plan has fewer parts than requested.
  void explain(const UploadRequest& request, const PartPlanSetting& setting) const;

  EngineResources& engine_;
};

}  // namespace sluice
