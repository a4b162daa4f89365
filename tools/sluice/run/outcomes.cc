#include "tools/sluice/run/outcomes.h"

#include <fmt/format.h>

#include <iterator>
#include <utility>
#include <vector>

#include "engine/base/text.h"
#include "tools/sluice/display/report_text.h"

namespace sluice::cli {
namespace {

/// Appends "3 failed (a, b, c)"; nothing for count 0.
void add_group(std::string& line, std::size_t count, const std::string& names, const char* what) {
  if (count == 0) return;
  line += fmt::format("{}{} {}", line.empty() ? "" : ", ", count, what);
  if (!names.empty()) line += fmt::format(" ({})", names);
}

}  // namespace

Outcomes::Kind Outcomes::kind_of(const Report& report) {
  switch (report.status) {
    case Report::Status::registered:
      return report.registered_before.empty() ? Kind::registered : Kind::registered_before;
    case Report::Status::unconfirmed:
      return Kind::unconfirmed;
    case Report::Status::failed:
      return Kind::failed;
    case Report::Status::interrupted:
      return Kind::interrupted;
    case Report::Status::skipped:
      return report.registered_before.empty() ? Kind::not_started : Kind::registered_before;
  }
  return Kind::failed;
}

void Outcomes::add(std::size_t number, const Report& report, const std::string& more) {
  ++count_;
  Group& group = groups_.at(static_cast<std::size_t>(kind_of(report)));
  ++group.count;
  group.first.emplace(number, report.name);
  if (group.first.size() > most_first_names) group.first.erase(std::prev(group.first.end()));
  if (!json_) return;
  std::string text = to_json(report);
  if (!more.empty()) text.insert(text.size() - 1, ',' + more);
  texts_.emplace(number, std::move(text));
}

void Outcomes::add_left_out(std::string json) {
  ++left_out_;
  if (json_) left_out_texts_.push_back(std::move(json));
}

void Outcomes::add_field(const std::string& json) {
  fields_ += ',' + json;
}

void Outcomes::note_code(int code) {
  code_ = worse_code(code_, code);
}

bool Outcomes::is_incomplete() const {
  const auto any = [&](Kind kind) { return groups_.at(static_cast<std::size_t>(kind)).count > 0; };
  return any(Kind::interrupted) || any(Kind::not_started);
}

std::string Outcomes::summary_line(bool dry_run) const {
  const auto add = [&](std::string& line, Kind kind, const char* what, bool named) {
    const Group& group = groups_.at(static_cast<std::size_t>(kind));
    std::vector<std::string> names;
    for (const auto& [number, name] : group.first) names.push_back(printable(name));
    add_group(line, group.count, named ? first_names(names, group.count) : std::string(), what);
  };
  std::string line;
  add(line, Kind::registered, "registered", false);
  add(line, Kind::registered_before, "already registered", false);
  add(line, Kind::unconfirmed, "unconfirmed", true);
  add(line, Kind::failed, "failed", true);
  add(line, Kind::interrupted, "interrupted", true);
  add(line, Kind::not_started, dry_run ? "would be uploaded" : "not started", !dry_run);
  add_group(line, left_out_, "", "left out");
  return line;
}

void Outcomes::write_json(const std::function<void(std::string)>& write,
                          const std::optional<Error>& error) {
  write(json_report_begin());
  for (bool first = true; !texts_.empty(); first = false) {
    std::string text = std::move(texts_.begin()->second);
    texts_.erase(texts_.begin());
    if (!first) text.insert(text.begin(), ',');
    write(std::move(text));
  }
  std::string fields = std::move(fields_);
  if (!left_out_texts_.empty())
    fields += fmt::format(R"(,"left_out":[{}])", fmt::join(left_out_texts_, ","));
  write(json_report_end(error, fields));
}

}  // namespace sluice::cli
