#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "io/result.h"

/// Patterns of gitignore(5). Pure functions, any thread.
///
/// Own code rather than a library: libgit2 would bring an SSH client, a TLS library and an HTTP
/// parser into an uploader, and fnmatch(3) knows no "**" and depends on the locale. The test
/// compares these functions with git itself on random trees.
namespace sluice::cli {

/// Whether `pattern` matches all of `path`. '*' and '?' match no '/', "**" between slashes (or at
/// an end) matches any number of directories, "[a-z]", "[!a-z]" and "[[:digit:]]" match one byte
/// that is no '/', and '\' makes the next byte a plain one. Bytes are compared as they are,
/// whatever the locale. Time is at most proportional to pattern bytes * path bytes * the longer of
/// the two.
bool wildcard_match(std::string_view pattern, std::string_view path);

/// One pattern of a gitignore file.
class Glob {
 public:
  static constexpr std::size_t longest = 4096;  ///< bytes of a pattern

  /// `text`: a line without its end, and without a leading '!'. A '/' at the end restricts the
  /// pattern to directories. A pattern with another '/' is matched against the whole path, one
  /// without against the last component. Error usage: empty, or longer than `longest`.
  static Result<Glob> parse(std::string_view text);

  /// `path`: relative, without "./" and without a slash at its end. The directories above `path`
  /// are not looked at.
  bool matches(std::string_view path, bool is_directory) const;

 private:
  std::string pattern_;          ///< without a slash at its begin or end
  std::size_t plain_bytes_ = 0;  ///< at the begin of pattern_, without wildcards
  bool directories_only_ = false;
  bool whole_path_ = false;
};

}  // namespace sluice::cli
