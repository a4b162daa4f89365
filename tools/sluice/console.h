#pragma once

#include <string>

#include "io/sync.h"

namespace sluice::cli {

enum class ProgressMode { automatic, always, never };

/// What a person sees: messages and the progress line on stderr, results on stdout. Thread safe.
class Console {
 public:
  struct Options {
    ProgressMode progress = ProgressMode::automatic;
    bool quiet = false;    ///< errors only
    bool verbose = false;  ///< details too
  };
  explicit Console(const Options& options);
  ~Console() { clear_line(); }

  /// "sluice: text" on stderr, a line each; detail() with --verbose only, warning() not with
  /// --quiet.
  void error(const std::string& text);
  void warning(const std::string& text);
  void detail(const std::string& text);
  /// A result, on stdout; not with --quiet.
  void result(const std::string& text);

  /// Whether a progress line is drawn again and again in one place (a terminal, or --progress
  /// always), or a plain line is written now and then, or nothing.
  enum class Progress { live, lines, none };
  Progress progress() const { return progress_; }
  /// Draws the live line, cut to the terminal's width.
  void live_line(const std::string& text);
  /// Takes the live line away.
  void clear_line();
  void plain_line(const std::string& text);

 private:
  void message(const std::string& text);
  void clear_locked() SLUICE_REQUIRES(mutex_);

  const Options options_;
  const Progress progress_;
  Mutex mutex_;
  bool line_shown_ SLUICE_GUARDED_BY(mutex_) = false;
};

}  // namespace sluice::cli
