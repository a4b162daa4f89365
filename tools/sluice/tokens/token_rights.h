#pragma once

#include <sys/types.h>

#include <string>

#include "io/result.h"

namespace sluice::cli {

/// Which rights a token file may have.
enum class TokenFileMode {
  strict,  ///< none for all other users, where its owner can see to that
  any,     ///< whatever they are: a warning
};

/// What the system says of an open token file, as far as it matters who can read it.
struct TokenRights {
  mode_t mode = 0600;          ///< st_mode's permission bits
  bool own = true;             ///< this process' user is its owner, who can change the mode
  bool private_group = false;  ///< its group is the owner's own, with nobody else in it
  std::string group;           ///< its name, or number
  bool read_only = false;      ///< its file system is mounted so: nobody can change the mode
  std::string keeps_no_modes;  ///< the kind of its file system if that shows made-up modes: "CIFS"
};

/// Asks the system. Error usage, which names `file`.
Result<TokenRights> token_rights(int fd, const std::string& file);

/// Whether a token may be read from a file with these rights. Returns a warning, a sentence without
/// a full stop; empty for none. Error usage: everybody on the machine can read or write it, its
/// owner could end that, and `allowed` is strict. Pure.
///
/// The group's bits are a warning at most. They may be those of an access list, in which they stand
/// for the most that anybody named in it has; and a group of service accounts is how clusters hand
/// a token to jobs.
Result<std::string> judge(const TokenRights& rights, const std::string& file,
                          TokenFileMode allowed);

}  // namespace sluice::cli
