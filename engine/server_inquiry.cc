#include "engine/server_inquiry.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <utility>

#include "engine/answer_errors.h"
#include "engine/answer_text.h"
#include "engine/carry_out.h"
#include "engine/http_date.h"
#include "engine/multipart.h"
#include "engine/text.h"

namespace sluice {
namespace {

using namespace std::chrono_literals;

/// Nothing is done for either request, so a server that takes longer has other troubles.
constexpr auto patience = 30s;

constexpr const char* doing = "asking which protocol it speaks";

bool contains(std::string_view text, std::string_view what) {
  return text.find(what) != std::string_view::npos;
}

/// Servers that are not there for now, by their status.
bool is_away(int status) {
  return status == 408 || status == 429 || (status >= 502 && status <= 504);
}

/// OPTIONS is forbidden, by a firewall say, whatever the server speaks.
bool refuses_options(const Result<Answer>& options) {
  return options && (options->status == 403 || options->status == 405 || options->status == 501);
}

/// "a, B ,c" as lower-case words; what is no word is left out, as it could be anything.
std::vector<std::string> words_of(std::string_view list) {
  std::vector<std::string> words;
  std::string word;
  const auto end_word = [&] {
    const std::size_t begin = word.find_first_not_of(" \t");
    if (begin != std::string::npos) {
      word = word.substr(begin, word.find_last_not_of(" \t") - begin + 1);
      const bool plain = std::all_of(word.begin(), word.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
      });
      if (plain) words.push_back(word);
    }
    word.clear();
  };
  for (const char c : list) {
    if (c == ',')
      end_word();
    else
      word += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  end_word();
  return words;
}

/// What a tus server announces; nothing for any other answer.
std::optional<TusServer> tus_server(const Result<Answer>& options) {
  if (!options || options->status < 200 || options->status >= 300) return {};
  // @uploadx/core and tus-node-server say their version as they do in every other answer.
  const auto announced = options->header("tus-version");
  const std::vector<std::string> versions =
      words_of(announced ? *announced : options->header("tus-resumable").value_or(""));
  if (std::find(versions.begin(), versions.end(), "1.0.0") == versions.end()) return {};
  TusServer server;
  server.sends_resumable = options->header("tus-resumable").has_value();
  server.extensions = words_of(options->header("tus-extension").value_or(""));
  server.algorithms = words_of(options->header("tus-checksum-algorithm").value_or(""));
  const std::string_view most = options->header("tus-max-size").value_or("");
  std::uint64_t bytes = 0;
  if (const auto [end, error] = std::from_chars(most.data(), most.data() + most.size(), bytes);
      error == std::errc() && end == most.data() + most.size())
    server.max_size = bytes;
  return server;
}

/// The setup's answer, as far as it says what the server is.
enum class Setup { phased, no_phases, refused_token, no_dataset, unclear };

Setup read_setup(const Answer& answer) {
  const auto failure = failure_object(answer);
  const std::string text = failure ? failure->error : answer_text(answer);
  if (answer.status == 401) return Setup::refused_token;
  // The phased generation's way to refuse a token (protocol, common facts).
  if (answer.status == 500 && failure && text == "Internal Server Error")
    return Setup::refused_token;
  if (answer.status == 404 && contains(text, "Dataset Not Found")) return Setup::no_dataset;
  if (answer.status == 500 && text == "invalid request") return Setup::no_phases;
  if (answer.status < 400 || is_away(answer.status) || contains(text, "<")) return Setup::unclear;
  const bool name_taken =
      contains(text, "File with the name ") && contains(text, "already exists in this dataset");
  return name_taken || contains(text, "missing paramter: filesize") ? Setup::phased
                                                                    : Setup::unclear;
}

/// One inquiry's reading, with what all of its sentences need.
class Reader {
 public:
  Reader(const Engine::Inquiry& inquiry, const Inquired& inquired)
      : inquiry_(inquiry), options_(inquired.options), setup_(inquired.setup) {}

  Result<ProtocolKind> protocol(const std::optional<TusServer>& tus) const {
    const bool asked_setup = !inquiry_.dataset.empty();
    const Setup setup = setup_ && asked_setup ? read_setup(*setup_) : Setup::unclear;
    if (setup == Setup::refused_token) return refused_token(*setup_);
    if (setup == Setup::no_dataset) return no_dataset(*setup_);
    for (const Result<Answer>* answer : {&options_, &setup_})
      if (*answer && (*answer)->status == 407) return proxy_wants_password(**answer);
    if (setup_ && setup_->status >= 300 && setup_->status < 400) return redirected(*setup_);
    if (inquiry_.protocol != ProtocolKind::automatic) return given(tus, setup);
    if (tus) return ProtocolKind::tus;
    if (!asked_setup) {
      if (!options_) return no_answer(options_.error());
      if (is_away(options_->status)) return away(*options_);
      const int status = options_->status;
      const bool may_be_phased = status < 400 || status == 401 || status == 404 || status >= 500 ||
                                 refuses_options(options_);
      return may_be_phased ? Result<ProtocolKind>(ProtocolKind::automatic)
                           : not_understood(*options_);
    }
    if (setup == Setup::phased) return ProtocolKind::phased;
    if (!setup_) return no_answer(setup_.error());
    if (is_away(setup_->status)) return away(*setup_);
    if (setup == Setup::no_phases) {
      // Only a server that could have said so speaks no tus.
      if (!options_) return no_answer(options_.error());
      if (is_away(options_->status)) return away(*options_);
      if (options_->status == 401) return refused_token(*options_);
      return ProtocolKind::binary;
    }
    return not_understood(*setup_);
  }

  /// A header's text.
  std::string shown(std::string_view text) const {
    return printable(inquiry_.token.redact(std::string(text)).substr(0, 100));
  }

 private:
  std::string quoted(const std::string& text) const {
    return quote_server_text(inquiry_.token.redact(text));
  }

  /// The server is to be taken for that, unless it says that it is not.
  Result<ProtocolKind> given(const std::optional<TusServer>& tus, Setup setup) const {
    const ProtocolKind wanted = inquiry_.protocol;
    const std::string others = tus                      ? "tus"
                               : setup == Setup::phased ? "phased"
                               : setup == Setup::no_phases
                                   ? "neither tus nor phased, so binary is left"
                                   : "";
    if (wanted == ProtocolKind::tus && !tus) {
      if (!options_) return no_answer(options_.error());
      if (is_away(options_->status)) return away(*options_);
      if (options_->status == 401) return refused_token(*options_);
      // What was given is taken, as nothing speaks against it; it announces nothing.
      if (refuses_options(options_)) return wanted;
      return speaks_not("tus", others);
    }
    if (wanted == ProtocolKind::phased && setup != Setup::phased) {
      if (setup == Setup::no_phases) return speaks_not("the phased protocol", others);
      if (!setup_) return no_answer(setup_.error());
      if (is_away(setup_->status)) return away(*setup_);
      return not_understood(*setup_);
    }
    // No answer to these questions speaks against binary.
    return wanted;
  }

  Error speaks_not(const std::string& wanted, const std::string& others) const {
    return {ErrorKind::failed,
            fmt::format("{} does not speak {}{}; leave --protocol away, or check the address",
                        inquiry_.base_url, wanted,
                        others.empty() ? "" : fmt::format(" (it speaks {})", others)),
            options_ ? options_->status : 0, false};
  }

  Error no_answer(const Error& error) const {
    if (error.kind == ErrorKind::interrupted)
      return {ErrorKind::interrupted,
              fmt::format("interrupted while {} was asked which protocol "
                          "it speaks; nothing was sent",
                          inquiry_.base_url),
              error.code, false};
    Error told = error;
    told.message =
        fmt::format("no answer from {} while {}: {}; nothing was sent", inquiry_.base_url, doing,
                    printable(inquiry_.token.redact(error.message)));
    return told;
  }

  Error away(const Answer& answer) const {
    return {ErrorKind::unreachable,
            fmt::format("the server is not available ({}, {}) while {}; try again later",
                        answer.status, quoted(answer.body), doing),
            answer.status, true};
  }

  Error refused_token(const Answer& answer) const {
    return {
        ErrorKind::token_refused,
        fmt::format("the server refused the token for dataset {} ({}) while {}: it is wrong, "
                    "or older than 3 days; get a new one on the dataset's edit page",
                    inquiry_.dataset,
                    answer.status == 401 ? "401" : "500 Internal Server Error, its way to say so",
                    doing),
        answer.status, false};
  }

  Error no_dataset(const Answer& answer) const {
    return {ErrorKind::no_such_dataset,
            fmt::format("the server knows no draft dataset {} (404, {}): check the key and the "
                        "system, and that the dataset is still a draft",
                        inquiry_.dataset, quoted(answer.body)),
            answer.status, false};
  }

  Error redirected(const Answer& answer) const {
    const auto location = answer.header("location");
    return {
        ErrorKind::failed,
        fmt::format("the server redirects ({}{}) while {}, and a token is never sent after a "
                    "redirect; give the final address with --url",
                    answer.status,
                    location ? fmt::format(", to {}", quoted(std::string(*location))) : "", doing),
        answer.status, false};
  }

  Error proxy_wants_password(const Answer& answer) const {
    return {ErrorKind::unreachable,
            fmt::format("the proxy answered 407 with {} while {}: it asks for a user name and "
                        "password; give them in http_proxy, as http://USER:PASSWORD@HOST:PORT",
                        quoted(answer.body), doing),
            answer.status, false};
  }

  Error not_understood(const Answer& answer) const {
    const bool wants_tls = answer.status == 400 && inquiry_.base_url.starts_with("http:") &&
                           contains(lower_case(answer.body), "https");
    Error error{wants_tls ? ErrorKind::usage : ErrorKind::failed,
                fmt::format("{} answered {} with {}{} while {}, which is no answer of a Data Bank; "
                            "{}",
                            is_page(answer) ? "the server, or one in front of it," : "the server",
                            answer.status, quoted(answer.body),
                            answer.truncated ? " (cut short)" : "", doing,
                            wants_tls ? "the address has to begin with https://"
                                      : "check the address, or try again later"),
                answer.status};
    return with(std::move(error),
                answer.status >= 500 ? persistence_of(answer.status) : Persistence::permanent);
  }

  const Engine::Inquiry& inquiry_;
  const Result<Answer>& options_;
  const Result<Answer>& setup_;
};

/// A body that is there as a whole.
class TextBody final : public RequestBody {
 public:
  explicit TextBody(std::string text) : text_(std::move(text)) {}
  std::size_t size() const { return text_.size(); }
  Piece read(std::span<std::byte> into) override {
    const std::size_t length = std::min(into.size(), text_.size() - read_);
    std::memcpy(into.data(), text_.data() + read_, length);
    read_ += length;
    return {Next::bytes, length};
  }
  bool rewind() override {
    read_ = 0;
    return true;
  }

 private:
  const std::string text_;
  std::size_t read_ = 0;
};

/// No file has this name, so that the answer is about the server alone.
std::string name_of_no_file() {
  std::random_device random;
  return fmt::format("sluice-asks-{:08x}{:08x}{:08x}", random(), random(), random());
}

Exchange options_question(const Engine::Inquiry& inquiry) {
  Exchange question;
  question.method = Request::Method::options;
  question.url = inquiry.base_url + "/files/";
  return question;
}

/// The fields of Phased's first request. `body` outlives the exchange.
Exchange setup_question(const Engine::Inquiry& inquiry, std::unique_ptr<TextBody>& body) {
  Multipart form;
  form.field("phase", "setup").field("filename", name_of_no_file());
  body = std::make_unique<TextBody>(form.head() + form.tail());
  Exchange question;
  question.url = inquiry.base_url + "/api/dataset/" + inquiry.dataset + "/datafile";
  question.headers = {form.content_type_header()};
  question.body = body.get();
  question.body_size = body->size();
  return question;
}

std::optional<std::chrono::seconds> clock_of(const Reply& reply) {
  if (!reply.answer) return {};
  return clock_ahead(*reply.answer, reply.asked + (reply.answered - reply.asked) / 2);
}

}  // namespace

std::optional<std::chrono::seconds> clock_ahead(const Answer& answer,
                                                std::chrono::system_clock::time_point now) {
  const auto server = parse_http_date(answer.header("date").value_or(""));
  if (!server) return {};
  // Half a second, as a date in whole seconds is that late on average.
  return std::chrono::round<std::chrono::seconds>(*server + 500ms - now);
}

std::optional<std::chrono::seconds> Inquired::retry_after() const {
  std::optional<std::chrono::seconds> longest;
  for (const Result<Answer>* answer : {&options, &setup})
    if (*answer) longest = std::max(longest, (*answer)->retry_after);
  return longest;
}

Result<ServerProfile> read_inquiry(const Engine::Inquiry& inquiry, const Inquired& inquired) {
  const std::optional<TusServer> tus = tus_server(inquired.options);
  const Reader reader(inquiry, inquired);
  ServerProfile profile;
  TRY_ASSIGN(profile.protocol, reader.protocol(tus));
  if (profile.protocol == ProtocolKind::tus) profile.tus = tus.value_or(TusServer());
  if (refuses_options(inquired.options) && profile.protocol != ProtocolKind::phased)
    profile.options_refused = inquired.options->status;
  profile.clock_ahead = inquired.clock_ahead;
  profile.token_taken = !inquiry.dataset.empty() && inquired.setup &&
                        (read_setup(*inquired.setup) == Setup::phased ||
                         read_setup(*inquired.setup) == Setup::no_phases);
  for (const Result<Answer>* answer : {&inquired.setup, &inquired.options}) {
    if (!*answer) continue;
    if (!profile.certificate_ends) profile.certificate_ends = (*answer)->certificate_ends;
    if (const auto& network = (*answer)->network;
        network && network->round_trip.count() > 0 &&
        (!profile.round_trip || network->round_trip < *profile.round_trip)) {
      profile.round_trip = network->round_trip;
      profile.most_under_way = network->most_under_way;
    }
    if (const auto server = (*answer)->header("server"); server && profile.http_server.empty())
      profile.http_server = reader.shown(*server);
  }
  return profile;
}

Inquired inquire(Http& http, const Engine::Inquiry& inquiry) {
  std::unique_ptr<TextBody> body;
  std::vector<Exchange> questions{options_question(inquiry)};
  if (!inquiry.dataset.empty()) questions.push_back(setup_question(inquiry, body));
  for (Exchange& question : questions) {
    question.patience = patience;
    question.certificate = true;
    if (!inquiry.token.empty())
      question.headers.push_back("Authorization: Token token=" + inquiry.token.reveal());
  }
  const std::vector<Reply> replies = carry_out(http, std::move(questions), inquiry.stop);
  const Reply& setup = replies.back();  // without a dataset the same one
  Inquired inquired{replies.front().answer, setup.answer, clock_of(replies.front())};
  if (!inquired.clock_ahead) inquired.clock_ahead = clock_of(setup);
  return inquired;
}

}  // namespace sluice
