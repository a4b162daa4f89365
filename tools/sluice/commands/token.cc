#include "tools/sluice/commands/token.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "engine/base/text.h"
#include "engine/protocol/deposit.h"
#include "tools/sluice/config/address.h"
#include "tools/sluice/display/console.h"
#include "tools/sluice/display/report_text.h"
#include "tools/sluice/process/stop.h"
#include "tools/sluice/tokens/token_list_json.h"
#include "tools/sluice/tokens/token_prompt.h"
#include "tools/sluice/tokens/token_source.h"
#include "tools/sluice/tokens/token_store.h"

namespace sluice::cli {
namespace {

class TokenCommand {
 public:
  TokenCommand(const TokenOptions& options, Console& console)
      : options_(options), console_(console), store_(TokenStore::default_directory()) {}

  Result<void> run() {
    if (options_.json && options_.action != TokenAction::list)
      return Error{ErrorKind::usage, "--json works only with: sluice token list"};
    if (options_.action != TokenAction::list || !options_.dataset.empty())
      TRY(check_dataset_key(options_.dataset));
    if (options_.action != TokenAction::list || options_.server_was_given) {
      TRY_ASSIGN(system_, chosen_url(options_.url, options_.system, options_.insecure_http));
    }
    switch (options_.action) {
      case TokenAction::add:
        return add();
      case TokenAction::list:
        return list();
      case TokenAction::remove:
        return remove();
    }
    return {};
  }

 private:
  Result<void> add() {
    TRY_ASSIGN(const Secret token, new_token());
    TRY_ASSIGN(const std::string warning, store_.add(system_, options_.dataset, token));
    if (!warning.empty()) console_.warning(warning);
    console_.result(
        fmt::format("stored the token for dataset {} of {} in {}; the token expires in 3 days\n",
                    options_.dataset, printable(system_),
                    printable(store_.file_of(system_, options_.dataset))));
    return {};
  }

  Result<Secret> new_token() const {
    if (::isatty(STDIN_FILENO) == 1)
      return prompt_for_token(
          fmt::format("Token for dataset {} of {}", options_.dataset, printable(system_)));
    TRY_ASSIGN(FoundToken read, read_token("-", TokenFileMode::strict));
    return std::move(read.token);
  }

  Result<void> list() {
    TRY_ASSIGN(std::vector<StoredToken> tokens, store_.list());
    std::erase_if(tokens, [&](const StoredToken& token) {
      return (!options_.dataset.empty() && token.dataset != options_.dataset) ||
             (!system_.empty() && token.system != system_);
    });
    const WallTime now = std::chrono::system_clock::now();
    if (options_.json)
      console_.report(token_list_json(tokens, now, {}));
    else
      console_.result(tokens.empty() ? no_tokens_text() : token_list_text(tokens, now));
    return {};
  }

  /// "no tokens are stored for dataset IDB-1 of https://...".
  std::string no_tokens_text() const {
    std::string text = "no tokens are stored";
    if (!options_.dataset.empty()) text += " for dataset " + options_.dataset;
    if (!system_.empty())
      text += (options_.dataset.empty() ? " for " : " of ") + printable(system_);
    return text + '\n';
  }

  static std::string token_list_text(const std::vector<StoredToken>& tokens, WallTime now) {
    std::string text;
    for (const StoredToken& token : tokens) {
      const WallTime expires = token_expires(token.added, now);
      text += fmt::format(
          "{}\n"
          "  server   {}\n"
          "  added    {}\n"
          "  {}  {}\n"
          "  file     {}\n",
          token.dataset, printable(token.system), when(std::min(token.added, now), now),
          expires > now ? "expires" : "expired",
          when(expires, now) + (expires > now ? " at the latest" : ""), printable(token.file));
    }
    return text;
  }

  Result<void> remove() {
    TRY_ASSIGN(const bool removed, store_.remove(system_, options_.dataset));
    if (!removed)
      return Error{ErrorKind::usage,
                   fmt::format("cannot remove the token for dataset {} of {}: no such token is "
                               "stored; list the tokens with: sluice token list",
                               options_.dataset, printable(system_))};
    console_.result(fmt::format("removed the token for dataset {} of {}\n", options_.dataset,
                                printable(system_)));
    return {};
  }

  const TokenOptions& options_;
  Console& console_;
  const TokenStore store_;
  std::string system_;  ///< the base URL; empty: all servers
};

}  // namespace

int token(const TokenOptions& options) {
  catch_stop_signals();
  Console console({});
  int code = 0;
  if (const Result<void> done = TokenCommand(options, console).run(); !done) {
    const Error& error = done.error();
    console.error(printable(error.message));
    if (options.json) console.report(token_list_json({}, {}, error));
    code = error.kind == ErrorKind::interrupted && stop_signal() != 0 ? 128 + stop_signal()
                                                                      : exit_code(error);
  }
  return console.finish(code);
}

}  // namespace sluice::cli
