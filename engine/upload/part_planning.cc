#include "engine/upload/part_planning.h"

#include <fmt/format.h>

#include <utility>

#include "engine/base/text.h"
#include "engine/base/units.h"
#include "engine/protocol/deposit.h"
#include "engine/protocol/inquiry.h"
#include "engine/protocol/server_inquiry.h"

namespace sluice {

PartPlanSetting PartPlanning::plan_setting(const UploadRequest& request, std::uint64_t size) const {
  return {.size = size,
          .block_bytes = engine_.options().block_bytes,
          .pool_blocks = engine_.pool().count(),
          .asked = request.lanes,
          .round_trip = request.server.round_trip,
          .bbr = request.server.bbr,
          .max_in_flight_bytes = request.server.max_in_flight_bytes};
}

Result<void> PartPlanning::measure_network(const UploadRequest& request, PartPlanSetting& setting) {
  Inquiry inquiry;
  inquiry.base_url = request.base_url;
  inquiry.dataset = request.dataset;
  inquiry.token = request.token;
  inquiry.stop = request.stop;
  const Inquired now = inquire(engine_.network().first(), inquiry);
  if (!now.options && now.options.error().kind == ErrorKind::interrupted)
    return Error{
        ErrorKind::interrupted,
        fmt::format("the upload of {} was interrupted while sluice measured the round trip to {}; "
                    "no byte of the file was sent",
                    printable(request.path), request.base_url)};
  if (now.options && now.options->network) {
    setting.round_trip = now.options->network->round_trip;
    setting.bbr = now.options->network->bbr;
    setting.max_in_flight_bytes = now.options->network->max_in_flight_bytes;
  }
  return {};
}

void PartPlanning::explain(const UploadRequest& request, const PartPlanSetting& setting) const {
  if (setting.asked.value_or(0) > 1 && setting.size > most_parts * most_part_bytes)
    engine_.say(
        LogLevel::warning,
        fmt::format(
            "uploading {} in one piece: the server can join parallel parts of at most {} in all",
            printable(request.path), format_size(most_parts * most_part_bytes)));
  if (asks_for_short_parts(setting))
    engine_.say(LogLevel::info, fmt::format("uploading {} in fewer than {} parallel parts: the "
                                            "server cannot join parts of less than {}",
                                            printable(request.path), *setting.asked,
                                            format_size(least_part_bytes)));
}

Result<UploadParts> PartPlanning::begin(const UploadRequest& request, const Source& source,
                                        std::optional<EarlierRun>& whole) {
  UploadParts parts;
  if (!request.server.tus.has("concatenation")) {
    if (request.lanes.value_or(0) > 0)
      return Error{
          ErrorKind::usage,
          fmt::format(
              "cannot upload {} in parallel parts: the server does not announce the tus extension "
              "'concatenation'; use --lanes 0",
              printable(request.path))};
    return parts;
  }
  const std::uint64_t size = source.identity().size;
  // make_protocol() reports this error; the journal must not get an entry.
  if (request.server.tus.max_size != 0 && size > request.server.tus.max_size) return parts;
  PartPlanSetting setting = plan_setting(request, size);
  // Lanes share the pool, and a checksummed chunk must fit into the pool completely.
  if (!setting.asked && request.verify_chunks == VerifyChunks::on) return parts;
  // One more round trip can save minutes.
  if (!setting.asked && !setting.round_trip && size >= worth_parts_bytes)
    TRY(measure_network(request, setting));
  parts.plan = plan_parts(setting);
  explain(request, setting);
  if (parts.plan.parts.empty() || engine_.journal() == nullptr) return parts;
  auto entries = begin_parts(*engine_.journal(), request, source, engine_.options().block_bytes,
                             parts.plan.parts, whole);
  if (entries) {
    parts.entries = *std::move(entries);
    return parts;
  }
  engine_.say(LogLevel::warning, fmt::format("{}; uploading {} in one piece",
                                             entries.error().message, printable(request.path)));
  return UploadParts();
}

UploadParts PartPlanning::resume(const UploadRequest& request, std::uint64_t size,
                                 std::vector<EarlierRun> parts) {
  return resume_parts(std::move(parts), plan_setting(request, size));
}

}  // namespace sluice
