#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <thread>

#include "io/unique_fd.h"

namespace sluice::torture {

/// Calls back, on a thread of its own, for each change of files in some directories by any process:
/// opening, writing, creating, renaming and deleting.
class DirectoryWatch {
 public:
  /// The directories must exist. Throws std::system_error.
  explicit DirectoryWatch(
      const std::map<std::filesystem::path, std::function<void()>>& directories);
  ~DirectoryWatch();
  DirectoryWatch(const DirectoryWatch&) = delete;
  DirectoryWatch& operator=(const DirectoryWatch&) = delete;

 private:
  void watch();

  UniqueFd inotify_;
  UniqueFd stop_;
  std::map<int, std::function<void()>> callbacks_;  ///< by watch descriptor
  std::thread thread_;
};

}  // namespace sluice::torture
