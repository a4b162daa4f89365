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

/// Plans the parts of files that go over tus (engine/policy/part_plan.h has the rules), and begins
/// them in the journal. Any thread; may wait for the disk, and for the server.
class PartPlanning {
 public:
  /// `engine` outlives this.
  explicit PartPlanning(EngineResources& engine) : engine_(engine) {}

  /// Whether a file that was not begun before goes in parts, which the journal then has; `whole`
  /// becomes what it has of the file. Errors: usage, for lanes that the server has no way for;
  /// interrupted, by request.stop.
  Result<UploadParts> begin(const UploadRequest& request, const Source& source,
                            std::optional<EarlierRun>& whole);

  /// How the parts that an earlier run began go on, in a file of `size` bytes.
  UploadParts resume(const UploadRequest& request, std::uint64_t size,
                     std::vector<EarlierRun> parts);

 private:
  PartPlanSetting plan_setting(const UploadRequest& request, std::uint64_t size) const;
  /// Asks the server for the round trip, and so on, that `setting` lacks. Where it fails, the
  /// upload will say why. Error interrupted.
  Result<void> measure_way(const UploadRequest& request, PartPlanSetting& setting);
  /// Logs why there are fewer parts than were asked for.
  void explain(const UploadRequest& request, const PartPlanSetting& setting) const;

  EngineResources& engine_;
};

}  // namespace sluice
