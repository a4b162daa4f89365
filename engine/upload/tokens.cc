#include "engine/upload/tokens.h"

#include <algorithm>
#include <utility>

#include "engine/base/text.h"

namespace sluice {
namespace {

/// The interval between two calls of Setting::renew.
constexpr auto look_for_token_every = std::chrono::seconds(2);

constexpr std::size_t least_secret = 8;

}  // namespace

Tokens::Renewal Tokens::renew(Time now) {
  if (!renew_) return Renewal::none;
  std::optional<Secret> token = renew_();
  if (token && token->reveal() != current().reveal()) {
    all_.push_back(*std::move(token));
    is_accepted_ = false;
    return Renewal::renewed;
  }
  if (wait_.count() <= 0) return Renewal::none;
  const bool is_first = !deadline_;
  if (is_first) deadline_ = now + wait_;
  if (now >= *deadline_) return Renewal::none;
  return is_first ? Renewal::first_wait : Renewal::wait;
}

Tokens::Time Tokens::look_at(Time now) const {
  return std::min(deadline_.value_or(now), now + look_for_token_every);
}

std::string Tokens::redacted(std::string text) const {
  for (const Secret& token : all_)
    if (token.reveal().size() >= least_secret) text = token.redact(std::move(text));
  return printable(text);  // io/ quotes file names unchanged
}

}  // namespace sluice
