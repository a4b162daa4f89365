#include "tools/sluice/select/filter.h"

#include <fmt/format.h>

#include <utility>

#include "engine/base/text.h"

namespace sluice::cli {
namespace {

/// Removes trailing blanks, except those after a backslash. If the last byte is a backslash,
/// removes nothing, as git does.
std::string_view without_trailing_blanks(std::string_view line) {
  std::size_t end = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == ' ') continue;
    if (line[i] == '\\' && ++i == line.size()) return line;
    end = i + 1;
  }
  return line.substr(0, end);
}

}  // namespace

Result<void> Filter::add(std::string_view pattern, bool includes, std::string origin) {
  Result<Glob> glob = Glob::parse(pattern);
  if (!glob) {
    glob.error().message = fmt::format("{}: {}", origin, glob.error().message);
    return std::move(glob).error();
  }
  rules_.push_back({*std::move(glob), includes, std::move(origin)});
  return {};
}

Result<void> Filter::exclude(std::string_view pattern) {
  const bool includes = pattern.starts_with('!');
  return add(pattern.substr(includes ? 1 : 0), includes,
             fmt::format("--exclude '{}'", printable(pattern)));
}

Result<void> Filter::include(std::string_view pattern) {
  return add(pattern, true, fmt::format("--include '{}'", printable(pattern)));
}

Result<void> Filter::exclude_lines(std::string_view text, const std::string& file) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with('#')) continue;
    line = without_trailing_blanks(line);
    const bool includes = line.starts_with('!');
    if (includes) line.remove_prefix(1);
    if (line.empty()) continue;
    TRY(add(line, includes,
            fmt::format("'{}{}' in line {} of {}", includes ? "!" : "", printable(line), number,
                        printable(file))));
  }
  return {};
}

Filter::Decision Filter::decide(std::string_view path, bool is_directory,
                                const Decision& parent) const {
  for (std::size_t i = rules_.size(); i-- > 0;)
    if (rules_[i].glob.matches(path, is_directory))
      return {rules_[i].includes ? Verdict::included : Verdict::excluded, i};
  return parent;
}

Filter::Decision Filter::decide(std::string_view path, bool is_directory) const {
  Decision decision;
  if (rules_.empty()) return decision;
  for (std::size_t end = path.find('/'); end != path.npos; end = path.find('/', end + 1)) {
    decision = decide(path.substr(0, end), true, decision);
    if (decision.verdict == Verdict::excluded) return decision;
  }
  return decide(path, is_directory, decision);
}

bool Filter::wants_file(const Decision& decision) const {
  if (decision.verdict == Verdict::no_rule) return rules_.empty() || !rules_.front().includes;
  return decision.verdict == Verdict::included;
}

std::string Filter::reason(const Decision& decision) const {
  if (decision.verdict == Verdict::no_rule) return "no --include matches";
  return rules_[decision.rule].origin;
}

}  // namespace sluice::cli
