#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/report/report.h"
#include "io/sync.h"
#include "tools/sluice/display/output_channel.h"
#include "tools/sluice/display/run_totals.h"

namespace sluice::cli {

/// Version of the event log's schema (sluice-json(5), EVENT LOG): grows where an event or a field
/// goes away or changes its meaning.
inline constexpr int event_log_version = 1;

/// Returns an event as a line of JSON with its newline. `time`: of the event, written in UTC with
/// milliseconds. `run`: the same for all events of a process. Text that is not UTF-8 is replaced by
/// U+FFFD. Pure function.
std::string event_line(std::chrono::system_clock::time_point time, std::string_view run,
                       std::string_view event, const nlohmann::ordered_json& fields);

/// The file of --log-json: what happens, an event a line. No call but finish() ever waits for the
/// file. While it takes nothing, 4 MiB of events are kept; then the oldest are dropped and counted
/// in an event of their own, those of progress first, those of files' ends last. Thread safe.
class EventLog {
 public:
  /// Appends to the file, which is made if missing (mode 0644 less the umask). A FIFO needs no
  /// reader yet. Error usage where it cannot be opened.
  static Result<std::unique_ptr<EventLog>> open(const std::string& path);
  /// Does not wait: what is not written yet is lost.
  ~EventLog();
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;

  void run_start(std::string_view command);
  /// What is uploaded: the datasets, and how many files and bytes.
  void upload_start(const std::vector<std::string>& datasets, std::size_t files,
                    std::uint64_t bytes);
  /// Of `report` what is known before: the dataset, the path, the name, the size. `resumed_from`:
  /// as far as the journal knows.
  void file_start(const Report& report, std::uint64_t resumed_from);
  void progress(const RunTotals& totals);
  void file_end(const Report& report);
  /// `reason`: one word. `why`: for people.
  void left_out(const std::string& path, std::string_view reason, const std::string& why);
  enum class Level { error, warning, detail };
  void message(Level level, const std::string& text);
  /// With the numbers of files that ended in each way.
  void run_end(int exit_code);

  /// Blocks as OutputChannel::drain() does, for 2 s without anything taken, less after a stop
  /// signal. Returns why events are missing in the file, if any are.
  std::optional<std::string> finish();

 private:
  EventLog(std::string path, int file, std::string run);
  void write(OutputQueue::Kind kind, std::string_view event, const nlohmann::ordered_json& fields);

  const std::string path_;
  const std::string run_;
  Mutex mutex_;
  std::map<Report::Status, std::size_t> ended_ SLUICE_GUARDED_BY(mutex_);
  const int file_;
  OutputChannel channel_;
};

}  // namespace sluice::cli
