#pragma once

#include <functional>
#include <string>

#include "io/unique_fd.h"
#include "tests/support/screen.h"

/// Terminals, and pipes that accept no output.
namespace sluice::e2e {

/// A pseudoterminal of 60 columns and 24 rows with an emulated screen. Programs open its other side
/// by path.
class Terminal {
 public:
  Terminal();

  const std::string& path() const { return path_; }
  /// Returns the screen after the output read so far.
  const test::Screen& screen() const { return screen_; }

  void resize(unsigned short columns, unsigned short rows = 24);
  /// Resizes the terminal, and reads until `complete` returns true. Returns false at the end, or
  /// after 30 s.
  ///
  /// A program that has just asked for the old width draws lines that are too wide now, and cannot
  /// know how many rows they take: some stay on the screen, on real terminals, too. Then restores
  /// the old width with a clear screen, and resizes again.
  bool resize_until(unsigned short columns, const std::function<bool()>& complete);
  /// Types keys.
  void type(const std::string& keys);
  /// Writes like another program on the terminal.
  void write(const std::string& text);
  /// Does what `stty tostop` does.
  void stop_background_writers();
  /// Does what closing the terminal's window does.
  void hang_up();

  /// Reads until that text was written. Returns false at the end, or after 30 s.
  bool read_until(const std::string& text);
  /// Reads while `more` returns true. Returns false at the end, or after 30 s.
  bool read_while(const std::function<bool()>& more);
  /// Returns all output, after the end of the program.
  std::string read_all();

 private:
  bool read_some();

  UniqueFd master_, slave_;
  std::string path_;
  std::string written_;
  unsigned short columns_ = 60;
  test::Screen screen_{60};
};

/// A full FIFO without a reader.
class FullPipe {
 public:
  explicit FullPipe(std::string path);
  const std::string& path() const { return path_; }
  /// Returns everything in the pipe, including the bytes that filled it.
  std::string read_all();

 private:
  const std::string path_;
  UniqueFd fd_;
};

}  // namespace sluice::e2e
