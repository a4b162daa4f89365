#include "engine/one_shot.h"

#include <fmt/format.h>

#include <utility>

#include "engine/multipart.h"
#include "engine/text.h"

namespace sluice {

OneShot::OneShot(Deposit deposit, std::string page, Secret token)
    : deposit_(std::move(deposit)),
      page_(std::move(page)),
      errors_(deposit_, "one-shot", std::move(token)) {}

Result<void> OneShot::check(const Deposit& deposit) {
  if (deposit.size > most_bytes)
    return Error{
        ErrorKind::usage,
        fmt::format("'{}' has {} bytes, and the one-shot form takes {} at most: use tus or "
                    "the phased protocol, if the server speaks one of them",
                    printable(deposit.name), deposit.size, most_bytes)};
  if (deposit.name.find_first_of("\"\\%") != std::string::npos)
    return Error{ErrorKind::usage,
                 fmt::format("the name '{}' cannot go into the one-shot form, as servers read "
                             "quotes, backslashes and percent signs there differently: give "
                             "another with --name",
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
  request.patience = std::chrono::seconds(600);
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
  // An answer that came before the server had the whole file is no doubt: whoever drives this
  // knows.
  if (answer.status == 413)
    return error_of(ErrorKind::failed, answer,
                    fmt::format("the server refuses a request with all {} bytes of '{}' (413), and "
                                "the one-shot form has no other",
                                deposit_.size, deposit_.name));
  if (answer.status != 401)
    if (auto error = errors_.common(answer, Step::whole, false)) return *std::move(error);
  return errors_.not_registered(answer, Step::whole, read.verdict);
}

std::string OneShot::doubt() const {
  return fmt::format(
      "whether '{0}' is registered is not known: look at {1}; if it is not there, send it again "
      "after: sluice forget {2} {3}",
      deposit_.name, page_, deposit_.dataset, shell_argument(deposit_.name));
}

}  // namespace sluice
