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

/// An option --exclude, --include or --exclude-from.
struct FilterRule {
  enum class Kind { exclude, include, exclude_from };
  Kind kind = Kind::exclude;
  std::string text;  ///< the pattern, or the file with patterns
};

/// The files that the command line selects.
struct SelectOptions {
  std::vector<std::string> paths;
  std::string files_from;  ///< a list of more paths; "-": standard input; empty: none
  bool null_separated = false;
  bool recursive = false;
  bool follow_links = false;
  std::vector<FilterRule> filters;  ///< in the order of the command line
  std::set<LeftOutReason> skip;     ///< reasons for skipping files, chosen by the user
  NameRule names;
  std::string name;  ///< in the dataset, of the only file; empty: derived by `names`
  /// Whether Selection::left_out lists the items that filters exclude, instead of only counting
  /// them.
  bool list_filtered = true;
  std::function<bool()> stop;  ///< returns true to end the walk early; may be empty
};

/// A file to upload; about 150 bytes of memory with usual paths.
struct SelectedFile {
  std::string path;         ///< as given, or below a given directory
  std::string name;         ///< in the dataset; valid and unique
  std::uint64_t bytes = 0;  ///< the size during the walk
  std::size_t number = 0;   ///< its position in the selection
};

struct Selection {
  std::vector<SelectedFile> files;  ///< in the order of the paths; sorted within a directory
  std::vector<LeftOut> left_out;
  std::uint64_t bytes = 0;   ///< of all files
  std::size_t filtered = 0;  ///< files and whole directories excluded by filters
};

/// Finds the files that the options select. Files that cannot be uploaded are in `left_out` with a
/// reason, and do not affect others. Errors usage, for the whole run: an invalid option; a
/// directory without `recursive`; two files of the same name; no file selected, without another
/// error.
Result<Selection> select_files(const SelectOptions& options, const OwnFiles& own);

/// Parses reasons for skipping files: "links,special". Error usage: not one of links, special,
/// unreadable, missing and names.
Result<std::set<LeftOutReason>> parse_skip(const std::string& text);

}  // namespace sluice::cli
