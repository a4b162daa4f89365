#include "tools/sluice/select/glob.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <vector>

#include "engine/base/text.h"

namespace sluice::cli {
namespace {

/// The result of a match. The two kinds of `abort` save work: the caller skips attempts that cannot
/// match either.
enum class Match {
  yes,
  no,
  abort,             ///< no match, whatever precedes
  abort_to_slashes,  ///< no match, unless an earlier "**" matches more
};

/// Returns whether `c` is in the character class `name`, such as "alpha", in the C locale. False
/// for an unknown class.
bool in_class(std::string_view name, unsigned char c, bool& known) {
  known = true;
  const bool ascii = c < 0x80;
  const bool alpha = ascii && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'));
  const bool digit = c >= '0' && c <= '9';
  const bool graph = c > 0x20 && c < 0x7F;
  if (name == "alnum") return alpha || digit;
  if (name == "alpha") return alpha;
  if (name == "blank") return c == ' ' || c == '\t';
  if (name == "cntrl") return c < 0x20 || c == 0x7F;
  if (name == "digit") return digit;
  if (name == "graph") return graph;
  if (name == "lower") return c >= 'a' && c <= 'z';
  if (name == "print") return graph || c == ' ';
  if (name == "punct") return graph && !alpha && !digit;
  if (name == "space") return c == ' ' || (c >= '\t' && c <= '\r');
  if (name == "upper") return c >= 'A' && c <= 'Z';
  if (name == "xdigit") return digit || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
  known = false;
  return false;
}

bool is_special(char c) {
  return c == '*' || c == '?' || c == '[' || c == '\\';
}

/// Matches a pattern with a text. The algorithm of git's wildmatch.c, with a table of failed
/// attempts, which avoids exponential time for patterns with many stars.
class Matcher {
 public:
  Matcher(std::string_view pattern, std::string_view text) : pattern_(pattern), text_(text) {}

  Match match(std::size_t first, std::size_t at) {
    if (has_failed(first, at)) return Match::no;
    const Match result = compare(first, at);
    if (result != Match::yes) record_failure(first, at);
    return result;
  }

 private:
  /// Returns the byte at `p`, or 0 after the end.
  char pattern(std::size_t p) const { return p < pattern_.size() ? pattern_[p] : '\0'; }

  Match compare(std::size_t first, std::size_t at);
  Match match_star(std::size_t first, std::size_t& p, std::size_t& at, bool& consumed);
  Match match_set(std::size_t& p, char c) const;

  bool has_failed(std::size_t p, std::size_t at) const {
    return !failed_.empty() && failed_[p * (text_.size() + 1) + at];
  }
  void record_failure(std::size_t p, std::size_t at) {
    constexpr std::size_t failures_without_table = 1000;  // comparisons without a table
    if (++failures_ < failures_without_table) return;
    if (failed_.empty()) failed_.resize((pattern_.size() + 1) * (text_.size() + 1));
    failed_[p * (text_.size() + 1) + at] = true;
  }

  const std::string_view pattern_;
  const std::string_view text_;
  std::size_t failures_ = 0;
  std::vector<bool> failed_;  ///< by position in the pattern and in the text; allocated when needed
};

Match Matcher::compare(std::size_t first, std::size_t at) {
  for (std::size_t p = first; p < pattern_.size(); ++p, ++at) {
    char c = pattern_[p];
    if (at == text_.size() && c != '*') return Match::abort;
    switch (c) {
      case '*': {
        bool consumed = false;
        const Match result = match_star(first, p, at, consumed);
        if (!consumed) return result;
        break;  // "*/" has matched up to the slash; the loop continues after it
      }
      case '?':
        if (text_[at] == '/') return Match::no;
        break;
      case '[':
        if (const Match result = match_set(p, text_[at]); result != Match::yes) return result;
        break;
      case '\\':
        if (++p == pattern_.size()) return Match::no;
        c = pattern_[p];
        [[fallthrough]];
      default:
        if (text_[at] != c) return Match::no;
    }
  }
  return at == text_.size() ? Match::yes : Match::no;
}

/// `p` is at a star. `consumed`: the match continues after `p` in the pattern and after `at` in the
/// text.
Match Matcher::match_star(std::size_t first, std::size_t& p, std::size_t& at, bool& consumed) {
  const std::size_t star = p;
  while (pattern(p) == '*') ++p;
  bool slashes = false;  // whether the star matches slashes, too
  if (p - star > 1) {
    const bool behind_slash = star == first || pattern_[star - 1] == '/';
    const bool before_slash = p == pattern_.size() || pattern_[p] == '/' ||
                              (pattern_[p] == '\\' && pattern(p + 1) == '/');
    if (behind_slash && before_slash) {
      // "a/**/b" matches "a/b".
      if (pattern(p) == '/' && match(p + 1, at) == Match::yes) return Match::yes;
      slashes = true;
    }
  }
  if (p == pattern_.size()) {
    const bool all = slashes || text_.find('/', at) == text_.npos;
    return all ? Match::yes : Match::abort_to_slashes;
  }
  if (!slashes && pattern_[p] == '/') {
    at = text_.find('/', at);
    if (at == text_.npos) return Match::abort;
    consumed = true;
    return Match::yes;
  }
  for (; at < text_.size(); ++at) {
    if (!is_special(pattern_[p])) {
      while (at < text_.size() && (slashes || text_[at] != '/') && text_[at] != pattern_[p]) ++at;
      if (at == text_.size() || text_[at] != pattern_[p])
        return slashes ? Match::abort : Match::abort_to_slashes;
    }
    const Match result = match(p, at);
    if (result != Match::no) {
      if (!slashes || result != Match::abort_to_slashes) return result;
    } else if (!slashes && text_[at] == '/') {
      return Match::abort_to_slashes;
    }
  }
  return Match::abort;
}

/// `p` is at a '['; afterwards at the ']'.
Match Matcher::match_set(std::size_t& p, char c) const {
  const auto byte = [](char value) { return static_cast<unsigned char>(value); };
  ++p;
  const bool negated = pattern(p) == '!' || pattern(p) == '^';
  if (negated) ++p;
  bool matched = false;
  char previous = 0;  // the first byte of a possible range; 0: none
  do {
    if (p >= pattern_.size()) return Match::abort;
    char now = pattern_[p];
    if (now == '\\') {
      if (++p >= pattern_.size()) return Match::abort;
      now = pattern_[p];
      matched = matched || c == now;
    } else if (now == '-' && previous != 0 && p + 1 < pattern_.size() && pattern_[p + 1] != ']') {
      now = pattern_[++p];
      if (now == '\\') {
        if (++p >= pattern_.size()) return Match::abort;
        now = pattern_[p];
      }
      matched = matched || (byte(c) >= byte(previous) && byte(c) <= byte(now));
      now = 0;
    } else if (now == '[' && pattern(p + 1) == ':') {
      const std::size_t end = pattern_.find(']', p + 2);
      if (end == pattern_.npos) return Match::abort;
      if (end == p + 2 || pattern_[end - 1] != ':') {  // an ordinary '['
        matched = matched || c == '[';
      } else {
        bool known = false;
        matched = in_class(pattern_.substr(p + 2, end - p - 3), byte(c), known) || matched;
        if (!known) return Match::abort;
        p = end;
        now = 0;
      }
    } else {
      matched = matched || c == now;
    }
    previous = now;
    ++p;
  } while (pattern(p) != ']');
  return matched != negated && c != '/' ? Match::yes : Match::no;
}

}  // namespace

bool wildcard_match(std::string_view pattern, std::string_view path) {
  return Matcher(pattern, path).match(0, 0) == Match::yes;
}

Result<Glob> Glob::parse(std::string_view text) {
  if (text.size() > longest)
    return Error{ErrorKind::usage,
                 fmt::format("the pattern '{}...' is longer than {} bytes; shorten the pattern",
                             printable(text.substr(0, 40)), longest)};
  if (text.empty()) return Error{ErrorKind::usage, "the pattern is empty; give a pattern"};
  Glob glob;
  if (text.ends_with('/')) {
    glob.directories_only_ = true;
    text.remove_suffix(1);
  }
  glob.whole_path_ = text.find('/') != text.npos;
  if (text.starts_with('/')) text.remove_prefix(1);
  glob.pattern_ = text;
  glob.plain_bytes_ =
      static_cast<std::size_t>(std::find_if(text.begin(), text.end(), is_special) - text.begin());
  return glob;
}

bool Glob::matches(std::string_view path, bool is_directory) const {
  if (directories_only_ && !is_directory) return false;
  std::string_view pattern = pattern_;
  if (!whole_path_) {
    path = path.substr(path.rfind('/') + 1);  // npos + 1 is 0
  } else {
    // Like git, also where this changes the result: "a/b**" matches "a/b/c", because after removing
    // the prefix the "**" is at the beginning.
    if (!path.starts_with(pattern.substr(0, plain_bytes_))) return false;
    path.remove_prefix(plain_bytes_);
    pattern.remove_prefix(plain_bytes_);
  }
  return wildcard_match(pattern, path);
}

}  // namespace sluice::cli
