#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "io/result.h"
#include "tools/sluice/select/left_out.h"
#include "tools/sluice/select/names.h"
#include "tools/sluice/select/own_files.h"

namespace sluice::cli {

/// One --exclude, --include or --exclude-from.
struct FilterRule {
  enum class Kind { exclude, include, exclude_from };
  Kind kind = Kind::exclude;
  std::string text;  ///< the pattern, or the file with patterns
};

/// Which files the command line means.
struct SelectOptions {
  std::vector<std::string> paths;
  std::string files_from;  ///< a list of further paths; "-": standard input; empty: none
  bool null_separated = false;
  bool recursive = false;
  bool follow_links = false;
  std::vector<FilterRule> filters;  ///< in the order of the command line
  std::set<LeftOutReason> skip;     ///< what the user allows to be left out
  NameRule names;
  std::string name;  ///< in the dataset, of the only file; empty: by `names`
  /// Whether Selection::left_out has what filters leave out, besides its number.
  bool list_filtered = true;
  std::function<bool()> stop;  ///< ends the walk early; may be empty
};

/// A file to upload; about 150 bytes of memory with usual paths.
struct SelectedFile {
  std::string path;         ///< as it was given, or below a directory that was given
  std::string name;         ///< in the dataset; fit, and of no other file
  std::uint64_t bytes = 0;  ///< the size at the time of the walk
  std::size_t number = 0;   ///< its place in the selection
};

struct Selection {
  std::vector<SelectedFile> files;  ///< in the order of the paths; within a directory sorted
  std::vector<LeftOut> left_out;
  std::uint64_t bytes = 0;   ///< of all files
  std::size_t filtered = 0;  ///< files and whole directories that filters left out
};

/// Finds the files that the options mean. Files that cannot be uploaded are in `left_out`, each
/// with a reason, and keep no other file back. Errors usage, which concern the run as a whole: an
/// option; a directory without `recursive`; two files of one name; no file at all though nothing is
/// wrong with any.
Result<Selection> select_files(const SelectOptions& options, const OwnFiles& own);

/// "links,special": reasons for which files may be left out. Error usage: not one of links,
/// special, unreadable, missing and names.
Result<std::set<LeftOutReason>> parse_skip(const std::string& text);

}  // namespace sluice::cli
