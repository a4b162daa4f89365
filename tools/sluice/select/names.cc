#include "tools/sluice/select/names.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <numeric>

#include "engine/base/text.h"
#include "engine/protocol/deposit.h"
#include "tools/sluice/select/selection.h"

namespace sluice::cli {

Result<void> check_separator(std::string_view separator) {
  // After a letter, because "." alone is no valid name, but may be a separator.
  if (!separator.empty() && !problem_of_deposit_name("a" + std::string(separator))) return {};
  return Error{ErrorKind::usage,
               fmt::format("--separator: names in the dataset cannot contain '{}'; choose another "
                           "separator, for example __",
                           printable(separator))};
}

std::string relative_path(std::string_view path) {
  std::string relative;
  const bool absolute = path.starts_with('/');
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    path.remove_prefix(slash == path.npos ? path.size() : slash + 1);
    if (part.empty() || part == "." || part == "..") continue;
    if (absolute) relative.clear();
    if (!relative.empty()) relative += '/';
    relative += part;
  }
  return relative;
}

std::string dataset_name(const NameRule& rule, std::string_view relative) {
  if (rule.from == NameFrom::base) return std::string(relative.substr(relative.rfind('/') + 1));
  std::string name;
  for (const char c : relative) {
    if (c == '/')
      name += rule.separator;
    else
      name += c;
  }
  return name;
}

Result<void> check_name(const NameRule& rule, const std::string& path, const std::string& name) {
  std::string why;
  if (const char* reason = problem_of_deposit_name(name))
    why = reason;
  else if (name.size() > rule.longest)
    why = fmt::format("is longer than {} bytes, so the receipt's file name would be too long",
                      rule.longest);
  else
    return {};
  return Error{ErrorKind::usage,
               fmt::format("cannot upload {}: the name in the dataset, '{}', {}", printable(path),
                           printable(std::string_view(name).substr(0, 300)), why)};
}

Result<void> check_collisions(const std::vector<SelectedFile>& files, NameFrom from) {
  // Sorts indexes instead of names: 4 bytes per file.
  std::vector<std::uint32_t> order(files.size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    const int names = files[a].name.compare(files[b].name);
    return names != 0 ? names < 0 : a < b;
  });
  std::size_t found = 0;
  std::string first;
  for (std::size_t i = 1; i < order.size(); ++i) {
    const SelectedFile& one = files[order[i - 1]];
    const SelectedFile& other = files[order[i]];
    if (one.name != other.name || ++found > 1) continue;
    if (one.path == other.path) {
      first = fmt::format("{} is given twice; give each file once", printable(one.path));
      continue;
    }
    first = fmt::format(
        "cannot use both {} and {}: both would have the name '{}' in the dataset; {}",
        printable(one.path), printable(other.path), printable(one.name),
        from == NameFrom::base
            ? "make the names from the paths with --name-from path, or leave out one of the files"
            : "choose another --separator, or leave out one of the files");
  }
  if (found == 0) return {};
  if (found > 1) first += fmt::format(" (and {} more files of equal names)", found - 1);
  return Error{ErrorKind::usage, first};
}

}  // namespace sluice::cli
