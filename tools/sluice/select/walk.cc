#include "tools/sluice/select/walk.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "engine/base/text.h"
#include "io/local_file.h"
#include "io/long_path.h"
#include "io/unique_fd.h"

namespace sluice::cli {
namespace {

enum class EntryKind { unknown, file, directory, link, special };

EntryKind kind_of(unsigned char type) {
  switch (type) {
    case DT_REG:
      return EntryKind::file;
    case DT_DIR:
      return EntryKind::directory;
    case DT_LNK:
      return EntryKind::link;
    case DT_UNKNOWN:
      return EntryKind::unknown;
    default:
      return EntryKind::special;
  }
}

EntryKind kind_of(const struct stat& facts) {
  return kind_of(IFTODT(facts.st_mode));
}

/// Returns whether this process, with effective user `user`, may read the file. Asks the kernel
/// only if the mode is not sufficient.
bool is_readable(int directory, const char* name, const struct stat& facts, uid_t user) {
  if (facts.st_uid == user && (facts.st_mode & S_IRUSR) != 0) return true;
  return ::faccessat(directory, name, R_OK, AT_EACCESS) == 0 || errno != EACCES;
}

LeftOutReason reason_of(int code) {
  switch (code) {
    case EACCES:
    case EPERM:
      return LeftOutReason::unreadable;
    case ENOENT:
    case ENOTDIR:
    case ELOOP:  // the directory was replaced by a link
      return LeftOutReason::missing;
    default:
      return LeftOutReason::failed;
  }
}

const char* advice(LeftOutReason reason) {
  switch (reason) {
    case LeftOutReason::unreadable:
      return "give this user permission, or leave out unreadable files with --skip unreadable";
    case LeftOutReason::missing:
      return "run the command again, or leave out deleted files with --skip missing";
    default:
      return "check the disk and the system log";
  }
}

struct Entry {
  std::string name;
  unsigned char type = DT_UNKNOWN;
};

class Walk {
 public:
  Walk(const std::string& root, const WalkOptions& options, const WalkVisitor& visitor)
      : options_(options), visitor_(visitor), path_(root) {
    if (root == ".")
      path_.clear();
    else if (!root.ends_with('/'))
      path_ += '/';
    root_bytes_ = path_.size();
  }

  void run() {
    visit_directory(/*through_link=*/true, {});
    while (!ancestors_.empty() && !stopped_) {
      Level& level = ancestors_.back();
      if (level.next == level.directories.size()) {
        ancestors_.pop_back();
        continue;
      }
      Directory& next = level.directories[level.next++];
      path_.resize(level.path_bytes);
      path_ += std::exchange(next.name, {});
      path_ += '/';
      visit_directory(next.through_link, next.decision);
    }
  }

 private:
  struct Directory {
    std::string name;
    bool through_link = false;
    Filter::Decision decision;
  };
  /// A directory that was read, with its subdirectories.
  struct Level {
    std::size_t path_bytes = 0;  ///< of path_, with the trailing slash
    struct stat facts {};
    Filter::Decision decision;
    std::vector<Directory> directories;
    std::size_t next = 0;
  };

  bool stop() {
    if (!stopped_ && options_.stop && options_.stop()) stopped_ = true;
    return stopped_;
  }
  void visit_directory(bool through_link, const Filter::Decision& decision);
  bool read(int fd, std::vector<Entry>& entries);
  void visit_entry(int fd, Level& level, Entry& entry);
  void add_file(int fd, const Level& level, const Entry& entry, const struct stat& facts);
  /// Returns whether the filter includes the entry; reports it otherwise.
  bool is_wanted(EntryKind kind, const Level& level, Filter::Decision& decision);

  void leave_out(LeftOutReason reason, std::string why, std::string advice = {}, int code = 0) {
    visitor_.left_out({.path = path_,
                       .reason = reason,
                       .why = std::move(why),
                       .advice = std::move(advice),
                       .code = code});
  }
  void fail(const char* what, int code) {
    const LeftOutReason reason = reason_of(code);
    leave_out(reason,
              fmt::format("cannot {} {}: {}", what, printable(path_),
                          std::system_category().message(code)),
              advice(reason), code);
  }
  std::string_view relative() const { return std::string_view(path_).substr(root_bytes_); }

  const WalkOptions& options_;
  const WalkVisitor& visitor_;
  const uid_t user_ = ::geteuid();
  std::string path_;  ///< the current path; a directory's ends with '/', or is empty for "."
  std::size_t root_bytes_ = 0;
  std::vector<Level> ancestors_;  ///< the directories above the current one, the nearest last
  std::size_t entries_seen_ = 0;
  bool stopped_ = false;
};

void Walk::visit_directory(bool through_link, const Filter::Decision& decision) {
  if (stop()) return;
  Level level;
  level.path_bytes = path_.size();
  level.decision = decision;
  std::string path = path_.empty() ? "." : path_;
  // A trailing slash would follow a symbolic link.
  if (path.size() > 1) path.pop_back();
  const int flags = O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
  UniqueFd fd(open_long_path(path, through_link ? flags : flags | O_NOFOLLOW));
  if (!fd || ::fstat(fd.get(), &level.facts) != 0) {
    fail("read the directory", errno);
    return;
  }
  if (options_.own != nullptr && options_.own->contains(level.facts)) {
    leave_out(LeftOutReason::own,
              fmt::format("{} is not uploaded: sluice itself uses the directory in this run",
                          printable(path_)));
    return;
  }
  const auto same = [&](const Level& above) {
    return above.facts.st_dev == level.facts.st_dev && above.facts.st_ino == level.facts.st_ino;
  };
  if (std::any_of(ancestors_.begin(), ancestors_.end(), same)) {
    leave_out(LeftOutReason::link,
              fmt::format("{} leads back to a directory above this path, and that directory is "
                          "uploaded anyway",
                          printable(path_)),
              "leave out the link with --exclude or with --skip links");
    return;
  }
  std::vector<Entry> entries;
  // Only the names of directories are kept for later.
  if (!read(fd.get(), entries)) fail("read the directory", errno);
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.name < b.name; });
  for (Entry& entry : entries) {
    path_.resize(level.path_bytes);
    path_ += entry.name;
    if (++entries_seen_ % 1000 == 0 && stop()) return;
    visit_entry(fd.get(), level, entry);
  }
  ancestors_.push_back(std::move(level));
}

bool Walk::read(int fd, std::vector<Entry>& entries) {
  const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);  // closed by closedir()
  if (copy < 0) return false;
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::fdopendir(copy), &::closedir);
  if (directory == nullptr) {
    ::close(copy);
    return false;
  }
  while (true) {
    errno = 0;
    const dirent* const entry = ::readdir(directory.get());
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") entries.push_back({std::string(name), entry->d_type});
  }
  return errno == 0;
}

bool Walk::is_wanted(EntryKind kind, const Level& level, Filter::Decision& decision) {
  if (options_.filter == nullptr || options_.filter->empty()) return true;
  const bool directory = kind == EntryKind::directory;
  decision = options_.filter->decide(relative(), directory, level.decision);
  // A directory without a matching rule may contain files that a rule includes.
  if (directory ? decision.verdict != Filter::Verdict::excluded
                : options_.filter->wants_file(decision))
    return true;
  leave_out(LeftOutReason::filter, fmt::format("{} is left out by a filter: {}", printable(path_),
                                               options_.filter->reason(decision)));
  return false;
}

/// path_ is the path of the entry.
void Walk::visit_entry(int fd, Level& level, Entry& entry) {
  EntryKind kind = kind_of(entry.type);
  struct stat facts {};
  bool known = false;
  int code = 0;
  if (kind == EntryKind::unknown) {
    known = ::fstatat(fd, entry.name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) == 0;
    if (!known) code = errno;
    if (known) kind = kind_of(facts);
  }
  const bool link = kind == EntryKind::link;
  if (link && options_.follow_links) {
    known = ::fstatat(fd, entry.name.c_str(), &facts, 0) == 0;
    if (!known) code = errno;
    if (known) kind = kind_of(facts);
  }
  Filter::Decision decision;
  if (!is_wanted(kind, level, decision)) return;
  if (kind == EntryKind::file && !known) {
    known = ::fstatat(fd, entry.name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) == 0;
    if (!known) code = errno;
  }
  if (code != 0 && link) {
    leave_out(LeftOutReason::link,
              fmt::format("cannot follow the symbolic link {}: {}", printable(path_),
                          std::system_category().message(code)),
              "repair the link, or leave out such links with --skip links", code);
    return;
  }
  if (code != 0) {
    fail("stat", code);
    return;
  }
  switch (kind) {
    case EntryKind::file:
      add_file(fd, level, entry, facts);
      return;
    case EntryKind::directory:
      level.directories.push_back({std::move(entry.name), link, decision});
      return;
    case EntryKind::link:
      leave_out(
          LeftOutReason::link,
          fmt::format("{} is a symbolic link, and links are not followed", printable(path_)),
          "use the targets of links with --follow-links, or leave out links without an error with "
          "--skip links");
      return;
    case EntryKind::unknown:
    case EntryKind::special:
      leave_out(LeftOutReason::special,
                fmt::format(
                    "cannot upload {}: the path names {}", printable(path_),
                    kind_of_file(known ? facts.st_mode : DTTOIF(static_cast<mode_t>(entry.type)))),
                "leave out such files with --skip special");
      return;
  }
}

void Walk::add_file(int fd, const Level& level, const Entry& entry, const struct stat& facts) {
  if (options_.own != nullptr &&
      (options_.own->contains(facts) || options_.own->contains(level.facts, entry.name))) {
    leave_out(LeftOutReason::own,
              fmt::format("{} is not uploaded: sluice itself uses the file in this run",
                          printable(path_)));
    return;
  }
  if (!is_readable(fd, entry.name.c_str(), facts, user_)) {
    fail("open", EACCES);
    return;
  }
  visitor_.file(path_, root_bytes_, static_cast<std::uint64_t>(facts.st_size));
}

}  // namespace

const char* to_string(LeftOutReason reason) {
  switch (reason) {
    case LeftOutReason::filter:
      return "filter";
    case LeftOutReason::own:
      return "own";
    case LeftOutReason::link:
      return "links";
    case LeftOutReason::special:
      return "special";
    case LeftOutReason::unreadable:
      return "unreadable";
    case LeftOutReason::missing:
      return "missing";
    case LeftOutReason::name:
      return "names";
    case LeftOutReason::failed:
      return "failed";
  }
  return "failed";
}

void walk(const std::string& root, const WalkOptions& options, const WalkVisitor& visitor) {
  Walk(root, options, visitor).run();
}

}  // namespace sluice::cli
