#include "engine/tus.h"

#include <fmt/format.h>
#include <strings.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "engine/answer_text.h"
#include "engine/base64.h"
#include "engine/multipart.h"
#include "engine/text.h"
#include "engine/url.h"

namespace sluice {
namespace {

/// A server that copies parts into one, or a file into its store, may take that long.
constexpr std::chrono::seconds long_patience{600};
constexpr std::uint64_t least_part = std::uint64_t{5} << 20;
constexpr std::uint64_t most_parts = 10000;
/// Longer than any server's; a header line has 8 KiB where a front server is in between.
constexpr std::size_t longest_url = 4096;

std::optional<std::uint64_t> number(std::optional<std::string_view> text) {
  std::uint64_t value = 0;
  if (!text) return {};
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || end != text->data() + text->size()) return {};
  return value;
}

bool is_success(const Answer& answer) {
  return answer.status >= 200 && answer.status < 300;
}

/// A tus server's own answer, rather than that of what is in front of it.
bool is_tus(const Answer& answer) {
  return answer.header("tus-resumable").has_value();
}

/// How far the server says that it is; nothing where it does not, or says this and that.
std::optional<std::uint64_t> offset_of(const Answer& answer) {
  std::optional<std::string_view> first;
  for (const auto& [name, value] : answer.headers) {
    if (name != "upload-offset") continue;
    if (first && *first != value) return {};
    first = value;
  }
  return number(first);
}

/// rustus says 417, which is otherwise for a header (Expect) that is never sent.
bool is_mismatch(int status) {
  return status == 460 || status == 417;
}

bool same_host(const UrlParts& a, const UrlParts& b) {
  return ::strcasecmp(a.host.c_str(), b.host.c_str()) == 0;
}

}  // namespace

Result<std::string> Tus::own_address(const std::string& base, std::string_view location) {
  const auto refuse = [](std::string why) { return Error{ErrorKind::failed, std::move(why)}; };
  if (location.size() > longest_url) return refuse("it is too long");
  for (const char c : location)
    if (c <= ' ' || c > '~') return refuse("it has characters that no address has");
  TRY_ASSIGN(const UrlParts here, split_url(base));
  // What curl says of it quotes it, and it may repeat the token.
  const auto not_one = [&] { return refuse("it is no address of a web server"); };
  Result<UrlParts> there = resolve_url(base + "/files/", std::string(location));
  if (location.empty() || !there) return not_one();
  // A server behind a TLS proxy does not know that it is: same host, so back through the proxy.
  if (here.scheme == "https" && there->scheme == "http" && same_host(*there, here) &&
      (there->port == "80" || there->port == here.port)) {
    const std::size_t path = there->normal.find('/', std::string_view("http://").size());
    if (path == std::string::npos) return not_one();
    there = resolve_url(base + "/", there->normal.substr(path));
    if (!there) return not_one();
  }
  if (there->scheme != here.scheme || !same_host(*there, here) || there->port != here.port)
    return refuse("it is another server, which is never sent the token");
  if (there->normal.size() > longest_url) return refuse("it is too long");
  return there->normal;
}

std::uint64_t Tus::part_bytes(std::uint64_t size) {
  return std::max(least_part, (size + most_parts - 1) / most_parts);
}

Tus::Tus(Setting setting)
    : setting_(std::move(setting)),
      size_(setting_.deposit.size),
      errors_(setting_.deposit, "tus", setting_.token),
      state_(setting_.role == Role::joined ? State::joining
             : setting_.upload_url.empty() ? State::creating
                                           : State::finding),
      url_(setting_.upload_url),
      sent_(setting_.earlier ? setting_.earlier->sent : 0),
      least_chunk_(part_bytes(size_)) {
  if (!url_.empty() && setting_.role == Role::joined) {  // joined by an earlier run
    state_ = State::finding;
    sent_ = size_;
  }
}

Request Tus::request(Request::Step step, Request::Method method) const {
  Request request;
  request.step = step;
  request.method = method;
  request.url = url_;
  request.headers = {"Tus-Resumable: 1.0.0"};
  return request;
}

Request Tus::create() const {
  const bool joined = state_ == State::joining;
  Request request =
      this->request(joined ? Request::Step::join : Request::Step::begin, Request::Method::post);
  request.url.clear();
  request.path = "/files/";
  request.headers.push_back("Content-Type:");  // curl's own would be that of a form
  if (!joined) request.headers.push_back(fmt::format("Upload-Length: {}", size_));
  // tuspyserver tells nobody how far an upload is that came without a type.
  request.headers.push_back(fmt::format("Upload-Metadata: filename {},filetype {}",
                                        base64(setting_.deposit.name),
                                        base64("application/octet-stream")));
  if (setting_.role == Role::part) request.headers.emplace_back("Upload-Concat: partial");
  if (joined) {
    request.headers.push_back(fmt::format("Upload-Concat: final;{}", fmt::join(parts_, " ")));
    request.patience = long_patience;
  }
  return request;
}

Request Tus::patch() {
  Request request = this->request(Request::Step::chunk, Request::Method::patch);
  request.headers.emplace_back("Content-Type: application/offset+octet-stream");
  request.headers.push_back(fmt::format("Upload-Offset: {}", chunk_.begin));
  request.payload = chunk_;
  return request;
}

Request Tus::registration() const {
  Multipart body;
  body.field("filename", setting_.deposit.name)
      .field("tus_url", url_)
      .field("size", std::to_string(size_))
      .field("dataset_key", setting_.deposit.dataset);
  Request request;
  request.step = Request::Step::finish;
  request.path = "/api/dataset/" + setting_.deposit.dataset + "/datafile";
  request.headers = {body.content_type_header()};
  request.head = body.head();
  request.tail = body.tail();
  request.repeatable = false;
  request.connection = Request::Connection::recent;
  request.patience = long_patience;
  return request;
}

void Tus::limit_chunk(std::uint64_t bytes) {
  if (!threw_away_) least_chunk_ = std::min(least_chunk_, bytes);
}

std::optional<Request> Tus::next(std::uint64_t chunk_bytes) {
  anew_ = Anew::nothing;
  switch (state_) {
    case State::creating:
      step_ = Request::Step::begin;
      return create();
    case State::joining:
      step_ = Request::Step::join;
      return create();
    case State::sending: {
      step_ = Request::Step::chunk;
      const std::uint64_t left = size_ - committed_;
      std::uint64_t length = std::min(std::max(chunk_bytes, least_chunk_), left);
      // What would be left may be less than a part, which only the last one may be.
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

Tus::State Tus::after_all_is_there() const {
  return setting_.role == Role::part ? State::registered : State::registering;
}

Result<void> Tus::read_answer(const Answer& answer) {
  if (auto error = common_error(answer)) return *std::move(error);
  switch (state_) {
    case State::creating:
    case State::joining:
      return read_location(answer);
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

void Tus::recover() {
  if (state_ == State::sending) state_ = State::finding;
  if (fell_back_to_) committed_ = *std::exchange(fell_back_to_, {});
}

void Tus::start_over() {
  state_ = State::creating;
  url_.clear();
  committed_ = 0;
  sent_ = 0;
  fell_back_to_.reset();
  gone_ = stuck_ = 0;
}

std::optional<Error> Tus::common_error(const Answer& answer) {
  if (state_ == State::registering) {
    // Nothing says whether one that failed in the middle was carried out.
    if (answer.status >= 500 || answer.status == 408)
      return errors_.not_understood(answer, step_, false);
    if (answer.status == 404) return errors_.no_such_dataset(answer);
    return errors_.common(answer, step_, proven_);
  }
  if (answer.status == 413 && state_ == State::creating)
    return error_of(ErrorKind::failed, answer,
                    fmt::format("the server does not take a file of {} bytes (413), which '{}' is",
                                size_, setting_.deposit.name));
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
  return errors_.common(answer, step_, proven_);
}

Error Tus::not_understood(const Answer& answer) const {
  return errors_.not_understood(answer, step_, proven_ || answer.status >= 500);
}

Error Tus::no_offset(const Answer& answer) const {
  std::string says;
  for (const auto& [name, value] : answer.headers)
    if (name == "upload-offset") says += fmt::format("{}{}", says.empty() ? "" : ", ", value);
  return error_of(
      ErrorKind::failed, answer,
      fmt::format("the server answered {} while {}, and {}; tell those who run it", answer.status,
                  errors_.doing(step_),
                  says.empty() ? "does not say how much of it is there (no Upload-Offset)"
                               : "says of how much of it is there what nobody can read "
                                 "(Upload-Offset " +
                                     errors_.quoted(says) + ")"),
      proven_);
}

Result<void> Tus::read_location(const Answer& answer) {
  // Whether it has lost parts, or has joined them and the answer was lost, only they can tell. That
  // a front server does not know of it can pass, and asking them too early costs all of them.
  const bool parts_may_be_gone = answer.status == 400 || answer.status == 404 ||
                                 answer.status == 409 || answer.status == 410 || is_success(answer);
  if (state_ == State::joining && parts_may_be_gone) anew_ = Anew::what_is_missing;
  if (state_ == State::joining && answer.status >= 400 && answer.status < 500)
    return error_of(ErrorKind::failed, answer,
                    fmt::format("the server did not join the parts of '{}' ({}, {}); run it again, "
                                "which sends what is missing, or with --restart --lanes 0",
                                setting_.deposit.name, answer.status, errors_.quoted(answer.body)),
                    answer.status == 404);
  const auto location = answer.header("location");
  // @uploadx/core says 200 where there is nothing left to send; a front server's page is no tus.
  const bool is_created = answer.status == 201 || (answer.status == 200 && is_tus(answer));
  if (!is_created || !location) return not_understood(answer);
  Result<std::string> url = own_address(setting_.base_url, *location);
  if (!url)
    return error_of(
        ErrorKind::failed, answer,
        fmt::format("the server wants the bytes of '{}' at {}, where they are not sent: {}; tell "
                    "those who run it, or give the address it means with --url",
                    setting_.deposit.name, errors_.quoted(std::string(*location)),
                    url.error().message));
  url_ = *std::move(url);
  proven_ = true;
  gone_ = 0;
  committed_ = 0;
  if (state_ == State::joining) {
    sent_ = size_;
    state_ = State::finding;
  } else {
    sent_ = 0;
    state_ = size_ == 0 ? after_all_is_there() : State::sending;
  }
  return {};
}

/// A front server that has lost its back end for a moment says 404 too.
Error Tus::not_found(const Answer& answer) const {
  return error_of(ErrorKind::unreachable, answer,
                  fmt::format("the server does not find the upload of '{}' ({}, {})",
                              setting_.deposit.name, answer.status, errors_.quoted(answer.body)),
                  true);
}

Result<void> Tus::gone(const Answer& answer) {
  if (answer.status != 410 && ++gone_ < 2) return not_found(answer);
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
  proven_ = true;
  gone_ = 0;
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
  // tus lets a server say so of what is not there; others say it to the token. What may be there
  // is not given up for it.
  if (answer.status == 403)
    return error_of(ErrorKind::failed, answer,
                    fmt::format("the server forbids to ask for the upload of '{}' (403, {}): the "
                                "token is not good for it, or it is gone, and --restart sends it "
                                "anew",
                                setting_.deposit.name, errors_.quoted(answer.body)),
                    proven_);
  const auto offset = offset_of(answer);
  // tusdotnet does not say how far a joined upload is before it is whole.
  if (is_success(answer) && is_tus(answer) && !answer.header("upload-offset") &&
      setting_.role == Role::joined)
    return joining_still(answer, 0);
  if (!is_success(answer)) return not_understood(answer);
  if (!offset) return no_offset(answer);
  proven_ = true;
  gone_ = 0;
  const auto length = number(answer.header("upload-length"));
  if (length && *length != size_)
    return error_of(
        ErrorKind::integrity, answer,
        fmt::format("what the server has at the address of '{}' is an upload of {} bytes, and the "
                    "file has {}; nothing was registered, --restart sends it anew",
                    setting_.deposit.name, *length, size_));
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
  const std::string text = answer_text(answer);
  if (answer.status == 400)
    return error_of(ErrorKind::failed, answer,
                    fmt::format("the server did not register '{}' (400, {}): it does not know the "
                                "upload any more, or not yet; run it again",
                                setting_.deposit.name, errors_.quoted(text)));
  if (answer.status != 200 || text.find("successfully uploaded") == std::string::npos)
    return errors_.not_understood(answer, step_, false);
  state_ = State::registered;
  return {};
}

std::string Tus::doubt() const {
  return fmt::format(
      "all bytes are there, but whether '{0}' is registered is not known: look at "
      "{1}/datasets/{2}; "
      "if it is not there, register it with: sluice resume --register {2} {3}; if it is, end this "
      "upload with: sluice forget {2} {3}",
      setting_.deposit.name, setting_.base_url, setting_.deposit.dataset,
      shell_argument(setting_.deposit.name));
}

}  // namespace sluice
