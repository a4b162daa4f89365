#include "tools/sluice/tokens/token_rights.h"

#include <fmt/format.h>
#include <grp.h>
#include <linux/magic.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "engine/base/text.h"

namespace sluice::cli {
namespace {

/// Returns the name of the file system if it does not store modes: they come from mount options or
/// are made up. Empty otherwise.
std::string modeless_file_system_of(int fd) {
  struct Kind {
    std::uint32_t magic;
    const char* name;
  };
  // Numbers are used for file systems that some kernel headers do not define.
  constexpr Kind kinds[] = {
      {0xFF534D42, "CIFS"},       {0xFE534D42, "SMB"},
      {SMB_SUPER_MAGIC, "SMB"},   {FUSE_SUPER_MAGIC, "FUSE"},
      {MSDOS_SUPER_MAGIC, "FAT"}, {0x2011BAB0, "exFAT"},
      {0x5346544E, "NTFS"},       {0x7366746E, "NTFS"},
      {V9FS_MAGIC, "9p"},         {0x786F4256, "a shared folder"},
      {AFS_SUPER_MAGIC, "AFS"},   {0x6B414653, "AFS"},
  };
  struct statfs facts {};
  if (::fstatfs(fd, &facts) != 0) return {};
  for (const Kind& kind : kinds)
    if (static_cast<std::uint32_t>(facts.f_type) == kind.magic) return kind.name;
  return {};
}

/// Sets `group` and `private_group`. A group counts as private if it is the primary group of user
/// `uid`, has the user's name, and its entry lists no other member.
void look_up_group(uid_t uid, gid_t gid, TokenRights& rights) {
  constexpr std::size_t most = std::size_t{1} << 20;
  rights.group = std::to_string(gid);
  passwd user{};
  passwd* found_user = nullptr;
  group entry{};
  group* found = nullptr;
  std::vector<char> user_memory(4096);
  std::vector<char> memory(4096);
  while (::getpwuid_r(uid, &user, user_memory.data(), user_memory.size(), &found_user) == ERANGE &&
         user_memory.size() < most)
    user_memory.resize(user_memory.size() * 2);
  while (::getgrgid_r(gid, &entry, memory.data(), memory.size(), &found) == ERANGE &&
         memory.size() < most)
    memory.resize(memory.size() * 2);
  if (found == nullptr) return;
  rights.group = found->gr_name;
  if (found_user == nullptr || found_user->pw_gid != gid ||
      std::string_view(found_user->pw_name) != found->gr_name)
    return;
  for (char** member = found->gr_mem; *member != nullptr; ++member)
    if (std::string_view(*member) != found_user->pw_name) return;
  rights.private_group = true;
}

}  // namespace

Result<TokenRights> token_rights(int fd, const std::string& file) {
  struct stat status {};
  if (::fstat(fd, &status) != 0)
    return errno_error(ErrorKind::usage, errno, "cannot stat the token file " + printable(file));
  TokenRights rights;
  if (!S_ISREG(status.st_mode)) return rights;  // a pipe of this process
  rights.mode = status.st_mode & 07777;
  if ((rights.mode & 077) == 0) return rights;
  rights.is_owner = status.st_uid == ::geteuid();
  if ((rights.mode & 070) != 0) look_up_group(status.st_uid, status.st_gid, rights);
  struct statvfs mount {};
  rights.read_only = ::fstatvfs(fd, &mount) == 0 && (mount.f_flag & ST_RDONLY) != 0;
  rights.modeless_file_system = modeless_file_system_of(fd);
  return rights;
}

Result<std::string> check_token_rights(const TokenRights& rights, const std::string& file,
                                       TokenFileMode allowed) {
  const std::string name = printable(file);
  const bool all = (rights.mode & 007) != 0;
  const bool group = (rights.mode & 070) != 0 && !rights.private_group;
  if (!all && !group) return std::string();
  const std::string danger = fmt::format(
      "{} can access the file (mode {:03o}), and anyone with the token can upload into the dataset",
      all ? "all users of this machine" : "the group " + printable(rights.group), rights.mode);
  const std::string warning = fmt::format("token file {}: {}", name, danger);
  if (!rights.modeless_file_system.empty())
    return fmt::format(
        "{}; the file system ({}) does not store file modes: make sure that only you can access "
        "the directory",
        warning, rights.modeless_file_system);
  if (!all) return warning;
  if (rights.read_only || !rights.is_owner || allowed == TokenFileMode::any) return warning;
  return Error{ErrorKind::usage,
               fmt::format("cannot use token file {}: {}; protect the file with: chmod 600 {} (or "
                           "allow the mode with --token-file-mode any)",
                           name, danger, shell_argument(name))};
}

}  // namespace sluice::cli
