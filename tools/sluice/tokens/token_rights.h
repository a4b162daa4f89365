#pragma once

#include <sys/types.h>

#include <string>

#include "io/result.h"

namespace sluice::cli {

/// The permitted modes of token files.
enum class TokenFileMode {
  strict,  ///< other users must not have access, unless the owner cannot prevent it
  any,     ///< any mode, with a warning
};

/// The properties of an open token file that determine who can access it.
struct TokenRights {
  mode_t mode = 0600;          ///< the permission bits of st_mode
  bool is_owner = true;        ///< the user of this process owns it, and can change the mode
  bool private_group = false;  ///< its group is the owner's private group, without other members
  std::string group;           ///< the name or number of its group
  bool read_only = false;      ///< its file system is mounted read-only: the mode cannot be changed
  std::string modeless_file_system;  ///< the type of a file system that does not store modes:
                                     ///< "CIFS"; else empty
};

/// Returns the properties of an open file. Error usage, with the name `file`.
Result<TokenRights> token_rights(int fd, const std::string& file);

/// Decides whether a token may be read from a file with these properties. Returns a warning, a
/// sentence without a full stop, or an empty text. Error usage: all users of the machine can access
/// the file, the owner could prevent that, and `allowed` is strict. Pure.
///
/// Access for the group causes only a warning: with an access control list, the group bits are the
/// mask of all named users and groups, and clusters use groups of service accounts to give tokens
/// to jobs.
Result<std::string> check_token_rights(const TokenRights& rights, const std::string& file,
                                       TokenFileMode allowed);

}  // namespace sluice::cli
