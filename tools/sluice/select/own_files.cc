#include "tools/sluice/select/own_files.h"

#include <filesystem>
#include <system_error>

namespace sluice::cli {

void OwnFiles::add(const std::string& path) {
  struct stat facts {};
  if (!path.empty() && ::stat(path.c_str(), &facts) == 0) files_.insert(identity(facts));
}

void OwnFiles::add_open(int descriptor) {
  struct stat facts {};
  if (::fstat(descriptor, &facts) == 0 && S_ISREG(facts.st_mode)) files_.insert(identity(facts));
}

void OwnFiles::add_with_files(const std::string& path) {
  add(path);
  std::error_code failed;  // adds nothing if there is no such directory
  for (std::filesystem::directory_iterator entry(path, failed), end; !failed && entry != end;
       entry.increment(failed))
    add(entry->path().string());
}

void OwnFiles::add_directory(const std::string& path, std::string suffix) {
  struct stat facts {};
  if (path.empty() || ::stat(path.c_str(), &facts) != 0) return;
  directories_.insert(identity(facts));
  suffix_ = std::move(suffix);
}

bool OwnFiles::contains(dev_t device, ino_t inode) const {
  return !files_.empty() && files_.contains({device, inode});
}

bool OwnFiles::contains(const struct stat& directory, std::string_view name) const {
  return !directories_.empty() && name.ends_with(suffix_) &&
         directories_.contains(identity(directory));
}

}  // namespace sluice::cli
