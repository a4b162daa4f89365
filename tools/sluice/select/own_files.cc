#include "tools/sluice/select/own_files.h"

namespace sluice::cli {

void OwnFiles::add(const std::string& path) {
  struct stat facts {};
  if (!path.empty() && ::stat(path.c_str(), &facts) == 0) files_.insert(identity(facts));
}

void OwnFiles::add_directory(const std::string& path, std::string suffix) {
  struct stat facts {};
  if (path.empty() || ::stat(path.c_str(), &facts) != 0) return;
  directories_.insert(identity(facts));
  suffix_ = std::move(suffix);
}

bool OwnFiles::contains(const struct stat& facts) const {
  return !files_.empty() && files_.contains(identity(facts));
}

bool OwnFiles::contains(const struct stat& directory, std::string_view name) const {
  return !directories_.empty() && name.ends_with(suffix_) &&
         directories_.contains(identity(directory));
}

}  // namespace sluice::cli
