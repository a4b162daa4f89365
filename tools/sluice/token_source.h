#pragma once

#include <string>

#include "engine/secret.h"
#include "io/result.h"

namespace sluice::cli {

/// Reads the token of a dataset: from `token_file` ("-" is standard input), or where that is empty
/// from the environment variable SLUICE_TOKEN. White space around it is dropped. Never from an
/// argument, which every user of the machine can read in the process list.
///
/// Errors, usage: none given, a file that cannot be read, or one that its group or others can read.
Result<Secret> read_token(const std::string& token_file);

/// The path to write down, so that a later run finds the token again: absolute; empty where it came
/// from elsewhere.
std::string remembered_token_file(const std::string& token_file);

}  // namespace sluice::cli
