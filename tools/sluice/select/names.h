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

/// Checks the separator of NameFrom::path. Error usage: `separator` is empty, or has characters
/// that no name in a dataset may contain.
Result<void> check_separator(std::string_view separator);

/// Returns the part of `path` (given by the user) that names and patterns use: without "./", "../"
/// and repeated slashes; for an absolute path, the last component.
std::string relative_path(std::string_view path);

/// Returns the name in the dataset. `relative`: a result of relative_path(), or a path below a
/// given directory.
std::string dataset_name(const NameRule& rule, std::string_view relative);

/// Checks a name in the dataset. Error usage: `name` is not valid; the message has `path` but no
/// advice.
Result<void> check_name(const NameRule& rule, const std::string& path, const std::string& name);

struct SelectedFile;
/// Checks that all files have different names. Error usage: two files have the same name; the
/// message names the first pair and the number of others.
Result<void> check_collisions(const std::vector<SelectedFile>& files, NameFrom from);

}  // namespace sluice::cli
