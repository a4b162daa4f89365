#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "io/result.h"
#include "tools/sluice/select/glob.h"

namespace sluice::cli {

/// Selects files of a directory tree by the rules of --exclude, --include and --exclude-from, in
/// the order of the command line. The rules are those of gitignore(5): the last rule that matches a
/// path decides, and excluded directories are not read.
///
/// --include P is the rule "!P" of gitignore. If the first rule is an include, files that match no
/// rule are excluded, except in a directory that a rule includes: `--include '*.tif'` alone selects
/// only TIFF files. Otherwise files that match no rule are included.
///
/// Lookups do not change the filter: any thread.
class Filter {
 public:
  /// The result of the rules for a path, or for a directory above it.
  enum class Verdict { no_rule, included, excluded };
  struct Decision {
    Verdict verdict = Verdict::no_rule;
    std::size_t rule = 0;  ///< index of the rule that decided, unless no_rule
  };

  /// Add a rule. Errors usage: invalid pattern. For exclude(), a leading '!' makes the rule an
  /// include.
  Result<void> exclude(std::string_view pattern);
  Result<void> include(std::string_view pattern);
  /// Adds the rules of a gitignore file: '#' begins a comment, trailing blanks are ignored, "\r\n"
  /// ends a line, too. `file`: its name, for errors. Errors name the line.
  Result<void> exclude_lines(std::string_view text, const std::string& file);

  bool empty() const { return rules_.empty(); }

  /// Decides about a path in a directory that is not excluded. `parent`: the decision about that
  /// directory. `path`: as for Glob::matches().
  Decision decide(std::string_view path, bool is_directory, const Decision& parent) const;
  /// Decides about a path, including all directories above it.
  Decision decide(std::string_view path, bool is_directory) const;

  /// Returns whether to include a file with that decision.
  bool wants_file(const Decision& decision) const;

  /// Returns why a path was excluded: "--exclude '*.tmp'", "'*.tmp' in line 3 of rules", "no
  /// --include matches".
  std::string reason(const Decision& decision) const;

 private:
  struct Rule {
    Glob glob;
    bool includes = false;
    std::string origin;
  };
  Result<void> add(std::string_view pattern, bool includes, std::string origin);

  std::vector<Rule> rules_;
};

}  // namespace sluice::cli
