#pragma once

#include <memory>
#include <string>

#include "tools/sluice/display/event_log.h"
#include "tools/sluice/display/output_channel.h"
#include "tools/sluice/display/progress_view.h"

namespace sluice::cli {

enum class ProgressMode { automatic, always, never };

/// What a person sees: messages and the progress on stderr, results on stdout. No call but
/// finish() ever waits for a terminal or a pipe: OutputChannel writes. Where stderr is no terminal,
/// each of its lines begins with the time of day (log_time()). Thread safe.
class Console {
 public:
  struct Options {
    ProgressMode progress = ProgressMode::automatic;
    bool quiet = false;    ///< errors only
    bool verbose = false;  ///< details too
  };
  explicit Console(const Options& options);
  /// As finish().
  ~Console();

  /// "sluice: text" on stderr, a line each; detail() with --verbose only, warning() not with
  /// --quiet.
  void error(const std::string& text);
  void warning(const std::string& text);
  void detail(const std::string& text);
  /// Errors and warnings, and details with --verbose, go into this log too from now on, warnings
  /// also with --quiet. `log` outlives the last message, or null follows. No other thread may call
  /// this object meanwhile.
  void log_to(EventLog* log) { log_ = log; }
  /// A result for people, on stdout; not with --quiet.
  void result(const std::string& text);
  /// A result for programs, on stdout.
  void report(const std::string& text);

  /// Whether the progress is drawn again and again in one place (a terminal that can do so, or
  /// --progress always), or a plain line is written now and then, or nothing.
  enum class Progress { live, lines, none };
  Progress progress() const { return progress_; }
  /// Draws the live area for the size that the terminal has now; not while another job has the
  /// terminal. Where stderr is no terminal, or one without escape sequences, only the total.
  void show_live(const ProgressView& view);
  /// Takes the live area away.
  void clear_live();
  void plain_line(const ProgressText& text);

  /// Blocks until all results are written, or a stop signal came (stop.h); and until all messages
  /// are, or nobody has taken any for 2 s. Returns whether all results were written. More may be
  /// written afterwards.
  bool finish();
  /// As finish(), for a command whose result is on stdout. Where that was not written, prints an
  /// error; returns `code` then, or 1 in place of 0 (128 + signal after a stop signal).
  int finish(int code);

 private:
  void message(OutputQueue::Kind kind, const std::string& text);
  void stderr_line(OutputQueue::Kind kind, const std::string& text);
  /// Whether the live area may be drawn and taken away: not while another job has the terminal.
  bool owns_terminal() const;

  const Options options_;
  const bool terminal_;  ///< stderr is one
  const Progress progress_;
  EventLog* log_ = nullptr;
  const LiveArea::Terminal kind_;
  OutputChannel err_;
  std::unique_ptr<OutputChannel> out_;  ///< null where stdout is the same file as stderr
};

}  // namespace sluice::cli
