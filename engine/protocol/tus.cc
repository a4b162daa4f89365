#include "engine/protocol/tus.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/base/text.h"

namespace sluice {
namespace {

constexpr std::uint64_t least_server_part = std::uint64_t{5} << 20;
constexpr std::uint64_t most_server_parts = 10000;

}  // namespace

std::uint64_t Tus::part_bytes(std::uint64_t size) {
  return std::max(least_server_part, (size + most_server_parts - 1) / most_server_parts);
}

Tus::Tus(Setting setting)
    : setting_(std::move(setting)),
      size_(setting_.deposit.size),
      errors_(setting_.deposit, "tus", setting_.token),
      origin_(setting_.server.sends_resumable),
      state_(setting_.role == Role::joined ? State::joining
             : setting_.upload_url.empty() ? State::creating
                                           : State::finding),
      url_(setting_.upload_url),
      sent_(setting_.earlier ? setting_.earlier->sent : 0),
      least_chunk_(part_bytes(size_)) {
  if (!url_.empty() && setting_.role == Role::joined) {  // an earlier run joined the parts
    state_ = State::finding;
    sent_ = size_;
  }
}

void Tus::choose_first_bytes(std::uint64_t chunk_bytes) {
  chunk_ = {};
  if (first_bytes_ == FirstBytes::in_request) first_bytes_ = FirstBytes::not_tried;  // not sent yet
  if (first_bytes_ != FirstBytes::not_tried || setting_.creation == nullptr ||
      size_ > std::max(chunk_bytes, least_chunk_) || !setting_.creation->allows(size_))
    return;
  chunk_ = {0, size_};
  first_bytes_ = FirstBytes::in_request;
}

void Tus::limit_chunk(std::uint64_t bytes) {
  if (!least_chunk_observed_) least_chunk_ = std::min(least_chunk_, bytes);
}

std::optional<Request> Tus::next(std::uint64_t chunk_bytes) {
  anew_ = Anew::nothing;
  switch (state_) {
    case State::creating:
      step_ = Request::Step::begin;
      choose_first_bytes(chunk_bytes);
      return create();
    case State::asking_parts: {
      step_ = Request::Step::ask_parts;
      Request question = request(step_, Request::Method::head);
      question.url = parts_[part_].url;
      return question;
    }
    case State::joining:
      step_ = Request::Step::join;
      join_undecided_ = true;
      return create();
    case State::sending: {
      step_ = Request::Step::chunk;
      const std::uint64_t left = size_ - committed_;
      std::uint64_t length = std::min(std::max(chunk_bytes, least_chunk_), left);
      // The remainder may be shorter than a server part, because the last chunk may be.
      chunk_ = {committed_, committed_ + length};
      sent_ = std::max(sent_, chunk_.end);
      return patch();
    }
    case State::finding:
      step_ = Request::Step::ask_committed;
      return request(step_, Request::Method::head);
    case State::registering:
      step_ = Request::Step::finish;
      return registration();
    case State::registered:
      break;
  }
  return {};
}

Tus::State Tus::state_after_last_byte() const {
  return setting_.role == Role::part ? State::registered : State::registering;
}

void Tus::recover() {
  if (state_ == State::sending) state_ = State::finding;
  if (state_ == State::creating && first_bytes_ != FirstBytes::not_tried)
    first_bytes_ =
        first_bytes_ == FirstBytes::in_request ? FirstBytes::failed : FirstBytes::not_any_more;
  if (std::exchange(join_undecided_, false)) may_be_joining_ = true;
  if (state_ == State::joining && !parts_.empty()) {
    state_ = State::asking_parts;
    part_ = 0;
  }
  if (fell_back_to_) committed_ = *std::exchange(fell_back_to_, {});
}

void Tus::start_over() {
  state_ = State::creating;
  url_.clear();
  committed_ = 0;
  sent_ = 0;
  fell_back_to_.reset();
  gone_answers_ = unstored_patches_ = 0;
}

std::string Tus::doubt() const {
  return fmt::format(
      "the registration is unconfirmed; look at {1}/datasets/{2}: if '{0}' is missing, run: sluice "
      "resume --register {2} {3}; if it is listed, run: sluice forget --registered {2} {3}",
      setting_.deposit.name, setting_.base_url, setting_.deposit.dataset,
      shell_argument(setting_.deposit.name));
}

}  // namespace sluice
