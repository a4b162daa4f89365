#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "io/result.h"
#include "tools/sluice/select/glob.h"

namespace sluice::cli {

/// Which files of a tree are wanted: the rules of --exclude, --include and --exclude-from, in the
/// order of the command line. The rules are those of gitignore(5): the last rule that matches a
/// path decides, and nothing inside an excluded directory is looked at.
///
/// --include P is gitignore's "!P". Where the first rule of all is an include, files that no rule
/// matches are left out, but for those in a directory that a rule includes: `--include '*.tif'`
/// alone means TIFF files only. Otherwise such files are wanted.
///
/// Not changed by lookups, which any thread may do.
class Filter {
 public:
  /// What the rules say of a path, or of a directory that holds it.
  enum class Verdict { no_rule, included, excluded };
  struct Decision {
    Verdict verdict = Verdict::no_rule;
    std::size_t rule = 0;  ///< that decided, unless no_rule
  };

  /// Errors usage: not a pattern. `pattern` of exclude() may begin with '!', which makes it an
  /// include.
  Result<void> exclude(std::string_view pattern);
  Result<void> include(std::string_view pattern);
  /// The lines of a gitignore file called `file`: '#' begins a comment, blanks at the end do not
  /// count, "\r\n" ends a line as "\n" does. The error names the line.
  Result<void> exclude_lines(std::string_view text, const std::string& file);

  bool empty() const { return rules_.empty(); }

  /// Of one path in a directory that `parent` was decided for and that is not excluded. `path` as
  /// in Glob::matches().
  Decision decide(std::string_view path, bool is_directory, const Decision& parent) const;
  /// Of a path, with all directories above it.
  Decision decide(std::string_view path, bool is_directory) const;

  /// Whether a file is wanted.
  bool wants_file(const Decision& decision) const;

  /// Why a path was left out: "--exclude '*.tmp'", "'*.tmp' in line 3 of rules", "no --include
  /// matches".
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
