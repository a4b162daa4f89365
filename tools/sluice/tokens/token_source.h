#pragma once

#include <string>

#include "engine/secret.h"
#include "io/result.h"
#include "tools/sluice/tokens/token_rights.h"

namespace sluice::cli {

struct FoundToken {
  Secret token;
  std::string warning;  ///< a sentence about the rights of its file; empty for none
};

/// Reads the token of a dataset: from `token_file` ("-" is standard input), or where that is empty
/// from the environment variable SLUICE_TOKEN. Never from an argument, which every user of the
/// machine can read in the process list.
///
/// Errors, usage: none given, a file that cannot be read, what judge() (token_rights.h) does not
/// allow, what parse_token() (token_text.h) cannot read.
Result<FoundToken> read_token(const std::string& token_file, TokenFileMode allowed);

/// The path to write down, so that a later run finds the token again: absolute; empty where it came
/// from elsewhere. Error usage: a relative one, in a working directory that was deleted.
Result<std::string> remembered_token_file(const std::string& token_file);

}  // namespace sluice::cli
