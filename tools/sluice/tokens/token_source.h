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
  std::string warning = {};  ///< a sentence about the rights of its file; empty for none
  /// The file that it was read from, absolute, for renewals and for a later run; empty where it
  /// came from elsewhere, or from a file that cannot be read again (a pipe).
  std::string file = {};
  /// When it was stored; nothing for a token that is not from the store.
  std::optional<WallTime> added = {};
};

/// When SLUICE_TOKEN is the token of a dataset.
enum class EnvironmentToken {
  first,    ///< before a stored token: what was set for this run is meant
  last,     ///< without a stored token: of several datasets, it is that of one
  ignored,  ///< never
};

/// Where to look for the token of a dataset.
struct TokenSearch {
  std::string token_file = {};  ///< --token-file: "-" is standard input; empty where not given
  TokenFileMode allowed = TokenFileMode::strict;
  std::string system;   ///< base URL, as check_base_url() returns it
  std::string dataset;  ///< key
  /// The token file of an earlier run, from the journal. Not used where it is gone, or where a
  /// token was stored after it was written.
  std::string remembered = {};
  EnvironmentToken environment = EnvironmentToken::first;
};

/// Finds the token of a dataset: in --token-file, in the file of an earlier run, in the environment
/// variable SLUICE_TOKEN, in the store of `sluice token`; the first that exists. Never in an
/// argument, which every user of the machine can read in the process list.
///
/// Errors, usage: no token; the advice names `sluice token add`. A file that cannot be read, what
/// judge() (token_rights.h) does not allow, what parse_token() (token_text.h) cannot read.
Result<FoundToken> find_token(const TokenSearch& search);

/// Reads the token in `token_file`; "-" is standard input. Errors as above, but for no token.
Result<FoundToken> read_token(const std::string& token_file, TokenFileMode allowed);

/// "sluice token add --system demo IDB-1234567": stores a token for that dataset.
std::string token_add_command(const std::string& system, const std::string& dataset);

/// An error where --token-wait was given (`token_wait` is not empty) and no file to wait at was
/// found.
Result<void> check_token_wait(const std::string& token_wait, const FoundToken& found,
                              const TokenSearch& search);

}  // namespace sluice::cli
