#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "io/result.h"

/// Names in the dataset, which has one flat list of them. Pure functions, any thread.
namespace sluice::cli {

enum class NameFrom {
  base,  ///< the last component of the path
  path,  ///< all components of the relative path, joined by a separator
};

struct NameRule {
  NameFrom from = NameFrom::base;
  std::string separator = "__";
  std::size_t longest = 255;  ///< bytes of a name; fewer where receipts are called after it
};

/// Error usage: not a separator, because no name could contain it.
Result<void> check_separator(std::string_view separator);

/// The part of `path` (a PATH of the command line or of a list) that names and patterns are about:
/// "./", "../" and doubled slashes left out. Of an absolute path, the last component.
std::string relative_path(std::string_view path);

/// `relative`: as relative_path() returns, or a path below a directory of the command line.
std::string dataset_name(const NameRule& rule, std::string_view relative);

/// Error usage, naming `path`: what is wrong with `name` as a name in the dataset, without advice.
Result<void> check_name(const NameRule& rule, const std::string& path, const std::string& name);

struct SelectedFile;
/// Error usage: two files of one name, and which; and how many more there are.
Result<void> check_collisions(const std::vector<SelectedFile>& files, NameFrom from);

}  // namespace sluice::cli
