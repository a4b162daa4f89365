#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::cli {

/// The lines at the bottom of a terminal that are redrawn in place. Returns text and escape
/// sequences to write, and remembers the lines on the terminal; does no I/O. The cursor stays at
/// the end of the last line. Lines must be UTF-8 without control characters, and narrower than the
/// terminal. Not thread-safe.
class LiveArea {
 public:
  /// How the terminal treats existing lines when its width changes.
  enum class Terminal {
    rewraps,       ///< wraps them again for the new width, like most terminals
    cuts,          ///< keeps each line in its row: xterm, GNU screen, the Linux console
    no_sequences,  ///< has no escape sequences: show only the last line, erase with blanks
  };
  using Lines = std::vector<std::string>;

  explicit LiveArea(Terminal terminal) : terminal_(terminal) {}

  // Both return the output for the terminal. `columns`: the current width of the terminal.
  /// Replaces the lines on the terminal by `lines`.
  std::string draw(const Lines& lines, std::size_t columns);
  /// Removes the area from the terminal, and leaves the cursor in the first column.
  std::string erase(std::size_t columns);
  /// Forgets the area without removing it, because another program uses the terminal now.
  void forget() { shown_.clear(); }

  /// Whether the area is on the terminal.
  bool is_shown() const { return !shown_.empty(); }
  /// Returns the lines on the terminal; empty if the area is not shown.
  const Lines& lines() const { return shown_; }

 private:
  /// Returns the number of rows of the terminal that the area takes now.
  std::size_t rows(std::size_t columns) const;
  /// Blanks `rows` rows (at least 1) from the cursor's row down, and restores the cursor.
  static std::string blank(std::size_t rows);
  /// Moves the cursor `rows` rows up, into the first column.
  static std::string up(std::size_t rows);

  const Terminal terminal_;
  Lines shown_;
  std::size_t columns_ = 0;  ///< of the terminal at the last draw()
};

/// Returns the kind of terminal that environment variables describe; pass empty texts for unset
/// variables. `term`: TERM. `xterm_version`: XTERM_VERSION, which xterm sets. `no_color`: NO_COLOR
/// disables all escape sequences (https://no-color.org); an empty NO_COLOR has no effect.
LiveArea::Terminal terminal_kind(std::string_view term, std::string_view no_color,
                                 std::string_view xterm_version);

}  // namespace sluice::cli
