#pragma once

#include <sys/stat.h>

#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace sluice::cli {

/// Files and directories that this run of sluice reads a secret from, or writes: the token file,
/// the journal, receipts, lists of checksums. A directory tree may hold them; no upload may. They
/// are recognised by device and inode, by whichever path a walk finds them. Lookups: any thread.
class OwnFiles {
 public:
  /// A file, or a directory with all that a walk would find in it. Nothing, where no such file
  /// exists, or the path is empty.
  void add(const std::string& path);
  /// A file that is open: by which path is unknown. Nothing, unless it is a regular file.
  void add_open(int descriptor);
  /// A directory and each file that is in it now, by whichever path: by a link that leads to the
  /// file, or given alone. Not for directories that may hold the user's files.
  void add_with_files(const std::string& path);
  /// A directory in which the files whose names end in `suffix` are meant, and no others.
  void add_directory(const std::string& path, std::string suffix);

  bool contains(const struct stat& facts) const { return contains(facts.st_dev, facts.st_ino); }
  bool contains(dev_t device, ino_t inode) const;
  /// `directory`: facts of the directory that holds `name`.
  bool contains(const struct stat& directory, std::string_view name) const;

 private:
  using Identity = std::pair<dev_t, ino_t>;
  static Identity identity(const struct stat& facts) { return {facts.st_dev, facts.st_ino}; }

  std::set<Identity> files_;
  std::set<Identity> directories_;
  std::string suffix_;
};

}  // namespace sluice::cli
