#include "tools/sluice/select/selection.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "engine/base/text.h"
#include "engine/protocol/deposit.h"
#include "io/local_file.h"
#include "io/long_path.h"
#include "tools/sluice/select/file_list.h"
#include "tools/sluice/select/filter.h"
#include "tools/sluice/select/walk.h"

namespace sluice::cli {
namespace {

Result<Filter> make_filter(const std::vector<FilterRule>& rules) {
  Filter filter;
  for (const FilterRule& rule : rules) switch (rule.kind) {
      case FilterRule::Kind::exclude:
        TRY(filter.exclude(rule.text));
        break;
      case FilterRule::Kind::include:
        TRY(filter.include(rule.text));
        break;
      case FilterRule::Kind::exclude_from: {
        TRY_ASSIGN(const std::string text, read_whole(rule.text, "--exclude-from"));
        TRY(filter.exclude_lines(text, rule.text));
        break;
      }
    }
  return filter;
}

class Selector {
 public:
  Selector(const SelectOptions& options, const Filter& filter, const OwnFiles& own)
      : options_(options), filter_(filter), own_(own) {
    walk_.follow_links = options.follow_links;
    walk_.filter = &filter;
    walk_.own = &own;
    walk_.stop = options.stop;
    visitor_.file = [this](std::string path, std::size_t relative_at, std::uint64_t bytes) {
      std::string name = dataset_name(options_.names, std::string_view(path).substr(relative_at));
      add(std::move(path), std::move(name), bytes);
    };
    visitor_.left_out = [this](LeftOut left_out) { leave_out(std::move(left_out)); };
  }

  /// Adds one path of the command line or of a list. Error: see select_files().
  Result<void> add_path(const std::string& path) {
    struct stat facts {};
    const bool found = !path.empty() && stat_long_path(path, facts) == 0;
    const int code = path.empty() ? ENOENT : errno;
    if (found && S_ISDIR(facts.st_mode)) {
      if (!options_.recursive)
        return Error{ErrorKind::usage,
                     fmt::format("{} is a directory; to upload the files in it, add --recursive",
                                 printable(path))};
      walk(path, walk_, visitor_);
      return {};
    }
    const std::string relative = relative_path(path);
    if (const Filter::Decision decision = filter_.decide(relative, false);
        !filter_.wants_file(decision)) {
      leave_out({.path = path,
                 .reason = LeftOutReason::filter,
                 .why = fmt::format("{} is left out by a filter: {}", printable(path),
                                    filter_.reason(decision))});
      return {};
    }
    if (!found) {
      const LeftOutReason reason = code == ENOENT || code == ENOTDIR ? LeftOutReason::missing
                                   : code == EACCES || code == EPERM ? LeftOutReason::unreadable
                                   : code == ELOOP                   ? LeftOutReason::link
                                                                     : LeftOutReason::failed;
      leave_out_unopenable(path, reason, code);
    } else if (!S_ISREG(facts.st_mode)) {
      leave_out_unopenable(path, LeftOutReason::special, 0);
    } else if (own_.contains(facts)) {
      leave_out({.path = path,
                 .reason = LeftOutReason::own,
                 .why = fmt::format("{} is not uploaded: sluice itself uses the file in this run",
                                    printable(path))});
    } else {
      std::string name =
          options_.name.empty() ? dataset_name(options_.names, relative) : options_.name;
      add(path, std::move(name), static_cast<std::uint64_t>(facts.st_size));
    }
    return {};
  }

  Result<Selection> finish() {
    TRY(check_collisions(result_.files, options_.names.from));
    if (result_.files.empty() && !is_stopped() && !has_unrequested_)
      return Error{ErrorKind::usage, nothing_to_upload()};
    result_.files.shrink_to_fit();
    return std::move(result_);
  }

 private:
  bool is_stopped() const { return options_.stop && options_.stop(); }

  std::string nothing_to_upload() const {
    if (result_.filtered > 0)
      return fmt::format(
          "no file to upload: filters leave out {}, and nothing else was found; the last rule that "
          "matches a file decides",
          result_.filtered == 1 ? std::string("one file or directory")
                                : fmt::format("{} files and directories", result_.filtered));
    if (!result_.left_out.empty())
      return "no file to upload: " + result_.left_out.front().message();
    return "no file to upload: the directories and lists that were given hold no file";
  }

  void add(std::string path, std::string name, std::uint64_t bytes) {
    if (const Result<void> checked = check_name(options_.names, path, name); !checked) {
      leave_out({.path = std::move(path),
                 .reason = LeftOutReason::name,
                 .why = checked.error().message,
                 .advice = "rename the file, upload the file alone with --name, or leave out such "
                           "files with --skip names"});
      return;
    }
    result_.bytes += bytes;
    result_.files.push_back({std::move(path), std::move(name), bytes, number_++});
  }

  void leave_out(LeftOut item) {
    item.asked_for = item.reason == LeftOutReason::filter || item.reason == LeftOutReason::own ||
                     options_.skip.contains(item.reason);
    if (item.reason != LeftOutReason::filter && item.reason != LeftOutReason::own)
      has_unrequested_ = true;
    if (item.reason == LeftOutReason::filter) {
      ++result_.filtered;
      if (!options_.list_filtered) return;
    }
    if (!item.asked_for) item.number = number_++;
    result_.left_out.push_back(std::move(item));
  }

  /// Uses the error message for opening the file.
  void leave_out_unopenable(const std::string& path, LeftOutReason reason, int code) {
    const Result<LocalFile> opened = open_local_file(path);
    leave_out({.path = path,
               .reason = reason,
               .why = opened ? fmt::format("{} has changed while it was looked at; run the command "
                                           "again",
                                           printable(path))
                             : printable(opened.error().message),
               .code = opened ? code : opened.error().code});
  }

  const SelectOptions& options_;
  const Filter& filter_;
  const OwnFiles& own_;
  WalkOptions walk_;
  WalkVisitor visitor_;
  Selection result_;
  std::size_t number_ = 0;
  bool has_unrequested_ = false;  ///< for a reason other than a filter or `own`
};

}  // namespace

Result<std::set<LeftOutReason>> parse_skip(const std::string& text) {
  constexpr std::array all{LeftOutReason::link, LeftOutReason::special, LeftOutReason::unreadable,
                           LeftOutReason::missing, LeftOutReason::name};
  std::set<LeftOutReason> reasons;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    const std::string word = text.substr(at, comma - at);
    const auto* const found = std::find_if(
        all.begin(), all.end(), [&](LeftOutReason reason) { return word == to_string(reason); });
    if (found == all.end())
      return Error{ErrorKind::usage,
                   fmt::format("--skip: '{}' is not one of links, special, unreadable, missing and "
                               "names",
                               printable(word))};
    reasons.insert(*found);
    at = comma + 1;
  }
  return reasons;
}

Result<Selection> select_files(const SelectOptions& options, const OwnFiles& own) {
  TRY(check_separator(options.names.separator));
  TRY_ASSIGN(const Filter filter, make_filter(options.filters));
  std::vector<std::string> listed;
  if (!options.files_from.empty()) {
    TRY_ASSIGN(listed, read_file_list(options.files_from, options.null_separated));
  }
  const std::size_t given = options.paths.size() + listed.size();
  if (!options.name.empty() && (given > 1 || options.recursive))
    return Error{ErrorKind::usage,
                 options.recursive
                     ? std::string("--name sets the name of one file; leave out --recursive")
                     : fmt::format("--name sets the name of one file, but {} files are given; "
                                   "leave out --name, or upload the files one at a time",
                                   given)};
  if (!options.name.empty()) {
    TRY(check_deposit_name(options.name));
    if (options.name.size() > options.names.longest)
      return Error{ErrorKind::usage,
                   fmt::format("cannot write a receipt of '{}': the receipt's file name would be "
                               "too long; choose a --name of at most {} bytes",
                               printable(options.name), options.names.longest)};
  }
  Selector selector(options, filter, own);
  for (const std::string& path : options.paths) TRY(selector.add_path(path));
  for (const std::string& path : listed) {
    TRY(selector.add_path(path));
    if (options.stop && options.stop()) break;
  }
  return selector.finish();
}

}  // namespace sluice::cli
