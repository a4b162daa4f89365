#pragma once

#include <string>

namespace sluice::cli {

enum class TokenAction { add, list, remove };

/// `sluice token`, as the command line gave it.
struct TokenOptions {
  TokenAction action = TokenAction::list;
  std::string dataset;
  std::string system;  ///< empty for neither of them
  std::string url;
  bool server_was_given = false;  ///< on the command line, which alone selects what list lists
  bool insecure_http = false;
  bool json = false;  ///< list only
};

/// Adds a token to the store, lists the tokens there, or removes one. Returns the exit code.
int token(const TokenOptions& options);

}  // namespace sluice::cli
