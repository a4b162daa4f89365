#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "io/result.h"

/// Patterns of gitignore(5). Pure functions, any thread.
///
/// No library is used: libgit2 would add an SSH client, a TLS library and an HTTP parser to an
/// uploader, and fnmatch(3) has no "**" and depends on the locale. The test compares these
/// functions with git on random trees.
namespace sluice::cli {

/// Returns whether `pattern` matches all of `path`. '*' and '?' do not match '/'. "**" between
/// slashes or at an end matches any number of directories. "[a-z]", "[!a-z]" and "[[:digit:]]"
/// match one byte other than '/'. '\' escapes the next byte. Compares bytes, independently of the
/// locale. Time: at most proportional to pattern bytes * path bytes * the longer of the two.
bool wildcard_match(std::string_view pattern, std::string_view path);

/// A pattern of a gitignore file.
class Glob {
 public:
  static constexpr std::size_t longest = 4096;  ///< maximum bytes of a pattern

  /// `text`: a line without its line end and without a leading '!'. A trailing '/' restricts the
  /// pattern to directories. A pattern with another '/' is matched against the whole path,
  /// otherwise against the last component. Error usage: empty, or longer than `longest`.
  static Result<Glob> parse(std::string_view text);

  /// Returns whether the pattern matches. `path`: relative, without "./" and without a trailing
  /// slash. Does not check the directories above `path`.
  bool matches(std::string_view path, bool is_directory) const;

 private:
  std::string pattern_;          ///< without a leading or trailing slash
  std::size_t plain_bytes_ = 0;  ///< length of the prefix of pattern_ without wildcards
  bool directories_only_ = false;
  bool whole_path_ = false;
};

}  // namespace sluice::cli
