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

/// The version of the event log's schema (sluice-json(5), EVENT LOG). Incremented when an event or
/// a field is removed or changes its meaning.
inline constexpr int event_log_version = 1;

/// Returns an event as a line of JSON with its newline. `time`: written in UTC with milliseconds.
/// `run`: an id that all events of a process share. Invalid UTF-8 is replaced by U+FFFD. Pure.
std::string event_line(std::chrono::system_clock::time_point time, std::string_view run,
                       std::string_view event, const nlohmann::ordered_json& fields);

/// The file of --log-json: one event per line. Only finish() blocks. While the file accepts no
/// output, at most 4 MiB of events are queued; then the oldest are dropped and counted in an event
/// of their own: progress first, then other events, and the ends of files last. Any thread.
class EventLog {
 public:
  /// Opens or creates the file for appending (mode 0644, reduced by the umask). A FIFO may have no
  /// reader yet. Error usage if the file cannot be opened.
  static Result<std::unique_ptr<EventLog>> open(const std::string& path);
  /// Does not block: events that are not written yet are lost.
  ~EventLog();
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;

  void run_start(std::string_view command);
  /// Logs the datasets, and the number of files and bytes to upload.
  void upload_start(const std::vector<std::string>& datasets, std::size_t files,
                    std::uint64_t bytes);
  /// Uses the members of `report` that are known at the start: dataset, path, name and size.
  /// `resumed_from`: the committed offset in the journal.
  void file_start(const Report& report, std::uint64_t resumed_from);
  void progress(const RunTotals& totals);
  void file_end(const Report& report);
  /// `reason`: one word. `why`: text for the user.
  void left_out(const std::string& path, std::string_view reason, const std::string& why);
  enum class Level { error, warning, detail };
  void message(Level level, const std::string& text);
  /// Logs the end of the run, with the number of files in each final status.
  void run_end(int exit_code);

  /// Blocks like OutputChannel::drain(), until no output was accepted for 2 s, or 500 ms after a
  /// stop signal. Returns the reason if events are missing in the file.
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
