#include "engine/protocol/one_shot.h"

#include <fmt/format.h>

#include <utility>

#include "engine/base/text.h"
#include "engine/protocol/multipart.h"

namespace sluice {

OneShot::OneShot(Deposit deposit, std::string page, Secret token)
    : deposit_(std::move(deposit)),
      page_(std::move(page)),
      errors_(deposit_, "binary", std::move(token)) {
  errors_.asked(Request::Method::post);
}

Result<void> OneShot::check(const Deposit& deposit) {
  if (deposit.size > most_bytes)
    return Error{
        ErrorKind::usage,
        fmt::format("cannot upload '{}' with the binary protocol: the file has {} bytes, and the "
                    "protocol's limit is {}; use tus or phased, if the server speaks one of them",
                    printable(deposit.name), deposit.size, most_bytes)};
  if (deposit.name.find_first_of("\"\\%") != std::string::npos)
    return Error{ErrorKind::usage,
                 fmt::format("cannot upload '{}' with the binary protocol: the name holds a quote, "
                             "a backslash or a percent sign, which servers decode differently; "
                             "choose another name with --name",
                             printable(deposit.name))};
  return {};
}

std::optional<Request> OneShot::next(std::uint64_t) {
  if (registered_) return {};
  Multipart body;
  body.payload("binary", deposit_.name);
  Request request;
  request.step = Request::Step::whole;
  request.path = "/api/dataset/" + deposit_.dataset + "/datafile";
  request.headers = {body.content_type_header()};
  request.head = body.head();
  request.payload = {0, deposit_.size};
  request.tail = body.tail();
  request.repeatable = false;
  request.connection = Request::Connection::recent;
  request.response_timeout = std::chrono::seconds(600);
  return request;
}

Result<void> OneShot::read_answer(const Answer& answer) {
  using Step = Request::Step;
  using Verdict = RegistrationAnswer::Verdict;
  const RegistrationAnswer read = read_registration_answer(answer, RegistrationForm::upload);
  switch (read.verdict) {
    case Verdict::registered:
      if (read.name != deposit_.name) registered_name_ = read.name;
      registered_ = true;
      return {};
    case Verdict::in_doubt:
      break;
    default:
      return errors_.not_registered(answer, Step::whole, read.verdict);
  }
  // A response that came before the server had the whole file leaves no doubt. The caller knows
  // whether that is the case.
  if (answer.status == 413)
    return error_of(ErrorKind::failed, answer,
                    fmt::format("{}: the server refused the request as too large (HTTP 413), and "
                                "the binary protocol sends all {} bytes of a file in one request; "
                                "ask the administrators of the Data Bank for a higher limit",
                                errors_.doing(Step::whole), deposit_.size));
  if (answer.status != 401)
    if (auto error = errors_.common(answer, Step::whole, false)) return *std::move(error);
  return errors_.not_registered(answer, Step::whole, read.verdict);
}

std::string OneShot::doubt() const {
  return fmt::format(
      "the registration of '{0}' is unconfirmed; look at {1}: if the file is missing, upload it "
      "again after: sluice forget {2} {3}; if the file is listed, run: sluice forget --registered "
      "{2} {3}",
      deposit_.name, page_, deposit_.dataset, shell_argument(deposit_.name));
}

}  // namespace sluice
