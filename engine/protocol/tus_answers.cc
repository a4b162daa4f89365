// The responses of a server as Tus interprets them.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/protocol/answer_text.h"
#include "engine/protocol/registration_answer.h"
#include "engine/protocol/tus.h"
#include "engine/protocol/tus_location.h"
#include "engine/protocol/tus_response_headers.h"

namespace sluice {
namespace {

/// How many consecutive 404 or 410 without Tus-Resumable count as the end of the upload, from a
/// server that never sends that header: 8, over at least 7 s, as each retry waits a second
/// (engine/policy/retry.h).
constexpr unsigned unmarked_gone_limit = 8;

/// PATCHes without bytes for an empty file: one is needed, and the others are retries.
constexpr unsigned most_empty_patches = 3;

/// Returns whether a refusal is not about the request's body, but about the token, the version of
/// tus or a busy server.
bool is_about_other_than_body(int status) {
  switch (status) {
    case 401:
    case 407:
    case 408:
    case 412:
    case 423:
    case 425:
    case 429:
    case 499:
    case 503:
      return true;
    default:
      return false;
  }
}

/// Returns whether the server reports a checksum mismatch. rustus sends 417, which otherwise is
/// about the header Expect, and sluice never sends that.
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
  if (refuses_first_bytes(answer)) return {};
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
  return Error{ErrorKind::failed,
               "internal error: a response arrived after the upload had ended; report this to the "
               "developers of sluice"};
}

std::optional<Error> Tus::common_error(const Answer& answer) {
  // At a registration, these responses leave the registration in doubt.
  if (state_ == State::registering) return {};
  if (answer.status == 413 && state_ == State::joining) return {};
  if (answer.status == 413 && state_ == State::creating &&
      !no_room(answer.body, setting_.deposit.name))
    return error_of(
        ErrorKind::failed, answer,
        fmt::format("{}: the server refused a file of {} bytes as too large (HTTP 413, {}); "
                    "split or compress the file",
                    errors_.doing(step_), size_, errors_.quoted(answer.body)));
  if (answer.status == 423)
    return error_of(ErrorKind::unreachable, answer,
                    fmt::format("{}: the server is still working on an earlier request (HTTP 423)",
                                errors_.doing(step_)),
                    true);
  if (answer.status == 412)
    return error_of(ErrorKind::failed, answer,
                    fmt::format("{}: the server does not speak tus 1.0.0, the only version that "
                                "sluice speaks (HTTP 412); tell the administrators of the Data "
                                "Bank",
                                errors_.doing(step_)));
  // In tus, 403 may mean that the upload does not exist; other servers refuse the token that way.
  // So the upload, which may still exist, is not restarted.
  if (answer.status == 403 && state_ == State::finding && !is_page(answer))
    return with(error_of(ErrorKind::failed, answer,
                         fmt::format("{}: the server refused the request (HTTP 403, {}): the token "
                                     "is not valid for this upload, or the upload is gone; to "
                                     "restart from the beginning, use --restart",
                                     errors_.doing(step_), errors_.quoted(answer.body))),
                may_be_transient(answer) ? Persistence::few_tries : Persistence::permanent);
  const bool redirects = answer.status >= 300 && answer.status < 400;
  const bool known = proven_ || setting_.earlier || (redirects && may_be_transient(answer));
  auto error = errors_.common(answer, step_, known);
  return error && redirects && error->retryable && !proven_
             ? with(*std::move(error), Persistence::few_tries)
             : error;
}

bool Tus::may_be_transient(const Answer& answer) const {
  const bool is_servers = origin_.sender(answer) == TusOrigin::Sender::server;
  if (answer.status >= 500) return true;
  if (is_servers) return proven_;
  // The response may be the placeholder of a deployment, or a page.
  return true;
}

void Tus::record_tus_answer(const Answer& answer) {
  origin_.learn(answer);
  proven_ = true;
  gone_answers_ = 0;
}

Error Tus::not_understood(const Answer& answer) {
  return errors_.not_understood(answer, step_, may_be_transient(answer));
}

Error Tus::no_offset(const Answer& answer) {
  const std::string says = fmt::format("{}", fmt::join(values_of(answer, "upload-offset"), ", "));
  return error_of(
      ErrorKind::failed, answer,
      fmt::format("{}: the response (HTTP {}) has {}; tell the administrators of the Data Bank",
                  errors_.doing(step_), answer.status,
                  says.empty() ? "no Upload-Offset header"
                               : "an invalid Upload-Offset header, " + errors_.quoted(says)),
      may_be_transient(answer));
}

bool Tus::refuses_first_bytes(const Answer& answer) {
  if (state_ != State::creating || first_bytes_ != FirstBytes::in_request) return false;
  const int status = answer.status;
  if (is_about_other_than_body(status)) {
    first_bytes_ = FirstBytes::not_any_more;
    return false;
  }
  if ((status < 400 || status >= 500) && status != 501) return false;
  first_bytes_ = status == 413 ? FirstBytes::too_large : FirstBytes::refused;
  return true;
}

void Tus::learn_of_first_bytes() {
  using Failure = CreationWithUpload::Failure;
  switch (first_bytes_) {
    case FirstBytes::not_tried:
    case FirstBytes::in_request:
    case FirstBytes::not_any_more:
      return;
    case FirstBytes::refused:
      setting_.creation->failed(Failure::refused, size_);
      break;
    case FirstBytes::too_large:
      setting_.creation->failed(Failure::too_large, size_);
      break;
    case FirstBytes::failed:
      setting_.creation->failed(Failure::unclear, size_);
      break;
  }
  first_bytes_ = FirstBytes::not_any_more;
}

void Tus::read_first_offset(const Answer& answer) {
  first_bytes_ = FirstBytes::not_tried;
  sent_ = size_;
  const auto offset = offset_of(answer);
  const bool is_valid = offset && *offset <= size_;
  if (is_valid && *offset > 0)
    setting_.creation->kept_bytes();
  else
    setting_.creation->ignored_bytes();
  if (!is_valid) {  // ask with HEAD
    state_ = State::finding;
    return;
  }
  committed_ = *offset;
  state_ = committed_ == size_ ? state_after_last_byte() : State::sending;
}

Result<void> Tus::read_location(const Answer& answer) {
  const std::vector<std::string_view> locations = values_of(answer, "location");
  // @uploadx/core answers 200 if no bytes are left to send. Without Tus-Resumable, a 200 may be a
  // reverse proxy's page.
  const bool is_created =
      answer.status == 201 || (answer.status == 200 && TusOrigin::is_marked(answer));
  if (!is_created || locations.empty()) return not_understood(answer);
  const auto location = only_value(answer, "location");
  if (!location)
    return error_of(
        ErrorKind::failed, answer,
        fmt::format("{}: the response has several Location headers that differ ({}); tell the "
                    "administrators of the Data Bank",
                    errors_.doing(step_),
                    errors_.quoted(fmt::format("{}", fmt::join(locations, ", ")))));
  Result<std::string> url = resolve_location(setting_.base_url, *location);
  if (!url)
    return error_of(
        ErrorKind::failed, answer,
        fmt::format("{}: sluice does not upload to the Location that the server sent, {}: {}; "
                    "tell the administrators of the Data Bank, or set the right URL with --url",
                    errors_.doing(step_), errors_.quoted(std::string(*location)),
                    url.error().message));
  url_ = *std::move(url);
  record_tus_answer(answer);
  committed_ = 0;
  if (first_bytes_ == FirstBytes::in_request) {
    read_first_offset(answer);
    return {};
  }
  learn_of_first_bytes();
  sent_ = 0;
  state_ = size_ == 0 ? state_after_last_byte() : State::sending;
  return {};
}

Error Tus::not_found(const Answer& answer) const {
  return error_of(
      ErrorKind::unreachable, answer,
      fmt::format("{}: the server does not find the upload (HTTP {}, {}{}); if this persists, "
                  "upload the file again with --restart",
                  errors_.doing(step_), answer.status, errors_.quoted(answer.body),
                  origin_.sender(answer) == TusOrigin::Sender::server
                      ? ""
                      : ", no Tus-Resumable header: perhaps from a reverse proxy"),
      true);
}

bool Tus::counts_as_gone(const Answer& answer) {
  switch (origin_.sender(answer)) {
    case TusOrigin::Sender::server:
      return ++gone_answers_ >= (answer.status == 410 ? 1U : 2U);
    case TusOrigin::Sender::unknown:
      return ++gone_answers_ >= unmarked_gone_limit;
    case TusOrigin::Sender::front:
      break;
  }
  return false;
}

Result<void> Tus::read_gone_answer(const Answer& answer) {
  if (!counts_as_gone(answer)) return not_found(answer);
  if (setting_.role == Role::joined) {
    anew_ = Anew::all;
    return error_of(ErrorKind::integrity, answer,
                    fmt::format("{}: the server has lost the file after joining its parts (HTTP "
                                "{}); run the command again to upload the whole file again",
                                errors_.doing(step_), answer.status));
  }
  start_over();
  return {};
}

Result<void> Tus::read_chunk_answer(const Answer& answer) {
  if (answer.status == 404 || answer.status == 410) return read_gone_answer(answer);
  const auto refused = [&](const std::string& why, bool retryable) {
    return error_of(ErrorKind::integrity, answer, fmt::format("{}: {}", errors_.doing(step_), why),
                    retryable);
  };
  if (is_mismatch(answer.status)) {
    const bool again = std::exchange(checksum_mismatch_at_, chunk_.begin) == chunk_.begin;
    return refused(
        again ? fmt::format("the chunk arrived with a wrong checksum twice (HTTP {}): the network "
                            "or a proxy changes bytes; nothing was registered; tell the "
                            "administrators of the network",
                            answer.status)
              : fmt::format("the chunk arrived with a wrong checksum (HTTP {})", answer.status),
        !again);
  }
  if (answer.status == 409)
    return refused("the server refused the chunk, because its offset differs (HTTP 409)", true);
  const auto offset = offset_of(answer);
  if (!is_success(answer)) return not_understood(answer);
  if (!offset) return no_offset(answer);
  record_tus_answer(answer);
  if (*offset == chunk_.begin && chunk_.size() > 0) return no_bytes_stored(answer);
  if (*offset < chunk_.begin || *offset > chunk_.end)
    return refused(fmt::format("the server reports offset {}, which is outside the chunk of {} "
                               "bytes",
                               *offset, chunk_.size()),
                   true);
  unstored_patches_ = 0;
  checksum_mismatch_at_ = ~std::uint64_t{0};
  committed_ = *offset;
  if (committed_ == size_) state_ = state_after_last_byte();
  return {};
}

Error Tus::no_bytes_stored(const Answer& answer) {
  // The chunk doubles each time, up to the rest of the file: at most 40 times.
  const bool all_of_it = chunk_.end == size_;
  const bool again = all_of_it ? ++unstored_patches_ < 2 : true;
  if (!all_of_it) {
    least_chunk_ = std::max(least_chunk_, chunk_.size() * 2);
    least_chunk_observed_ = true;
  }
  return error_of(
      ErrorKind::integrity, answer,
      fmt::format("{}: the server accepted the chunk of {} bytes{}, but stored none of them{}",
                  errors_.doing(step_), chunk_.size(), again ? "" : " twice",
                  !all_of_it ? ": the chunk is too small for the server; sending a larger one"
                  : again    ? ""
                          : "; nothing was registered; tell the administrators of the Data Bank"),
      again);
}

Error Tus::join_in_progress(const Answer& answer, std::uint64_t offset) const {
  return error_of(ErrorKind::unreachable, answer,
                  fmt::format("{}: the server has joined {} of {} bytes so far",
                              errors_.doing(step_), offset, size_),
                  true);
}

Result<void> Tus::read_offset_answer(const Answer& answer) {
  if (answer.status == 404 || answer.status == 410) return read_gone_answer(answer);
  const auto offset = offset_of(answer);
  // tusdotnet sends no offset of a joined upload until the join is complete.
  if (is_success(answer) && TusOrigin::is_marked(answer) && !answer.header("upload-offset") &&
      setting_.role == Role::joined)
    return join_in_progress(answer, 0);
  if (!is_success(answer)) return not_understood(answer);
  if (!offset) return no_offset(answer);
  record_tus_answer(answer);
  for (const std::string_view text : values_of(answer, "upload-length")) {
    const auto length = number_in(text);
    if (!length || *length == size_) continue;
    return error_of(
        ErrorKind::integrity, answer,
        fmt::format("{}: the upload on the server is for {} bytes, but the file has {}; nothing "
                    "was registered; upload the file again with --restart",
                    errors_.doing(step_), *length, size_));
  }
  if (*offset > sent_) return errors_.holds_too_many(answer, step_, *offset, sent_);
  if (*offset < committed_) {
    fell_back_to_ = *offset;
    return errors_.holds_too_few(answer, step_, *offset, committed_);
  }
  if (setting_.role == Role::joined && *offset < size_) return join_in_progress(answer, *offset);
  if (*offset > committed_) unstored_patches_ = 0;
  committed_ = *offset;
  state_ = committed_ == size_ ? state_after_last_byte() : State::sending;
  return {};
}

Result<void> Tus::read_register_answer(const Answer& answer) {
  const RegistrationAnswer read = read_registration_answer(answer, RegistrationForm::upload);
  // The newest Data Bank creates the file at the first PATCH, and an empty file is uploaded without
  // one.
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
