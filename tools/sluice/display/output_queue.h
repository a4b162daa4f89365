#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "tools/sluice/display/live_area.h"

namespace sluice::cli {

/// A queue of output to stdout and stderr, in order. Keeps all results. Of other output, keeps at
/// most `most_bytes`: beyond that, drops the oldest progress line, then the oldest message, then
/// the oldest error, and counts dropped messages and errors. A new live area replaces the old one,
/// so that only the newest is drawn. Does no I/O. Not thread-safe.
class OutputQueue {
 public:
  enum class Kind {
    result,    ///< to stdout; never dropped
    error,     ///< to stderr
    message,   ///< to stderr: warnings and details
    progress,  ///< to stderr: a plain progress line
  };
  enum class Stream { out, err };
  struct Piece {
    Stream stream = Stream::err;
    std::string text;
  };

  /// Returns the line that reports `count` dropped messages and errors.
  using DroppedLine = std::function<std::string(std::size_t count)>;
  OutputQueue(std::size_t most_bytes, LiveArea::Terminal terminal,
              DroppedLine dropped = dropped_messages)
      : most_bytes_(most_bytes), dropped_line_(std::move(dropped)), area_(terminal) {}
  static std::string dropped_messages(std::size_t count);

  /// Adds one or more whole lines with newlines.
  void push(Kind kind, std::string text);
  /// Sets the live area; empty lines remove it.
  void show_live(LiveArea::Lines lines) { live_ = std::move(lines); }
  /// Forgets the live area without removing it, because another program uses the terminal now.
  void forget_live();
  /// Draws the live area again below the current output, because another program used the terminal.
  void redraw_live() { area_.forget(); }

  /// Removes and returns the next output; nullopt if there is none. `columns`: the current width of
  /// the terminal.
  std::optional<Piece> next(std::size_t columns);
  bool empty() const;
  /// Whether results are queued.
  bool has_results() const { return !of(Kind::result).empty(); }

 private:
  struct Item {
    std::uint64_t number;
    std::string text;
  };
  static constexpr std::size_t kinds = 4;
  std::deque<Item>& of(Kind kind) { return items_[static_cast<std::size_t>(kind)]; }
  const std::deque<Item>& of(Kind kind) const { return items_[static_cast<std::size_t>(kind)]; }
  void drop_excess();
  std::optional<Kind> oldest() const;

  const std::size_t most_bytes_;
  const DroppedLine dropped_line_;
  std::array<std::deque<Item>, kinds> items_;  ///< one queue for each Kind
  std::uint64_t pushed_ = 0;
  std::size_t bytes_ = 0;    ///< bytes of everything but results
  std::size_t dropped_ = 0;  ///< messages and errors not reported as dropped yet
  LiveArea::Lines live_;     ///< the lines to show; empty for none
  LiveArea area_;            ///< the state on the terminal
};

}  // namespace sluice::cli
