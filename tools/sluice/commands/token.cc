#include "tools/sluice/commands/token.h"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <vector>

#include "engine/deposit.h"
#include "engine/text.h"
#include "tools/sluice/commands/address.h"
#include "tools/sluice/display/console.h"
#include "tools/sluice/display/report_text.h"
#include "tools/sluice/process/stop.h"
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
    if (options_.action != TokenAction::list || !options_.dataset.empty())
      TRY(check_dataset_key(options_.dataset));
    if (options_.action != TokenAction::list || !options_.url.empty() || !options_.system.empty()) {
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
    TRY_ASSIGN(const std::vector<StoredToken> tokens, store_.list());
    const WallTime now = std::chrono::system_clock::now();
    std::string text;
    for (const StoredToken& token : tokens) {
      if (!options_.dataset.empty() && token.dataset != options_.dataset) continue;
      if (!system_.empty() && token.system != system_) continue;
      const WallTime expires = token_expires(token.added);
      text += fmt::format(
          "{}\n"
          "  server   {}\n"
          "  added    {}\n"
          "  {}  {}\n"
          "  file     {}\n",
          token.dataset, printable(token.system), when(std::min(token.added, now), now),
          expires > now ? "expires" : "expired", when(expires, now), printable(token.file));
    }
    console_.result(text.empty() ? "no tokens are stored\n" : text);
    return {};
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
  std::string system_;  ///< the base URL; empty for all of them
};

}  // namespace

int token(const TokenOptions& options) {
  catch_stop_signals();
  Console console({});
  int code = 0;
  if (const Result<void> done = TokenCommand(options, console).run(); !done) {
    const Error& error = done.error();
    console.error(printable(error.message));
    code = error.kind == ErrorKind::interrupted && stop_signal() != 0 ? 128 + stop_signal()
                                                                      : exit_code(error);
  }
  return console.finish(code);
}

}  // namespace sluice::cli
