#pragma once

#include <memory>
#include <string>

#include "tools/sluice/display/event_log.h"
#include "tools/sluice/display/output_channel.h"
#include "tools/sluice/display/progress_view.h"

namespace sluice::cli {

enum class ProgressMode { automatic, always, never };

/// The output for the user: messages and progress on stderr, results on stdout. Only finish()
/// blocks; an OutputChannel writes. If stderr is not a terminal, each line begins with the time
/// (log_time()). Any thread.
class Console {
 public:
  struct Options {
    ProgressMode progress = ProgressMode::automatic;
    bool quiet = false;    ///< print errors only
    bool verbose = false;  ///< print details, too
  };
  explicit Console(const Options& options);
  /// Calls clear_live() and finish().
  ~Console();

  /// Print "sluice: text" lines on stderr. detail() prints only with --verbose, warning() not with
  /// --quiet.
  void error(const std::string& text);
  void warning(const std::string& text);
  void detail(const std::string& text);
  /// Copies errors and warnings into `log`, and details with --verbose; warnings also with --quiet.
  /// `log` must outlive all messages, or be reset with null. No other thread may call this object
  /// meanwhile.
  void log_to(EventLog* log) { log_ = log; }
  /// Prints a result as text on stdout; not with --quiet.
  void result(const std::string& text);
  /// Prints a machine-readable result on stdout.
  void report(const std::string& text);

  /// How progress is shown: as a live area that is redrawn in place (on a terminal with escape
  /// sequences, or with --progress always), as plain lines at intervals, or not at all.
  enum class Progress { live, lines, none };
  Progress progress() const { return progress_; }
  /// Draws the live area for the current size of the terminal; not if this process is in the
  /// background. Shows only the total if stderr is not a terminal or has no escape sequences.
  void show_live(const ProgressView& view);
  /// Removes the live area.
  void clear_live();
  void plain_line(const ProgressText& text);

  /// Blocks until all results are written, at most 500 ms after a stop signal (stop.h), and until
  /// all messages are written or no output was accepted for 2 s. Returns whether all results were
  /// written. The console stays usable.
  bool finish();
  /// Calls finish(). If results could not be written, prints an error, and returns 1 instead of
  /// code 0 (128 + signal after a stop signal). Returns `code` otherwise.
  int finish(int code);

 private:
  void message(OutputQueue::Kind kind, const std::string& text);
  void stderr_line(OutputQueue::Kind kind, const std::string& text);
  /// Whether the live area may be drawn and removed: the process is not in the background.
  bool owns_terminal() const;

  const Options options_;
  const bool terminal_;  ///< whether stderr is a terminal
  const Progress progress_;
  EventLog* log_ = nullptr;
  const LiveArea::Terminal kind_;
  OutputChannel err_;
  std::unique_ptr<OutputChannel> out_;  ///< null if stdout and stderr are the same file
};

}  // namespace sluice::cli
