#pragma once

#include <string>

namespace sluice::cli {

enum class TokenAction { add, list, remove };

/// The options of `sluice token`.
struct TokenOptions {
  TokenAction action = TokenAction::list;
  std::string dataset;
  std::string system;  ///< empty if not given
  std::string url;
  bool server_was_given = false;  ///< on the command line; only then `list` is limited to that
                                  ///< server
  bool insecure_http = false;
  bool json = false;  ///< for `list`
};

/// Adds a token to the store, lists the stored tokens, or removes one. Returns the exit code.
int token(const TokenOptions& options);

}  // namespace sluice::cli
