#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "io/result.h"

/// Names in the dataset, which has a flat list of files. Pure functions, any thread.
namespace sluice::cli {

enum class NameFrom {
  base,  ///< the last component of the path
  path,  ///< all components of the relative path, joined by a separator
};

struct NameRule {
  NameFrom from = NameFrom::base;
  std::string separator = "__";
  std::size_t longest = 255;  ///< maximum bytes of a name; less than 255 if receipts are named
                              ///< after it
};

/// Error usage: not a separator, because no name could contain it.
Result<void> check_separator(std::string_view separator);

/// Returns the part of `path` (given by the user) that names and patterns use: without "./", "../"
/// and repeated slashes; for an absolute path, the last component.
std::string relative_path(std::string_view path);

/// Returns the name in the dataset. `relative`: a result of relative_path(), or a path below a
/// given directory.
std::string dataset_name(const NameRule& rule, std::string_view relative);

/// Error usage, with `path`: `name` is not valid as a name in the dataset. The message has no
/// advice.
Result<void> check_name(const NameRule& rule, const std::string& path, const std::string& name);

struct SelectedFile;
/// Error usage: two files have the same name. Names the first pair, and the number of others.
Result<void> check_collisions(const std::vector<SelectedFile>& files, NameFrom from);

}  // namespace sluice::cli
