#pragma once

#include <functional>
#include <string>

#include "io/unique_fd.h"
#include "tests/support/screen.h"

/// Where output goes: terminals, and pipes that take nothing.
namespace sluice::e2e {

/// A terminal of 60 columns and 24 rows, which shows what programs write to it. Programs get its
/// other side by path.
class Terminal {
 public:
  Terminal();

  const std::string& path() const { return path_; }
  /// What it shows of what was read.
  const test::Screen& screen() const { return screen_; }

  void resize(unsigned short columns, unsigned short rows = 24);
  /// Presses keys.
  void type(const std::string& keys);
  /// Writes as another program on the terminal does.
  void write(const std::string& text);
  /// What `stty tostop` does.
  void stop_background_writers();
  /// As when its window is closed.
  void hang_up();

  /// Reads until this has been written; false at the end, or after 30 s.
  bool read_until(const std::string& text);
  /// Reads as long as that says so; false at the end, or after 30 s.
  bool read_while(const std::function<bool()>& more);
  /// Everything, once the program is over.
  std::string read_all();

 private:
  bool read_some();

  UniqueFd master_, slave_;
  std::string path_;
  std::string written_;
  test::Screen screen_{60};
};

/// A FIFO that takes not a byte more, and that nobody reads.
class FullPipe {
 public:
  explicit FullPipe(std::string path);
  const std::string& path() const { return path_; }
  /// All that came, what has filled it included.
  std::string read_all();

 private:
  const std::string path_;
  UniqueFd fd_;
};

}  // namespace sluice::e2e
