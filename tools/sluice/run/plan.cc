#include "tools/sluice/run/plan.h"

#include <fmt/format.h>

#include "engine/base/text.h"
#include "engine/base/units.h"
#include "tools/sluice/display/report_text.h"

namespace sluice::cli {
namespace {

std::string number_or_null(std::optional<double> number) {
  return number ? fmt::format("{:.1f}", *number) : "null";
}

}  // namespace

std::string plan_line(const Report& report, const UploadPlan& plan, const ServerProfile& server,
                      NameState name) {
  switch (plan.action) {
    case UploadPlan::Action::upload:
      if (name != NameState::unchecked) return would_be_uploaded(report, server);
      return fmt::format(
          "{} ({}) would be uploaded into dataset {} as '{}': the server was not "
          "asked whether the name is free\n",
          printable(report.file), format_size(report.bytes), report.dataset,
          printable(report.name));
    case UploadPlan::Action::resume:
      return fmt::format("{} ({}) would be resumed at offset {} ({}), in dataset {} as '{}'\n",
                         printable(report.file), format_size(report.bytes), plan.offset,
                         format_size(plan.offset), report.dataset, printable(report.name));
    case UploadPlan::Action::compare:
      return fmt::format(
          "{} ({}) would be read and compared: the file was registered in dataset {} as '{}' at "
          "{}, and its modification time has changed, or its receipt lacks a digest of the "
          "manifest\n",
          printable(report.file), format_size(report.bytes), report.dataset, printable(report.name),
          plan.registered_before);
    case UploadPlan::Action::none:
      return registered_before(report);
  }
  return {};
}

std::string short_plan_line(const Report& report, const UploadPlan& plan) {
  if (plan.action != UploadPlan::Action::upload) return plan_line(report, plan, {}, {});
  return fmt::format("{} ({}) would be uploaded into dataset {} as '{}'\n", printable(report.file),
                     format_size(report.bytes), report.dataset, printable(report.name));
}

std::string plan_note(const ServerProfile& server, NameState names) {
  if (names == NameState::free) return "the server accepts the token, and the names are free";
  if (names == NameState::unchecked)
    return "the server was not asked about all names: some may be taken";
  return fmt::format(
      "{}; over {}, sluice cannot check whether the names are free",
      server.token_taken ? "the server accepts the token" : "the token could not be checked",
      to_string(server.protocol));
}

std::string plan_json(const UploadPlan& plan, std::uint64_t bytes) {
  return fmt::format(R"("plan":{{"action":"{}","offset":{},"bytes_to_send":{}}})",
                     to_string(plan.action), plan.offset, plan.bytes_to_send(bytes));
}

void PlanTotals::add(const UploadPlan& plan, std::uint64_t bytes) {
  ++files_;
  bytes_ += bytes;
  to_send_ += plan.bytes_to_send(bytes);
  ++actions_.at(static_cast<std::size_t>(plan.action));
}

std::string PlanTotals::text() const {
  const std::string bytes =
      to_send_ == bytes_ ? format_size(to_send_)
                         : fmt::format("{} of {}", format_size(to_send_), format_size(bytes_));
  if (to_send_ == 0) return "nothing to send";
  if (!rate_)
    return fmt::format(
        "{} to send; how long is unknown: the journal has no rate of earlier uploads", bytes);
  return fmt::format("{} to send, about {} at {}, the rate of the last {}", bytes,
                     format_duration(rate_->seconds_for(to_send_)),
                     format_rate(rate_->bytes_per_second),
                     rate_->files == 1 ? "upload" : fmt::format("{} uploads", rate_->files));
}

std::string PlanTotals::json() const {
  std::optional<double> rate;
  std::optional<double> seconds;
  if (rate_) {
    rate = rate_->bytes_per_second;
    seconds = rate_->seconds_for(to_send_);
  }
  const auto count = [&](UploadPlan::Action action) {
    return actions_.at(static_cast<std::size_t>(action));
  };
  return fmt::format(
      R"("plan":{{"files":{},"bytes":{},"bytes_to_send":{},"upload":{},"resume":{},"compare":{},)"
      R"("none":{},"bytes_per_second":{},"seconds":{}}})",
      files_, bytes_, to_send_, count(UploadPlan::Action::upload),
      count(UploadPlan::Action::resume), count(UploadPlan::Action::compare),
      count(UploadPlan::Action::none), number_or_null(rate), number_or_null(seconds));
}

}  // namespace sluice::cli
