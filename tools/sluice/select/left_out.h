#pragma once

#include <cstddef>
#include <string>

namespace sluice::cli {

/// Why a file, directory or link that was listed or found is not uploaded.
enum class LeftOutReason {
  filter,   ///< excluded by a filter
  own,      ///< used by this run itself (OwnFiles)
  link,     ///< a symbolic link that is not followed, is broken, or leads to a directory above it
  special,  ///< a FIFO, a socket, a device
  unreadable,  ///< no permission
  missing,     ///< listed, or found a moment ago, but does not exist
  name,        ///< the path gives no valid name in the dataset
  failed,      ///< another error of the file system
};
/// Returns one word, as in the report and --skip.
const char* to_string(LeftOutReason reason);

struct LeftOut {
  std::string path = {};  ///< as given, or below a given directory
  LeftOutReason reason = LeftOutReason::failed;
  std::string why = {};     ///< a message for the user, with the path
  std::string advice = {};  ///< what to do, appended to the message; may be empty
  int code = 0;             ///< errno, or 0
  /// Skipped as requested, by a filter or by --skip; does not change the exit code.
  bool asked_for = false;
  /// Its position among the selected files and those skipped without request.
  std::size_t number = 0;

  std::string message() const { return advice.empty() ? why : why + "; " + advice; }
  /// Returns the message for a file that was skipped as requested.
  std::string notice() const {
    if (reason == LeftOutReason::filter || reason == LeftOutReason::own) return message();
    return "left out (--skip " + std::string(to_string(reason)) + "): " + why;
  }
};

}  // namespace sluice::cli
