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

/// What --dry-run prints.
namespace sluice::cli {

/// How the name of a file that would be uploaded stands at the server.
enum class NameState {
  free,       ///< the server says so
  unchecked,  ///< too many files to ask about each
  unknown,    ///< the protocol has no such question
};

/// One line for one file, with a newline.
std::string plan_line(const Report& report, const UploadPlan& plan, const ServerProfile& server,
                      NameState name);

/// The same without what plan_note() says once for all files, with a newline.
std::string short_plan_line(const Report& report, const UploadPlan& plan);

/// What is known of the token and of the names of files that would be uploaded, without a newline.
std::string plan_note(const ServerProfile& server, NameState names);

/// `"plan":{...}` of that file's object in the JSON report (sluice-json(5)).
std::string plan_json(const UploadPlan& plan, std::uint64_t bytes);

/// The sums of a dry run.
class PlanTotals {
 public:
  void add(const UploadPlan& plan, std::uint64_t bytes);
  void set_rate(std::optional<LastRate> rate) { rate_ = rate; }
  bool empty() const { return files_ == 0; }

  /// "3.1 GiB to send, about 2 min at 30 MB/s, the rate of the last 12 uploads".
  std::string text() const;
  /// `"plan":{...}` of the report.
  std::string json() const;

 private:
  std::size_t files_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t to_send_ = 0;
  std::array<std::size_t, 4> actions_{};  ///< by UploadPlan::Action
  std::optional<LastRate> rate_;
};

}  // namespace sluice::cli
