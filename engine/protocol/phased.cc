#include "engine/protocol/phased.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/base/text.h"
#include "engine/protocol/answer_text.h"
#include "engine/protocol/multipart.h"
#include "engine/protocol/registration_answer.h"
#include "engine/protocol/stored_names.h"

namespace sluice {
namespace {

/// How long the server may take for verify: the server may copy the whole file into its storage
/// before it answers (hundreds of GB in this time). A shorter deadline would leave the registration
/// in doubt.
constexpr std::chrono::seconds verify_timeout{600};

/// Returns each name under which the server may store the file.
std::vector<std::string> names_of(const Deposit& deposit) {
  std::vector<std::string> names = stored_names(deposit.name);
  const std::string& before = deposit.stored_before;
  if (!before.empty() && std::find(names.begin(), names.end(), before) == names.end())
    names.push_back(before);
  return names;
}

/// Returns the text of the response, in whichever form the server sent it.
std::string message_of(const Answer& answer) {
  const auto failure = failure_object(answer);
  return failure ? failure->error : answer_text(answer);
}

/// Protocol section 1.5.
bool says_name_is_taken(std::string_view text) {
  return contains(text, "File with the name ") && contains(text, "already exists in this dataset");
}

/// Returns whether the server asks for the file's size, so that the request has passed the check of
/// the name. "missing paramter: filesize" is the server's spelling.
bool says_name_is_free(const Answer& answer) {
  const std::string text = answer_text(answer);
  return answer.status >= 400 && contains(text, "filesize") && !contains(text, "<");
}

/// Protocol section 1.3.
bool says_nothing_is_staged(const Answer& answer) {
  return answer.status >= 400 && contains(message_of(answer), "No such file or directory");
}

}  // namespace

Phased::Phased(Deposit deposit, Secret token, std::optional<Resumption> earlier, Asks asks,
               bool proven)
    : deposit_(std::move(deposit)),
      names_(names_of(deposit_)),
      errors_(deposit_, "phased", std::move(token)),
      state_(earlier && earlier->finishing ? State::asking_registered : State::asking),
      resumed_(earlier.has_value()),
      sent_(earlier ? earlier->sent : 0),
      speaks_phased_(proven || earlier.has_value()) {
  if (resumed_ || asks == Asks::all_names) return;
  if (names_.size() > 1)
    asked_ = 1;
  else
    state_ = State::setting_up;
}

Request Phased::request(Request::Step step, std::string_view phase, ByteRange chunk) const {
  Multipart body;
  body.field("phase", phase)
      .field("filename", step == Request::Step::ask_name ? names_[asked_] : deposit_.name);
  switch (step) {
    case Request::Step::begin:
      body.field("filesize", std::to_string(deposit_.size));
      break;
    case Request::Step::chunk:
      body.field("previous_size", std::to_string(chunk.begin)).payload("bytechunk", "bytechunk");
      break;
    case Request::Step::ask_committed:
      // The payload is one byte, which is never appended. Some servers ignore an empty file part.
      body.field("previous_size", "-1").payload("bytechunk", "bytechunk");
      break;
    default:
      break;
  }

  Request request;
  request.step = step;
  request.path = "/api/dataset/" + deposit_.dataset + "/datafile";
  request.headers = {body.content_type_header()};
  request.head = body.head();
  if (step == Request::Step::ask_committed) request.head += '?';
  request.payload = chunk;
  request.tail = body.tail();
  if (step == Request::Step::finish) {
    request.repeatable = false;
    request.connection = Request::Connection::recent;
    request.response_timeout = verify_timeout;
  }
  return request;
}

std::optional<Request> Phased::next(std::uint64_t chunk_bytes) {
  switch (state_) {
    case State::asking:
    case State::asking_registered:
    case State::naming:
      step_ = Request::Step::ask_name;
      return request(step_, "setup");
    case State::setting_up:
      step_ = Request::Step::begin;
      return request(step_, "setup");
    case State::sending:
      step_ = Request::Step::chunk;
      chunk_ = {committed_, committed_ + std::min(chunk_bytes, deposit_.size - committed_)};
      sent_ = std::max(sent_, chunk_.end);
      return request(step_, "transfer", chunk_);
    case State::finding:
      step_ = Request::Step::ask_committed;
      return request(step_, "transfer");
    case State::verifying:
      step_ = Request::Step::finish;
      return request(step_, "verify");
    case State::registered:
      break;
  }
  return {};
}

std::optional<Request> Phased::after(const Request& last, std::uint64_t chunk_bytes) const {
  if (state_ != State::setting_up && state_ != State::sending) return {};
  const std::uint64_t begin = last.payload.end;
  if (begin == deposit_.size) return {};
  return request(Request::Step::chunk, "transfer",
                 {begin, begin + std::min(chunk_bytes, deposit_.size - begin)});
}

void Phased::follows(const Request& request) {
  step_ = Request::Step::chunk;
  chunk_ = request.payload;
  sent_ = std::max(sent_, chunk_.end);
}

Result<void> Phased::read_answer(const Answer& answer) {
  errors_.asked(Request::Method::post, state_ == State::sending
                                           ? std::optional<std::uint64_t>(chunk_.begin)
                                           : std::nullopt);
  if (state_ == State::verifying) return read_verify_answer(answer);
  if (state_ == State::naming) {
    read_naming_answer(answer);
    return {};
  }
  if (auto error = common_error(answer)) {
    if (state_ == State::asking_registered && error->kind == ErrorKind::name_taken) {
      registered_as(names_[asked_]);
      return {};
    }
    return *std::move(error);
  }
  Result<void> read = read_step(answer);
  if (read) speaks_phased_ = true;
  return read;
}

Result<void> Phased::read_step(const Answer& answer) {
  switch (state_) {
    case State::asking:
    case State::asking_registered:
      return read_name_answer(answer);
    case State::setting_up:
      return read_setup_answer(answer);
    case State::sending:
      return read_chunk_answer(answer);
    case State::finding:
      return read_committed_answer(answer);
    case State::verifying:
    case State::naming:
    case State::registered:
      break;
  }
  return Error{ErrorKind::failed,
               "internal error: a response arrived after the upload had ended; report this to the "
               "developers of sluice"};
}

void Phased::recover() {
  if (std::exchange(nothing_staged_, false)) {
    start_over();
  } else if (state_ == State::sending) {
    state_ = State::finding;
  } else if (state_ == State::verifying) {
    ask_registered();
  } else if (state_ == State::naming) {
    registered_as(deposit_.name);  // the stored name is not known
  }
  if (fell_back_to_) committed_ = *std::exchange(fell_back_to_, {});
}

void Phased::ask_registered() {
  state_ = State::asking_registered;
  asked_ = 0;
}

bool Phased::is_registered() const {
  return state_ == State::naming || state_ == State::registered;
}

bool Phased::next_name() {
  if (++asked_ < names_.size()) return true;
  asked_ = 0;
  return false;
}

void Phased::registered_as(const std::string& name) {
  state_ = State::registered;
  if (name != deposit_.name) registered_name_ = name;
}

void Phased::start_over() {
  state_ = State::setting_up;
  committed_ = 0;
  fell_back_to_.reset();
}

std::optional<Error> Phased::common_error(const Answer& answer) {
  const auto failure = failure_object(answer);
  const std::string text = message_of(answer);
  // The phased generation sends this 500 for a wrong or expired token (protocol, common facts), and
  // Rails sends it for any bug.
  if (answer.status == 500 && failure && failure->error == "Internal Server Error")
    return errors_.token_refused(answer, step_, "HTTP 500 Internal Server Error instead of 401");
  // After the server has spoken phased, a 404 comes from a reverse proxy that has lost the server
  // for a moment, unless its text is the Data Bank's own about the dataset.
  if (answer.status == 404 && speaks_phased_ && !contains(text, "Dataset Not Found"))
    return error_of(ErrorKind::unreachable, answer,
                    fmt::format("{}: the server does not find a URL that worked before (HTTP 404, "
                                "{})",
                                errors_.doing(step_), errors_.quoted(answer.body)),
                    true);
  if (answer.status == 404) return errors_.no_such_dataset(answer, step_);
  if (answer.status == 500 && text == "invalid request")
    return errors_.wrong_protocol(answer, step_);
  if (auto error = errors_.common(answer, step_, speaks_phased_)) return error;
  // The checks below search the text, and a success repeats the file's name, which can be any text.
  // A 200 whose body is a failure is about a chunk, and its meaning depends on the step.
  if (answer.status < 400) return {};
  if (says_name_is_taken(text)) return name_taken(answer);
  if (contains(text, "File too large"))
    return error_of(ErrorKind::failed, answer,
                    fmt::format("{}: the server refused the file as too large (HTTP {}, {}); "
                                "split or compress the file",
                                errors_.doing(step_), answer.status, errors_.quoted(text)));
  return {};
}

Error Phased::name_taken(const Answer& answer) const {
  if (asked_ > 0)
    return error_of(
        ErrorKind::name_taken, answer,
        fmt::format("cannot upload '{2}' into dataset {0}: the dataset already has a file '{1}', "
                    "and some Data Bank servers rename '{2}' to '{1}'; choose another name with "
                    "--name, or delete the existing file on the dataset's edit page",
                    deposit_.dataset, names_[asked_], deposit_.name));
  return error_of(
      ErrorKind::name_taken, answer,
      fmt::format("cannot upload '{1}' into dataset {0}: the dataset already has a file of that "
                  "name; choose another name with --name, or delete the existing file on the "
                  "dataset's edit page",
                  deposit_.dataset, deposit_.name));
}

Error Phased::staging_lost(const Answer& answer) {
  nothing_staged_ = true;
  return error_of(
      ErrorKind::integrity, answer,
      fmt::format("{}: the server has lost the bytes sent so far (HTTP {}, {}); run only one "
                  "upload at a time into dataset {}, because a new upload deletes unfinished ones",
                  errors_.doing(step_), answer.status, errors_.quoted(message_of(answer)),
                  deposit_.dataset),
      true);
}

std::string Phased::doubt() const {
  return fmt::format(
      "the registration of '{}' is unconfirmed; run the same command again, which asks the server "
      "first, or look at the page of dataset {}",
      deposit_.name, deposit_.dataset);
}

Error Phased::not_understood(const Answer& answer) const {
  // Before the server has spoken phased, it may not be a Data Bank at all.
  return errors_.not_understood(answer, step_,
                                answer.status >= 500 || speaks_phased_ ||
                                    (state_ != State::asking && state_ != State::setting_up));
}

Result<void> Phased::read_name_answer(const Answer& answer) {
  if (!says_name_is_free(answer)) return not_understood(answer);
  if (next_name()) return {};
  state_ = resumed_ || state_ == State::asking_registered ? State::finding : State::setting_up;
  return {};
}

void Phased::read_naming_answer(const Answer& answer) {
  const std::string text = message_of(answer);
  if (answer.status >= 400 && says_name_is_taken(text))
    registered_as(names_[asked_]);
  else if (!says_name_is_free(answer) || !next_name())
    registered_as(deposit_.name);  // the stored name is not known
}

Result<void> Phased::read_setup_answer(const Answer& answer) {
  if (answer.status != 200 || !answer_text(answer).starts_with("successfully set up"))
    return not_understood(answer);
  resumed_ = false;
  sent_ = 0;
  state_ = deposit_.size == 0 ? State::verifying : State::sending;
  return {};
}

Result<void> Phased::read_chunk_answer(const Answer& answer) {
  if (says_nothing_is_staged(answer)) return staging_lost(answer);
  if (const auto failure = failure_object(answer)) {
    // The server already holds the chunk: curl repeated the request because the kept connection
    // broke before the response.
    if (failure->progress == chunk_.end) return chunk_committed();
    if (failure->progress && *failure->progress != chunk_.begin)
      return error_of(
          ErrorKind::integrity, answer,
          fmt::format("{}: the server refused the chunk, because it holds {} bytes; make sure "
                      "that no other upload into dataset {} is running",
                      errors_.doing(step_), *failure->progress, deposit_.dataset),
          true);
    return with(
        error_of(ErrorKind::failed, answer,
                 fmt::format("{}: the server could not store the chunk (HTTP {}, {})",
                             errors_.doing(step_), answer.status, errors_.quoted(failure->error))),
        no_room(failure->error, deposit_.name).value_or(Persistence::transient));
  }
  if (answer.status != 200 || !answer_text(answer).starts_with("successfully added chunk"))
    return not_understood(answer);
  return chunk_committed();
}

Result<void> Phased::chunk_committed() {
  committed_ = chunk_.end;
  if (committed_ == deposit_.size) state_ = State::finding;
  return {};
}

Result<void> Phased::read_committed_answer(const Answer& answer) {
  if (says_nothing_is_staged(answer)) {
    // This run has sent no bytes that could be lost. Those of an earlier run are gone.
    if (committed_ == 0) {
      state_ = State::setting_up;
      return {};
    }
    return staging_lost(answer);
  }
  const auto failure = failure_object(answer);
  if (!failure || !failure->progress) {
    if (answer_text(answer).starts_with("successfully added chunk"))
      return error_of(
          ErrorKind::integrity, answer,
          fmt::format("{}: the server appended a byte that the protocol tells it to refuse, so "
                      "its bytes are not those of the file; nothing was registered; upload the "
                      "file again with --restart",
                      errors_.doing(step_)));
    return not_understood(answer);
  }
  const std::uint64_t held = *failure->progress;
  if (held > sent_) return errors_.holds_too_many(answer, step_, held, sent_);
  if (held < committed_) {
    fell_back_to_ = held;
    return errors_.holds_too_few(answer, step_, held, committed_);
  }
  committed_ = held;
  state_ = held == deposit_.size ? State::verifying : State::sending;
  return {};
}

Result<void> Phased::read_verify_answer(const Answer& answer) {
  using Verdict = RegistrationAnswer::Verdict;
  const RegistrationAnswer read = read_registration_answer(answer, RegistrationForm::verify);
  switch (read.verdict) {
    case Verdict::registered:
      // The response may repeat the requested name even if the file has another name.
      if (names_.size() > 1 && (read.name == deposit_.name || read.name.empty()))
        state_ = State::naming;
      else
        registered_as(read.name.empty() ? deposit_.name : read.name);
      return {};
    case Verdict::in_doubt:
      break;
    default:
      return errors_.not_registered(answer, step_, read.verdict);
  }
  // The next request asks whether the file is registered, whatever the response says: even after
  // "nothing is staged", and after "Internal Server Error", which verify of an empty file returns
  // although it has registered the file.
  Error error = errors_.not_registered(answer, step_, read.verdict);
  if (auto common = common_error(answer); common && common->kind == ErrorKind::unreachable)
    error = *std::move(common);
  error.retryable = true;
  return error;
}

}  // namespace sluice
