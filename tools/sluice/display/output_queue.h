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

/// What is to be written to stdout and stderr, in order, while a terminal or a pipe takes nothing.
/// Results are all kept. Of the rest no more than `most_bytes` are: beyond that the oldest progress
/// line is dropped, then the oldest message, then the oldest error, and what was dropped is
/// counted. The live area is replaced by each newer one, so that only the newest is drawn. Does no
/// I/O. Not thread safe.
class OutputQueue {
 public:
  enum class Kind {
    result,    ///< stdout; never dropped
    error,     ///< stderr
    message,   ///< stderr: warnings and details
    progress,  ///< stderr: a plain line of progress
  };
  enum class Stream { out, err };
  struct Piece {
    Stream stream = Stream::err;
    std::string text;
  };

  /// Makes the line that tells of so many dropped messages and errors.
  using DroppedLine = std::function<std::string(std::size_t count)>;
  OutputQueue(std::size_t most_bytes, LiveArea::Terminal terminal,
              DroppedLine dropped = dropped_messages)
      : most_bytes_(most_bytes), dropped_line_(std::move(dropped)), area_(terminal) {}
  static std::string dropped_messages(std::size_t count);

  /// Adds a whole line, or lines, with its newline.
  void push(Kind kind, std::string text);
  /// Shows these lines as the live area from now on; none takes the area away.
  void show_live(LiveArea::Lines lines) { live_ = std::move(lines); }
  /// Forgets the live area without taking it away: the terminal is another program's now.
  void forget_live();
  /// Shows the live area anew below what is there: another program has had the terminal.
  void redraw_live() { area_.forget(); }

  /// Returns what is to be written next, and takes it out; nothing where there is nothing.
  /// `columns`: of the terminal, now.
  std::optional<Piece> next(std::size_t columns);
  bool empty() const;
  /// Whether there are results.
  bool has_results() const { return !of(Kind::result).empty(); }

 private:
  struct Item {
    std::uint64_t number;
    std::string text;
  };
  static constexpr std::size_t kinds = 4;
  std::deque<Item>& of(Kind kind) { return items_[static_cast<std::size_t>(kind)]; }
  const std::deque<Item>& of(Kind kind) const { return items_[static_cast<std::size_t>(kind)]; }
  void make_room();
  std::optional<Kind> oldest() const;

  const std::size_t most_bytes_;
  const DroppedLine dropped_line_;
  std::array<std::deque<Item>, kinds> items_;  ///< one queue for each Kind
  std::uint64_t pushed_ = 0;
  std::size_t bytes_ = 0;    ///< of all but the results
  std::size_t dropped_ = 0;  ///< messages and errors that nobody has been told of
  LiveArea::Lines live_;     ///< as they should be shown; empty for none
  LiveArea area_;            ///< as it stands on the terminal
};

}  // namespace sluice::cli
