#include "tools/sluice/run/run_tokens.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/base/text.h"
#include "engine/http/blocking_exchanges.h"
#include "tools/sluice/process/stop.h"
#include "tools/sluice/tokens/token_store.h"

namespace sluice::cli {
namespace {

/// How often the token file is checked.
constexpr auto look_for_token_every = std::chrono::seconds(1);

}  // namespace

Result<void> RunTokens::find(UploadRequest& request, EnvironmentToken environment) {
  const TokenSearch search{.token_file = options_.token_file,
                           .allowed = options_.token_file_mode,
                           .system = request.base_url,
                           .dataset = request.dataset,
                           .remembered = request.token_file,
                           .environment = environment};
  TRY_ASSIGN(FoundToken found, find_token(search));
  TRY(check_token_wait(options_.token_wait, found, search));
  if (!found.warning.empty() && warnings_.insert(found.warning).second)
    console_.warning(found.warning);
  if (found.added)
    stored_.try_emplace(found.file, StoredTokenUse{request.base_url, request.dataset});
  request.token = std::move(found.token);
  request.token_file = std::move(found.file);
  return {};
}

void RunTokens::renew_for(UploadRequest& request) {
  if (request.token_file.empty()) return;
  request.renew_token = [this, file = request.token_file] { return renewed(file); };
  const MutexLock lock(mutex_);
  if (const auto renewed = renewed_.find(request.token_file); renewed != renewed_.end())
    request.token = renewed->second;
}

std::optional<Secret> RunTokens::renewed(const std::string& file) {
  Result<FoundToken> found = read_token(file, options_.token_file_mode);
  if (!found) return {};  // the new file may not be complete yet
  const MutexLock lock(mutex_);
  renewed_.insert_or_assign(file, found->token);
  return std::move(found->token);
}

Result<Secret> RunTokens::wait_for_another(const UploadRequest& request, const Secret& refused,
                                           Error refusal, Wait& wait) const {
  while (true) {
    Result<FoundToken> found = read_token(request.token_file, options_.token_file_mode);
    if (found && found->token.reveal() != refused.reveal()) return std::move(found->token);
    const auto now = Clock::now();
    if (now >= wait.deadline) {
      refusal.message += store_advice(refusal, request);
      return refusal;
    }
    if (!std::exchange(wait.is_announced, true))
      console_.warning(fmt::format(
          "{}; waiting for another token in {} for up to {} s: get one at {}/datasets/{}/edit",
          refusal.message, printable(request.token_file), wait.length.count(), request.base_url,
          request.dataset));
    if (!wait_until(std::min(wait.deadline, now + look_for_token_every),
                    [] { return stop_signal() != 0; }))
      return Error{ErrorKind::interrupted,
                   fmt::format("interrupted while waiting for another token for dataset {}; no "
                               "file was uploaded",
                               request.dataset)};
  }
}

void RunTokens::warn_of_expiry(std::optional<double> left) {
  const TokenStore store(TokenStore::default_directory());
  const WallTime now = std::chrono::system_clock::now();
  for (auto& [file, token] : stored_) {
    // Read the time again: `sluice token add` may have replaced the token.
    const std::optional<StoredToken> stored = store.find(token.system, token.dataset);
    if (!stored || stored->added == token.warned) continue;
    const auto warning = expiry_warning(token.dataset, stored->added, now, left,
                                        token_add_command(token.system, token.dataset));
    if (!warning) continue;
    console_.warning(*warning);
    token.warned = stored->added;
  }
}

std::string RunTokens::store_advice(const Error& error, const UploadRequest& request) const {
  if (error.kind != ErrorKind::token_refused || !stored_.contains(request.token_file)) return {};
  return "; store it with: " + token_add_command(request.base_url, request.dataset);
}

}  // namespace sluice::cli
