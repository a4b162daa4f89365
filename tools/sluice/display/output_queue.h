#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::cli {

/// What is to be written to stdout and stderr, in order, while a terminal or a pipe takes nothing.
/// Results are all kept. Of the rest no more than `most_bytes` are: beyond that the oldest progress
/// line is dropped, then the oldest message, then the oldest error, and what was dropped is
/// counted. The live line is a single text, replaced by each newer one. Does no I/O. Not thread
/// safe.
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

  /// `erase_line`: what takes a live line off the terminal and leaves the cursor in its first
  /// column. Empty: blanks over the line, for terminals without escape sequences.
  OutputQueue(std::size_t most_bytes, std::string_view erase_line)
      : most_bytes_(most_bytes), erase_line_(erase_line) {}

  /// Adds a whole line, or lines, with its newline.
  void push(Kind kind, std::string text);
  /// Shows `text` (one line, no control characters) as the live line from now on.
  void show_live(std::string text);
  /// Takes the live line away.
  void hide_live();
  /// Forgets the live line without taking it away: the terminal is somebody else's now.
  void forget_live();

  /// Returns what is to be written next, and takes it out; nothing where there is nothing.
  std::optional<Piece> next();
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
  /// Takes the live line off the terminal.
  Piece erase();

  const std::size_t most_bytes_;
  const std::string erase_line_;
  std::array<std::deque<Item>, kinds> items_;  ///< one queue for each Kind
  std::uint64_t pushed_ = 0;
  std::size_t bytes_ = 0;             ///< of all but the results
  std::size_t dropped_ = 0;           ///< messages and errors that nobody has been told of
  std::optional<std::string> live_;   ///< as it should be shown; nothing for none
  std::optional<std::string> shown_;  ///< as it stands on the terminal
};

}  // namespace sluice::cli
