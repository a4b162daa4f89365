#include "engine/report/report.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace sluice {

const char* to_string(Bottleneck bottleneck) {
  switch (bottleneck) {
    case Bottleneck::disk:
      return "disk";
    case Bottleneck::checksum:
      return "checksum";
    case Bottleneck::journal:
      return "journal";
    case Bottleneck::network:
      return "network";
    case Bottleneck::server:
      return "server";
  }
  return "network";
}

const char* to_string(Report::Status status) {
  switch (status) {
    case Report::Status::registered:
      return "registered";
    case Report::Status::failed:
      return "failed";
    case Report::Status::interrupted:
      return "interrupted";
    case Report::Status::skipped:
      return "skipped";
    case Report::Status::unconfirmed:
      return "unconfirmed";
  }
  return "failed";
}

Stages& operator+=(Stages& sum, const Stages& stages) {
  const auto add = [](StageTimes& to, const StageTimes& times) {
    to.busy_s += times.busy_s;
    to.wait_s += times.wait_s;
  };
  add(sum.read, stages.read);
  add(sum.checksum, stages.checksum);
  add(sum.send, stages.send);
  add(sum.server, stages.server);
  sum.wait_for_read_s += stages.wait_for_read_s;
  sum.wait_for_checksum_s += stages.wait_for_checksum_s;
  sum.wait_for_journal_s += stages.wait_for_journal_s;
  return sum;
}

Bottleneck find_bottleneck(const Stages& stages) {
  // Slow checksums fill the buffer pool, so that the readers wait as long as the network: the
  // readers' waits say nothing about this.
  const double others = std::max(stages.send.busy_s, stages.server.busy_s);
  const double wait_for_blocks = stages.send.wait_s - stages.wait_for_journal_s;
  if (stages.wait_for_journal_s > std::max(others, wait_for_blocks)) return Bottleneck::journal;
  if (stages.wait_for_checksum_s > stages.wait_for_read_s &&
      (wait_for_blocks > stages.checksum.wait_s || stages.wait_for_checksum_s > others))
    return Bottleneck::checksum;
  if (stages.wait_for_read_s > stages.wait_for_checksum_s && wait_for_blocks > stages.read.wait_s)
    return Bottleneck::disk;
  return stages.server.busy_s >= stages.send.busy_s ? Bottleneck::server : Bottleneck::network;
}

double Report::bytes_per_second() const {
  if (seconds <= 0 || committed < resumed_from) return 0;
  return static_cast<double>(committed - resumed_from) / seconds;
}

namespace {

using nlohmann::ordered_json;

ordered_json json_of(const Error& error) {
  return {{"kind", to_string(error.kind)}, {"message", error.message}};
}

/// Returns `json` as text, with U+FFFD for bytes that are not UTF-8: paths may contain them, JSON
/// may not.
std::string text_of(const ordered_json& json) {
  return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace

std::string to_json(const Error& error) {
  return text_of(json_of(error));
}

std::string to_json(const Report& report) {
  const auto stage = [](const StageTimes& times) {
    return ordered_json{{"busy_s", times.busy_s}, {"wait_s", times.wait_s}};
  };
  ordered_json json{
      {"dataset", report.dataset},
      {"file", report.file},
      {"name", report.name},
      {"bytes", report.bytes},
      {"status", to_string(report.status)},
      {"protocol", report.protocol},
      {"seconds", report.seconds},
      {"bytes_per_second", report.bytes_per_second()},
      {"xxh128", report.xxh128},
      {"chunks", report.chunks},
      {"retries", report.retries},
      {"resumed_from", report.resumed_from},
      {"lanes", report.lanes},
      {"resumable", report.resumable},
      {"bottleneck", to_string(report.bottleneck())},
      {"stages",
       {{"read", stage(report.stages.read)},
        {"checksum", stage(report.stages.checksum)},
        {"send", stage(report.stages.send)},
        {"server", stage(report.stages.server)}}},
  };
  if (!report.md5.empty()) json["md5"] = report.md5;
  if (!report.sha256.empty()) json["sha256"] = report.sha256;
  if (!report.registered_as.empty()) json["registered_as"] = report.registered_as;
  if (!report.registered_before.empty()) json["registered_before"] = report.registered_before;
  json["error"] = nullptr;
  if (report.error) json["error"] = json_of(*report.error);
  return text_of(json);
}

}  // namespace sluice
