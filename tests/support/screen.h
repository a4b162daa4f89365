#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::test {

/// An emulated terminal with scrollback. Supports CR, LF, the sequences CSI n A (up), CSI n B
/// (down), CSI K (erase to the end of the line) and CSI J (erase to the end of the screen; as in
/// tmux, a whole screen is first copied to the scrollback). Wraps lines like xterm: a full row
/// wraps when the next character arrives. Characters have a width of one, two (CJK, emoji) or zero
/// (combining) columns.
class Screen {
 public:
  enum class OnResize {
    rewrap,  ///< joins wrapped rows and wraps them again (VTE, kitty, tmux)
    cut,     ///< discards what is beyond the last column (xterm)
  };
  explicit Screen(std::size_t columns, std::size_t rows = 24,
                  OnResize on_resize = OnResize::rewrap);

  /// Writes output to the screen. A character or a sequence may be split between calls.
  void write(std::string_view text);
  void resize(std::size_t columns, std::size_t rows = 24);

  /// Returns all rows including the scrollback, down to the last one that is not blank, without
  /// trailing blanks.
  std::vector<std::string> rows() const;
  /// Returns the rows as one text, each with a newline.
  std::string text() const;
  /// Returns how often a line was wider than the terminal.
  std::size_t wraps() const { return wraps_; }
  /// Returns the unknown sequences.
  const std::string& unknown() const { return unknown_; }

 private:
  struct Cell {
    std::string text;       ///< a character with its combining characters; empty: the right half of
                            ///< a wide character
    std::size_t width = 1;  ///< 0: right half
  };
  struct Row {
    std::vector<Cell> cells;
    bool wrapped = false;  ///< continues in the next row
  };
  /// Processes a character or a sequence at the front of pending_. Returns false if it is
  /// incomplete.
  bool take_one();
  void put(const std::string& character, std::size_t width);
  void line_feed();
  void control(char final_byte, const std::string& parameters);
  void rewrap();
  std::size_t top() const { return rows_.size() > height_ ? rows_.size() - height_ : 0; }

  std::size_t columns_;
  std::size_t height_;
  OnResize on_resize_;
  std::vector<Row> rows_{1};
  std::size_t row_ = 0;     ///< row of the cursor, an index in rows_
  std::size_t column_ = 0;  ///< column of the cursor; columns_: the row is full, and the next
                            ///< character wraps
  std::size_t wraps_ = 0;
  std::string pending_;
  std::string unknown_;
};

/// Returns the columns of a text by the table of Screen.
std::size_t columns_of(std::string_view text);

}  // namespace sluice::test
