#pragma once

#include <cstddef>
#include <string>

namespace sluice::cli {

/// Why a file, directory or link that a walk or a list has found is not uploaded.
enum class LeftOutReason {
  filter,   ///< a filter excludes it
  own,      ///< this run reads or writes it itself (OwnFiles)
  link,     ///< a symbolic link that is not followed, is broken, or leads to a directory above it
  special,  ///< a FIFO, a socket, a device
  unreadable,  ///< no permission
  missing,     ///< listed, or seen a moment ago, and not there
  name,        ///< no name in the dataset can be made of its path
  failed,      ///< any other error of the file system
};
/// One word, as the report and --skip use it.
const char* to_string(LeftOutReason reason);

struct LeftOut {
  std::string path = {};  ///< as it was given, or below a directory that was given
  LeftOutReason reason = LeftOutReason::failed;
  std::string why = {};     ///< a message for the person who ran it; names the path
  std::string advice = {};  ///< what to do, as the end of that sentence; may be empty
  int code = 0;             ///< errno, or 0
  /// The user has chosen it, by a filter or by --skip; the exit code does not change for it.
  bool asked_for = false;
  /// Its place among the files of the selection and those left out that were not asked for.
  std::size_t number = 0;

  std::string message() const { return advice.empty() ? why : why + "; " + advice; }
  /// The message of a file that is left out on purpose.
  std::string notice() const {
    if (reason == LeftOutReason::filter || reason == LeftOutReason::own) return message();
    return "left out (--skip " + std::string(to_string(reason)) + "): " + why;
  }
};

}  // namespace sluice::cli
