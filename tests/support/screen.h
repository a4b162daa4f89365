#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::test {

/// What a terminal shows, and what has scrolled off its top, after the text that programs wrote to
/// it. Knows CR, LF, the sequences CSI n A (up), CSI n B (down), CSI K (erase to the end of the
/// line) and CSI J (to the end of the screen; as in tmux, a whole screen goes into the history
/// first), and wraps lines at its last column, as xterm does: a full row wraps when the next
/// character comes. Characters are one, two (CJK, emoji) or no columns wide (combining).
class Screen {
 public:
  enum class OnResize {
    rewrap,  ///< joins wrapped rows and wraps them again (VTE, kitty, tmux)
    cut,     ///< drops what is beyond the last column (xterm)
  };
  explicit Screen(std::size_t columns, std::size_t rows = 24,
                  OnResize on_resize = OnResize::rewrap);

  /// May end within a character or a sequence; the next call goes on there.
  void write(std::string_view text);
  void resize(std::size_t columns, std::size_t rows = 24);

  /// All rows down to the last one that is not blank, those that have scrolled off too, without
  /// trailing blanks.
  std::vector<std::string> rows() const;
  /// The same as one text, each row with a newline.
  std::string text() const;
  /// How often a line was longer than the terminal was wide.
  std::size_t wraps() const { return wraps_; }
  /// The sequences that it did not know.
  const std::string& unknown() const { return unknown_; }

 private:
  struct Cell {
    std::string text;       ///< a character and what combines with it; empty: right half of one
    std::size_t width = 1;  ///< 0: right half
  };
  struct Row {
    std::vector<Cell> cells;
    bool wrapped = false;  ///< goes on in the next row
  };
  /// Takes one character or sequence from the front of pending_; false where it is incomplete.
  bool take_one();
  void put(const std::string& character, std::size_t width);
  void line_feed();
  void control(char final_byte, const std::string& parameters);
  void rewrap();
  std::size_t top() const { return rows_.size() > height_ ? rows_.size() - height_ : 0; }

  std::size_t columns_;
  std::size_t height_;
  const OnResize on_resize_;
  std::vector<Row> rows_{1};
  std::size_t row_ = 0;     ///< cursor, index in rows_
  std::size_t column_ = 0;  ///< cursor; columns_: the row is full, and the next character wraps
  std::size_t wraps_ = 0;
  std::string pending_;
  std::string unknown_;
};

/// Columns of a text by the table that Screen uses.
std::size_t columns_of(std::string_view text);

}  // namespace sluice::test
