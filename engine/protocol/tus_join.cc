// Joining the parts of a file in Tus: the responses to a join, and to questions about the parts.
#include <fmt/format.h>

#include "engine/protocol/answer_text.h"
#include "engine/protocol/tus.h"
#include "engine/protocol/tus_response_headers.h"

namespace sluice {
namespace {

/// After so many refusals, each with all parts on the server, a join counts as permanently refused.
constexpr unsigned most_join_refusals = 3;

/// Returns whether a part is too short for S3. tus-ruby-server sends S3's text "Your proposed
/// upload is smaller than the minimum allowed object size." or its error code.
bool says_too_short(const Answer& answer) {
  return answer.body.find("smaller than the minimum allowed") != std::string::npos ||
         answer.body.find("EntityTooSmall") != std::string::npos;
}

/// Returns whether the status refuses the length of the headers or of the upload. A reverse proxy
/// may send it too, because one header holds the URLs of all parts.
bool is_about_length(int status) {
  return status == 400 || status == 413 || status == 414 || status == 431;
}

}  // namespace

bool Tus::has_short_part() const {
  for (std::size_t i = 0; i + 1 < parts_.size(); ++i)
    if (parts_[i].size < least_part_bytes) return true;
  return false;
}

Result<void> Tus::read_join_answer(const Answer& answer) {
  if (!is_success(answer)) return join_refused(answer);
  Result<void> read = read_location(answer);
  if (read) {
    join_undecided_ = may_be_joining_ = false;
    sent_ = size_;
    state_ = State::finding;
    return {};
  }
  // The server may have joined and deleted the parts, and the joined upload has no known URL.
  anew_ = Anew::what_is_missing;
  return read;
}

Error Tus::join_refused(const Answer& answer) {
  const bool is_servers = origin_.sender(answer) == TusOrigin::Sender::server;
  // After an exception in tus-ruby-server, Rails sends the response, without Tus-Resumable.
  const bool is_decided = is_servers || (answer.status >= 500 && !is_page(answer));
  if (is_decided) join_undecided_ = may_be_joining_ = false;
  if (is_decided || is_about_length(answer.status)) ++joins_refused_;
  const bool never = says_too_short(answer) || (is_decided && has_short_part()) ||
                     (is_servers && answer.status < 500 && joins_refused_ >= most_join_refusals);
  if (never || joins_refused_ >= most_join_refusals)
    anew_ = Anew::whole;
  else if (is_servers && answer.status < 500)
    anew_ = Anew::what_is_missing;
  return error_of(
      ErrorKind::failed, answer,
      fmt::format("{}: the server refused to join the parts (HTTP {}, {}){}", errors_.doing(step_),
                  answer.status, errors_.quoted(answer.body),
                  never ? ", although all parts are complete; nothing was registered; upload the "
                          "file in one piece with --restart --lanes 0"
                        : ""),
      !never);
}

Error Tus::part_missing(const Answer& answer) {
  anew_ = Anew::what_is_missing;
  return error_of(
      ErrorKind::failed, answer,
      fmt::format("{}: part {} of {} is missing or incomplete on the server (HTTP {}): the server "
                  "lost the part, or joined the parts and its response was lost; run the command "
                  "again to send the missing bytes",
                  errors_.doing(step_), part_ + 1, parts_.size(), answer.status));
}

Result<void> Tus::read_part_answer(const Answer& answer) {
  if (answer.status == 404 || answer.status == 410) {
    if (!counts_as_gone(answer)) return not_found(answer);
    return part_missing(answer);
  }
  if (!is_success(answer)) return not_understood(answer);
  const auto offset = offset_of(answer);
  if (!offset) return no_offset(answer);
  record_tus_answer(answer);
  if (*offset != parts_[part_].size) return part_missing(answer);
  if (++part_ == parts_.size()) state_ = State::joining;
  return {};
}

}  // namespace sluice
