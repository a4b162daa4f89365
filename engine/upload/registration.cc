#include "engine/upload/registration.h"

#include <algorithm>

namespace sluice {
namespace {

using namespace std::chrono_literals;

/// Returns the allowance for the clock difference of two runs and for requests in flight: 30 s, or
/// `wait` if shorter.
std::chrono::seconds slack(std::chrono::seconds wait) {
  return std::min<std::chrono::seconds>(30s, wait);
}

}  // namespace

std::chrono::seconds time_to_register(std::uint64_t size) {
  return 30s + std::chrono::seconds(size / 200'000'000);
}

std::chrono::steady_clock::duration pause_between_questions(std::chrono::seconds wait) {
  return std::max<std::chrono::steady_clock::duration>(1s, wait / 30);
}

void Registration::inherit_doubt(Time when) {
  state_ = State::in_doubt;
  inherited_doubt_ = true;
  // The journal's time is in whole seconds, and from before the connection was opened.
  if (setting_.can_ask) open_until_ = when + setting_.wait + slack(setting_.wait);
}

bool Registration::answered(std::optional<Time> handed_at, bool refused, Time now) {
  const bool in_doubt = handed_at && !refused;
  state_ = in_doubt || inherited_doubt_ ? State::in_doubt : State::unsent;
  if (!setting_.can_ask) return in_doubt;
  if (refused)
    open_until_.reset();
  else if (handed_at)
    open_until_ = std::max(*handed_at + setting_.wait, now + slack(setting_.wait));
  return in_doubt;
}

Registration::Decision Registration::before(Request::Step step, Time now) {
  using Step = Request::Step;
  if (!open_until_ || step == Step::ask_name || step == Step::ask_committed) return {};
  if (now < *open_until_)
    return {Next::ask_later, std::min(*open_until_, now + pause_between_questions(setting_.wait))};
  // The registration may have ended after the last answer that the name is free.
  if (name_asked_ < *open_until_) return {Next::ask_now, now};
  open_until_.reset();
  state_ = State::unsent;
  return {};
}

}  // namespace sluice
