#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::cli {

/// The lines below everything else on a terminal, which are drawn again and again in place. Returns
/// the text and the escape sequences to write, and remembers what stands on the terminal. The
/// cursor stays behind the last line. Lines are UTF-8 without control characters, each narrower
/// than the terminal. Does no I/O. Not thread safe.
class LiveArea {
 public:
  /// What the terminal does with lines on its screen when its width changes.
  enum class Terminal {
    rewraps,       ///< wraps them again for the new width, as most terminals do
    cuts,          ///< leaves each line in its row: xterm, GNU screen, the Linux console
    no_sequences,  ///< knows no escape sequences: only the last line is shown, and blanked out
  };
  using Lines = std::vector<std::string>;

  explicit LiveArea(Terminal terminal) : terminal_(terminal) {}

  /// Puts `lines` in the place of what is shown. `columns`: the width of the terminal now, as it
  /// may have changed since the last call.
  std::string draw(const Lines& lines, std::size_t columns);
  /// Takes the area off the terminal, and leaves the cursor in the first column.
  std::string erase(std::size_t columns);
  /// The area is left where it is: the terminal is another program's now.
  void forget() { shown_.clear(); }

  /// Whether the area is on the terminal.
  bool is_shown() const { return !shown_.empty(); }
  /// The lines that are on the terminal; empty for none.
  const Lines& lines() const { return shown_; }

 private:
  /// How many rows of the terminal the area takes now.
  std::size_t rows(std::size_t columns) const;
  /// Blanks so many rows, 1 or more, from the cursor's on, and leaves the cursor where it was.
  static std::string blank(std::size_t rows);
  /// Moves the cursor into the first column, so many rows higher.
  static std::string up(std::size_t rows);

  const Terminal terminal_;
  Lines shown_;
  std::size_t columns_ = 0;  ///< of the terminal, when they were drawn
};

/// Which kind of terminal the environment's variables name, each empty where it is not set. `term`:
/// TERM. `xterm_version`: XTERM_VERSION, which xterm sets. https://no-color.org is about escape
/// sequences, which the live area needs; an empty NO_COLOR is none.
LiveArea::Terminal terminal_kind(std::string_view term, std::string_view no_color,
                                 std::string_view xterm_version);

}  // namespace sluice::cli
