#pragma once

#include <optional>
#include <string>

#include "engine/base/secret.h"
#include "io/result.h"
#include "tools/sluice/tokens/token_expiry.h"
#include "tools/sluice/tokens/token_rights.h"

namespace sluice::cli {

struct FoundToken {
  Secret token;
  std::string warning = {};  ///< a sentence about the mode of its file; may be empty
  /// The absolute path of its file, for renewals and later runs; empty if it does not come from a
  /// file, or from one that cannot be read again (a pipe).
  std::string file = {};
  /// When it was stored; nullopt for a token that is not from the store.
  std::optional<WallTime> added = {};
};

/// The precedence of SLUICE_TOKEN.
enum class EnvironmentToken {
  first,    ///< before a stored token: it was set for this run
  last,     ///< after a stored token: there are several datasets, and it belongs to one of them
  ignored,  ///< not used
};

/// Where to look for the token of a dataset.
struct TokenSearch {
  std::string token_file = {};  ///< --token-file: "-" is standard input; empty: not given
  TokenFileMode allowed = TokenFileMode::strict;
  std::string system;   ///< base URL, as returned by check_base_url()
  std::string dataset;  ///< key
  /// The token file of an earlier run, from the journal. Ignored if it does not exist, or if a
  /// token was stored after it was written.
  std::string remembered = {};
  EnvironmentToken environment = EnvironmentToken::first;
};

/// Finds the token of a dataset. Uses the first that exists of: --token-file, the file of an
/// earlier run, the environment variable SLUICE_TOKEN, the store of `sluice token`. A token is
/// never an argument, because all users of the machine can read command lines.
///
/// Errors, usage: no token (the advice names `sluice token add`); a file that cannot be read; an
/// unsafe mode, see check_token_rights() (token_rights.h); no valid token, see parse_token()
/// (token_text.h).
Result<FoundToken> find_token(const TokenSearch& search);

/// Reads the token in `token_file`; "-" is standard input. Errors as for find_token().
Result<FoundToken> read_token(const std::string& token_file, TokenFileMode allowed);

/// Returns the command that stores a token for that dataset: "sluice token add --system demo
/// IDB-1234567".
std::string token_add_command(const std::string& system, const std::string& dataset);

/// Returns an error if --token-wait was given (`token_wait` is not empty), but the token did not
/// come from a file that could be read again.
Result<void> check_token_wait(const std::string& token_wait, const FoundToken& found,
                              const TokenSearch& search);

}  // namespace sluice::cli
