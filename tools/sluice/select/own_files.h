#pragma once

#include <sys/stat.h>

#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace sluice::cli {

/// Files and directories that this run reads secrets from or writes: the token file, the journal,
/// receipts, lists of checksums. They must not be uploaded, even inside a given directory. They are
/// identified by device and inode, so that the path does not matter. Lookups: any thread.
class OwnFiles {
 public:
  /// Adds a file, or a directory with everything that a walk would find in it. No effect if `path`
  /// is empty or does not exist.
  void add(const std::string& path);
  /// Adds an open file, whose path is unknown. No effect unless it is a regular file.
  void add_open(int descriptor);
  /// Adds a directory and each file in it, so that the files are also recognised under other paths,
  /// such as links. Not for directories that may contain files of the user.
  void add_with_files(const std::string& path);
  /// Adds those files of a directory whose names end in `suffix`.
  void add_directory(const std::string& path, std::string suffix);

  bool contains(const struct stat& facts) const { return contains(facts.st_dev, facts.st_ino); }
  bool contains(dev_t device, ino_t inode) const;
  /// `directory`: the status of the directory that contains `name`.
  bool contains(const struct stat& directory, std::string_view name) const;

 private:
  using Identity = std::pair<dev_t, ino_t>;
  static Identity identity(const struct stat& facts) { return {facts.st_dev, facts.st_ino}; }

  std::set<Identity> files_;
  std::set<Identity> directories_;
  std::string suffix_;
};

}  // namespace sluice::cli
