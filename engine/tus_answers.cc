// What the answers of a server mean to Tus.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/answer_text.h"
#include "engine/registration_answer.h"
#include "engine/tus.h"
#include "engine/tus_headers.h"
#include "engine/tus_location.h"

namespace sluice {
namespace {

/// How often in a row a 404 or 410 without Tus-Resumable is repeated before it is believed of a
/// server that never sends that header: 7 s at least, as each waits a second (engine/retry.h).
constexpr unsigned unmarked_is_believed = 8;

/// An empty file's, where one is lost.
constexpr unsigned most_empty_patches = 3;

/// rustus says 417, which is otherwise for a header (Expect) that is never sent.
bool is_mismatch(int status) {
  return status == 460 || status == 417;
}

}  // namespace

Result<void> Tus::read_answer(const Answer& answer) {
  if (state_ == State::sending)
    errors_.asked(Request::Method::patch, chunk_.begin);
  else
    errors_.asked(state_ == State::finding || state_ == State::asking_parts
                      ? Request::Method::head
                      : Request::Method::post);
  if (auto error = common_error(answer)) return *std::move(error);
  switch (state_) {
    case State::creating:
      return read_location(answer);
    case State::joining:
      return read_join_answer(answer);
    case State::asking_parts:
      return read_part_answer(answer);
    case State::sending:
      return read_chunk_answer(answer);
    case State::finding:
      return read_offset_answer(answer);
    case State::registering:
      return read_register_answer(answer);
    case State::registered:
      break;
  }
  return Error{ErrorKind::failed, "an answer came after the upload was over"};
}

std::optional<Error> Tus::common_error(const Answer& answer) {
  // What common errors are for other requests is doubt for a registration.
  if (state_ == State::registering) return {};
  if (answer.status == 413 && state_ == State::joining) return {};
  if (answer.status == 413 && state_ == State::creating &&
      !no_room(answer.body, setting_.deposit.name))
    return error_of(
        ErrorKind::failed, answer,
        fmt::format("the server does not take a file of {} bytes, which '{}' is (413, {})", size_,
                    setting_.deposit.name, errors_.quoted(answer.body)));
  if (answer.status == 423)
    return error_of(ErrorKind::unreachable, answer,
                    fmt::format("the server is still at an earlier request (423) while {}",
                                errors_.doing(step_)),
                    true);
  if (answer.status == 412)
    return error_of(ErrorKind::failed, answer,
                    fmt::format("the server does not speak tus 1.0.0 (412) while {}, and sluice "
                                "speaks no other version",
                                errors_.doing(step_)));
  // tus lets a server say so of what is not there; others say it to the token. What may be there
  // is not given up for it.
  if (answer.status == 403 && state_ == State::finding && !is_page(answer))
    return with(error_of(ErrorKind::failed, answer,
                         fmt::format("the server forbids to ask for the upload of '{}' (403, {}): "
                                     "the token is not good for it, or it is gone, and --restart "
                                     "sends it anew",
                                     setting_.deposit.name, errors_.quoted(answer.body))),
                may_pass(answer) ? Persistence::few_tries : Persistence::permanent);
  const bool redirects = answer.status >= 300 && answer.status < 400;
  const bool known = proven_ || setting_.earlier || (redirects && may_pass(answer));
  auto error = errors_.common(answer, step_, known);
  return error && redirects && error->retryable && !proven_
             ? with(*std::move(error), Persistence::few_tries)
             : error;
}

bool Tus::may_pass(const Answer& answer) const {
  const bool is_servers = origin_.sender(answer) == TusOrigin::Sender::server;
  if (answer.status >= 500) return true;
  if (is_servers) return proven_;
  // A placeholder of a deployment, or a page.
  return true;
}

void Tus::understood(const Answer& answer) {
  origin_.learn(answer);
  proven_ = true;
  gone_ = 0;
}

Error Tus::not_understood(const Answer& answer) {
  return errors_.not_understood(answer, step_, may_pass(answer));
}

Error Tus::no_offset(const Answer& answer) {
  const std::string says = fmt::format("{}", fmt::join(values_of(answer, "upload-offset"), ", "));
  return error_of(
      ErrorKind::failed, answer,
      fmt::format("the server answered {} while {}, and {}; tell those who run it", answer.status,
                  errors_.doing(step_),
                  says.empty() ? "does not say how much of it is there (no Upload-Offset)"
                               : "says of how much of it is there what nobody can read "
                                 "(Upload-Offset " +
                                     errors_.quoted(says) + ")"),
      may_pass(answer));
}

Result<void> Tus::read_location(const Answer& answer) {
  const std::vector<std::string_view> locations = values_of(answer, "location");
  // @uploadx/core says 200 where there is nothing left to send; a front server's page is no tus.
  const bool is_created =
      answer.status == 201 || (answer.status == 200 && TusOrigin::is_marked(answer));
  if (!is_created || locations.empty()) return not_understood(answer);
  const auto location = only_value(answer, "location");
  if (!location)
    return error_of(
        ErrorKind::failed, answer,
        fmt::format("the server wants the bytes of '{}' in several places (Location {}), "
                    "and there can be one; tell those who run it",
                    setting_.deposit.name,
                    errors_.quoted(fmt::format("{}", fmt::join(locations, ", ")))));
  Result<std::string> url = own_address(setting_.base_url, *location);
  if (!url)
    return error_of(
        ErrorKind::failed, answer,
        fmt::format("the server wants the bytes of '{}' at {}, where they are not sent: {}; tell "
                    "those who run it, or give the address it means with --url",
                    setting_.deposit.name, errors_.quoted(std::string(*location)),
                    url.error().message));
  url_ = *std::move(url);
  understood(answer);
  committed_ = 0;
  sent_ = 0;
  state_ = size_ == 0 ? after_all_is_there() : State::sending;
  return {};
}

Error Tus::not_found(const Answer& answer) const {
  return error_of(
      ErrorKind::unreachable, answer,
      fmt::format("the upload of '{}' is not found ({}, {}{}), which may pass; if it does not, "
                  "--restart sends the file anew",
                  setting_.deposit.name, answer.status, errors_.quoted(answer.body),
                  origin_.sender(answer) == TusOrigin::Sender::server
                      ? ""
                      : ", without Tus-Resumable: from a server in front of the tus server"),
      true);
}

bool Tus::is_believed_gone(const Answer& answer) {
  switch (origin_.sender(answer)) {
    case TusOrigin::Sender::server:
      return ++gone_ >= (answer.status == 410 ? 1U : 2U);
    case TusOrigin::Sender::unknown:
      return ++gone_ >= unmarked_is_believed;
    case TusOrigin::Sender::front:
      break;
  }
  return false;
}

Result<void> Tus::gone(const Answer& answer) {
  if (!is_believed_gone(answer)) return not_found(answer);
  if (setting_.role == Role::joined) {
    anew_ = Anew::all;
    return error_of(ErrorKind::integrity, answer,
                    fmt::format("the server has lost '{}' after it had joined its parts ({}): run "
                                "it again, which sends all of it anew",
                                setting_.deposit.name, answer.status));
  }
  start_over();
  return {};
}

Result<void> Tus::read_chunk_answer(const Answer& answer) {
  if (answer.status == 404 || answer.status == 410) return gone(answer);
  const auto refused = [&](ErrorKind kind, std::string what, bool retryable) {
    return error_of(kind, answer,
                    fmt::format("the chunk of '{}' at offset {} {}; nothing was registered",
                                setting_.deposit.name, chunk_.begin, what),
                    retryable);
  };
  if (is_mismatch(answer.status)) {
    const bool again = std::exchange(mismatch_at_, chunk_.begin) == chunk_.begin;
    return refused(
        ErrorKind::integrity,
        fmt::format("arrived with another checksum{} ({}){}", again ? " twice" : "", answer.status,
                    again ? ": something between here and the server changes bytes" : ""),
        !again);
  }
  if (answer.status == 409)
    return refused(ErrorKind::integrity, "was refused, as the server is at another offset (409)",
                   true);
  const auto offset = offset_of(answer);
  if (!is_success(answer)) return not_understood(answer);
  if (!offset) return no_offset(answer);
  understood(answer);
  if (*offset == chunk_.begin && chunk_.size() > 0) return nothing_kept(answer);
  if (*offset < chunk_.begin || *offset > chunk_.end)
    return refused(
        ErrorKind::integrity,
        fmt::format("left the server at offset {}, where no byte of it can have led", *offset),
        true);
  stuck_ = 0;
  mismatch_at_ = ~std::uint64_t{0};
  committed_ = *offset;
  if (committed_ == size_) state_ = after_all_is_there();
  return {};
}

Error Tus::nothing_kept(const Answer& answer) {
  // Twice as much each time, up to all of the rest: 40 doublings are more than a file has.
  const bool all_of_it = chunk_.end == size_;
  const bool again = all_of_it ? ++stuck_ < 2 : true;
  if (!all_of_it) {
    least_chunk_ = std::max(least_chunk_, chunk_.size() * 2);
    threw_away_ = true;
  }
  return error_of(
      ErrorKind::integrity, answer,
      fmt::format("the server accepted {} bytes of '{}' at offset {} and kept none of them{}; "
                  "nothing was registered",
                  chunk_.size(), setting_.deposit.name, chunk_.begin,
                  !all_of_it ? ", as they were too few for it: sending more at once"
                  : again    ? ""
                             : ", again and again: tell those who run it"),
      again);
}

Error Tus::joining_still(const Answer& answer, std::uint64_t offset) const {
  return error_of(ErrorKind::unreachable, answer,
                  fmt::format("the server has joined {} of {} bytes of '{}' so far", offset, size_,
                              setting_.deposit.name),
                  true);
}

Result<void> Tus::read_offset_answer(const Answer& answer) {
  if (answer.status == 404 || answer.status == 410) return gone(answer);
  const auto offset = offset_of(answer);
  // tusdotnet does not say how far a joined upload is before it is whole.
  if (is_success(answer) && TusOrigin::is_marked(answer) && !answer.header("upload-offset") &&
      setting_.role == Role::joined)
    return joining_still(answer, 0);
  if (!is_success(answer)) return not_understood(answer);
  if (!offset) return no_offset(answer);
  understood(answer);
  for (const std::string_view text : values_of(answer, "upload-length")) {
    const auto length = number_in(text);
    if (!length || *length == size_) continue;
    return error_of(
        ErrorKind::integrity, answer,
        fmt::format("what the server has at the address of '{}' is an upload of {} bytes, and the "
                    "file has {}; nothing was registered, --restart sends it anew",
                    setting_.deposit.name, *length, size_));
  }
  if (*offset > sent_)
    return error_of(
        ErrorKind::integrity, answer,
        fmt::format("the server holds {} of {} bytes of '{}', and as far as is known no more than "
                    "{} of {} were sent to it: somebody else sends there too, or the journal could "
                    "not be written at the time; nothing was registered, --restart sends it anew",
                    *offset, size_, setting_.deposit.name, sent_, size_));
  if (*offset < committed_) {
    fell_back_to_ = *offset;
    return error_of(
        ErrorKind::integrity, answer,
        fmt::format("the server holds {} bytes of '{}' where {} were sent and acknowledged; "
                    "nothing was registered",
                    *offset, setting_.deposit.name, committed_),
        true);
  }
  if (setting_.role == Role::joined && *offset < size_) return joining_still(answer, *offset);
  if (*offset > committed_) stuck_ = 0;
  committed_ = *offset;
  state_ = committed_ == size_ ? after_all_is_there() : State::sending;
  return {};
}

Result<void> Tus::read_register_answer(const Answer& answer) {
  const RegistrationAnswer read = read_registration_answer(answer, RegistrationForm::upload);
  // The newest Data Bank makes a file of an upload with its first PATCH, and an empty one needs
  // none.
  if (read.verdict == RegistrationAnswer::Verdict::no_such_upload && size_ == 0 &&
      empty_patches_ < most_empty_patches) {
    ++empty_patches_;
    state_ = State::sending;
    return {};
  }
  if (read.verdict != RegistrationAnswer::Verdict::registered)
    return errors_.not_registered(answer, step_, read.verdict);
  if (read.name != setting_.deposit.name) registered_name_ = read.name;
  state_ = State::registered;
  return {};
}

}  // namespace sluice
