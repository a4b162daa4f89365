#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "engine/protocol/server_profile.h"
#include "engine/report/report.h"
#include "engine/upload/upload_plan.h"
#include "tools/sluice/run/last_rate.h"

/// The output of --dry-run.
namespace sluice::cli {

/// Whether the name of a file is free at the server.
enum class NameState {
  free,       ///< the server says so
  unchecked,  ///< not checked: too many files
  unknown,    ///< the protocol cannot check names
};

/// Returns one line for one file, with a newline.
std::string plan_line(const Report& report, const UploadPlan& plan, const ServerProfile& server,
                      NameState name);

/// Returns the line without the part that plan_note() states once for all files, with a newline.
std::string short_plan_line(const Report& report, const UploadPlan& plan);

/// Returns what is known about the token and the names of the files to upload, without a newline.
std::string plan_note(const ServerProfile& server, NameState names);

/// Returns the field `"plan":{...}` of a file's object in the JSON report (sluice-json(5)).
/// `bytes`: size of the file.
std::string plan_json(const UploadPlan& plan, std::uint64_t bytes);

/// The totals of a dry run.
class PlanTotals {
 public:
  void add(const UploadPlan& plan, std::uint64_t bytes);
  void set_rate(std::optional<LastRate> rate) { rate_ = rate; }
  bool empty() const { return files_ == 0; }

  /// Returns "3.1 GiB to send, about 2 min at 30 MB/s, the rate of the last 12 uploads".
  std::string text() const;
  /// Returns the field `"plan":{...}` of the report.
  std::string json() const;

 private:
  std::size_t files_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t to_send_ = 0;
  std::array<std::size_t, 4> actions_{};  ///< by UploadPlan::Action
  std::optional<LastRate> rate_;
};

}  // namespace sluice::cli
