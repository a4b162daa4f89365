#include "engine/protocol/server_inquiry.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>

#include "engine/base/persistence.h"
#include "engine/base/text.h"
#include "engine/http/blocking_exchanges.h"
#include "engine/http/http_date.h"
#include "engine/protocol/answer_errors.h"
#include "engine/protocol/answer_text.h"
#include "engine/protocol/setup_question.h"

namespace sluice {
namespace {

using namespace std::chrono_literals;

/// The deadline of each response. The questions make the server do no work, so a slower server is
/// overloaded or broken.
constexpr auto inquiry_timeout = 30s;

/// What an inquiry is about; decides how its errors begin.
enum class Subject { protocol, token };

/// Returns whether OPTIONS is forbidden, for example by a firewall, whatever the server speaks.
bool refuses_options(const Result<Answer>& options) {
  return options && (options->status == 403 || options->status == 405 || options->status == 501);
}

/// Returns the words of a list such as "a, B ,c" in lower case. Drops items with characters other
/// than letters, digits, '-', '_' and '.', because the list is untrusted.
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

/// Returns what a tus server announces; nullopt for any other response.
std::optional<TusServer> tus_server(const Result<Answer>& options) {
  if (!options || options->status < 200 || options->status >= 300) return {};
  // @uploadx/core and tus-node-server send Tus-Resumable instead of Tus-Version.
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

/// The interpreter of one inquiry's responses, with what its error messages need.
class Reader {
 public:
  Reader(const Inquiry& inquiry, const Inquired& inquired, Subject subject = Subject::protocol)
      : inquiry_(inquiry), options_(inquired.options), setup_(inquired.setup), subject_(subject) {}

  Result<ProtocolKind> protocol(const std::optional<TusServer>& tus) const {
    const bool asked_setup = !inquiry_.dataset.empty();
    const SetupAnswer setup =
        setup_ && asked_setup ? read_setup_answer(*setup_) : SetupAnswer::unclear;
    if (asked_setup)
      TRY(token());
    else if (setup_ && setup_->status >= 300 && setup_->status < 400)
      return redirected(*setup_);
    for (const Result<Answer>* answer : {&options_, &setup_})
      if (*answer && (*answer)->status == 407) return proxy_wants_password(**answer);
    if (inquiry_.protocol != ProtocolKind::automatic) return requested_protocol(tus, setup);
    if (tus) return ProtocolKind::tus;
    if (!asked_setup) {
      if (!options_) return no_answer(options_.error());
      if (is_away(*options_)) return away(*options_);
      const int status = options_->status;
      const bool may_be_phased = status < 400 || status == 401 || status == 404 || status >= 500 ||
                                 refuses_options(options_);
      return may_be_phased ? Result<ProtocolKind>(ProtocolKind::automatic)
                           : not_understood(*options_);
    }
    if (setup == SetupAnswer::phased) return ProtocolKind::phased;
    if (!setup_) return no_answer(setup_.error());
    if (is_away(*setup_)) return away(*setup_);
    if (setup == SetupAnswer::no_phases) {
      // Without a response to OPTIONS, the server may still speak tus.
      if (!options_) return no_answer(options_.error());
      if (is_away(*options_)) return away(*options_);
      if (options_->status == 401) return refused_by_options(*options_);
      return ProtocolKind::binary;
    }
    return not_understood(*setup_);
  }

  /// Returns whether the server accepts the token for the dataset; false if the response does not
  /// tell. Errors: token_refused; no_such_dataset; failed for a redirect; unreachable for a proxy
  /// that requires a password.
  Result<bool> token() const {
    if (!setup_) return false;
    const SetupAnswer setup = read_setup_answer(*setup_);
    if (setup == SetupAnswer::refused_token) return refused_token(*setup_);
    if (setup == SetupAnswer::no_dataset) return no_dataset(*setup_);
    if (setup_->status >= 300 && setup_->status < 400) return redirected(*setup_);
    if (setup_->status == 407) return proxy_wants_password(*setup_);
    return accepts_token(setup);
  }

  /// Returns why the response does not tell. Retryable; of kind `unreachable` only where the server
  /// is unavailable.
  Error token_not_known() const {
    if (!setup_) return no_answer(setup_.error());
    if (is_away(*setup_)) return away(*setup_);
    Error error = not_understood(*setup_);
    error.retryable = true;
    return error;
  }

  /// Returns the value of a header, without the token and safe for a terminal; at most 100 bytes
  /// before escaping.
  std::string shown(std::string_view text) const {
    return printable(inquiry_.token.redact(std::string(text)).substr(0, 100));
  }

 private:
  /// Returns how each error message begins.
  std::string asking() const {
    return subject_ == Subject::token
               ? fmt::format("checking the token at {}", inquiry_.base_url)
               : fmt::format("asking {} for its protocol", inquiry_.base_url);
  }

  std::string quoted(const std::string& text) const {
    return quote_server_text(inquiry_.token.redact(text));
  }

  /// Returns the protocol that the caller asked for, or an error if the responses contradict it.
  Result<ProtocolKind> requested_protocol(const std::optional<TusServer>& tus,
                                          SetupAnswer setup) const {
    const ProtocolKind wanted = inquiry_.protocol;
    const std::string others = tus                               ? "tus"
                               : setup == SetupAnswer::phased    ? "phased"
                               : setup == SetupAnswer::no_phases ? "binary only"
                                                                 : "";
    if (wanted == ProtocolKind::tus && !tus) {
      if (!options_) return no_answer(options_.error());
      if (is_away(*options_)) return away(*options_);
      if (options_->status == 401) return refused_by_options(*options_);
      // Nothing contradicts the requested protocol. The capabilities of the server stay unknown.
      if (refuses_options(options_)) return wanted;
      return other_protocol("tus", others);
    }
    if (wanted == ProtocolKind::phased && setup != SetupAnswer::phased) {
      if (setup == SetupAnswer::no_phases) return other_protocol("the phased protocol", others);
      if (!setup_) return no_answer(setup_.error());
      if (is_away(*setup_)) return away(*setup_);
      return not_understood(*setup_);
    }
    // No response to these questions contradicts binary.
    return wanted;
  }

  Error other_protocol(const std::string& wanted, const std::string& others) const {
    return {ErrorKind::failed,
            fmt::format("{}: the server does not speak {}{}; omit --protocol, or check the URL",
                        asking(), wanted, others.empty() ? "" : fmt::format(", but {}", others)),
            options_ ? options_->status : 0, false};
  }

  Error no_answer(const Error& error) const {
    if (error.kind == ErrorKind::interrupted)
      return {ErrorKind::interrupted,
              fmt::format("interrupted while {}; nothing was uploaded", asking()), error.code,
              false};
    Error told = error;
    told.message = fmt::format("{}: {}{}", asking(),
                               error.kind == ErrorKind::unreachable ? "no response: " : "",
                               printable(inquiry_.token.redact(error.message)));
    return told;
  }

  Error away(const Answer& answer) const {
    return {ErrorKind::unreachable,
            fmt::format("{}: the server is not available (HTTP {}, {})", asking(), answer.status,
                        quoted(answer.body)),
            answer.status, true};
  }

  Error refused_token(const Answer& answer) const {
    return {
        ErrorKind::token_refused,
        fmt::format(
            "{}: the server refused the token for dataset {} ({}): {}", asking(), inquiry_.dataset,
            answer.status == 401 ? "HTTP 401" : "HTTP 500 Internal Server Error instead of 401",
            token_advice),
        answer.status, false};
  }

  /// Returns the error for a 401 to OPTIONS. The 401 is not about the token if the response to the
  /// setup accepts the token.
  Error refused_by_options(const Answer& answer) const {
    if (!setup_ || !accepts_token(read_setup_answer(*setup_))) return refused_token(answer);
    return with(
        {ErrorKind::unreachable,
         fmt::format("{}: the server refused one request (HTTP 401), but accepts the token for "
                     "dataset {}: the server is restarting, or has no free thread to check the "
                     "token",
                     asking(), inquiry_.dataset),
         answer.status},
        Persistence::few_tries);
  }

  Error no_dataset(const Answer& answer) const {
    return {ErrorKind::no_such_dataset,
            fmt::format("{}: the server has no draft dataset {} (HTTP 404, {}); {}", asking(),
                        inquiry_.dataset, quoted(answer.body), dataset_advice),
            answer.status, false};
  }

  Error redirected(const Answer& answer) const {
    const auto location = answer.header("location");
    return {ErrorKind::failed,
            fmt::format("{}: the server redirects the request (HTTP {}{}), and sluice does not "
                        "follow redirects with a token; set the final URL with --url",
                        asking(), answer.status,
                        location ? fmt::format(", to {}", quoted(std::string(*location))) : ""),
            answer.status, false};
  }

  Error proxy_wants_password(const Answer& answer) const {
    return {
        ErrorKind::unreachable,
        fmt::format("{}: the proxy requires a user name and a password (HTTP 407, {}); set them "
                    "where the proxy is set (SLUICE_PROXY, http_proxy or the configuration): "
                    "http://USER:PASSWORD@HOST:PORT",
                    asking(), quoted(answer.body)),
        answer.status, false};
  }

  Error not_understood(const Answer& answer) const {
    const bool wants_tls = answer.status == 400 && inquiry_.base_url.starts_with("http:") &&
                           contains(lower_case(answer.body), "https");
    Error error{
        wants_tls ? ErrorKind::usage : ErrorKind::failed,
        fmt::format("{}: {} sent a response that no Data Bank sends (HTTP {}, {}{}); {}", asking(),
                    is_page(answer) ? "the server or a reverse proxy" : "the server", answer.status,
                    quoted(answer.body), answer.truncated ? ", cut short" : "",
                    wants_tls ? "the URL must start with https://" : "check the URL"),
        answer.status};
    return with(std::move(error),
                answer.status >= 500 ? persistence_of(answer.status) : Persistence::permanent);
  }

  const Inquiry& inquiry_;
  const Result<Answer>& options_;
  const Result<Answer>& setup_;
  const Subject subject_;
};

void add_measurements(ServerProfile& profile, const Reader& reader, const Inquired& inquired) {
  profile.clock_ahead = inquired.clock_ahead;
  for (const Result<Answer>* answer : {&inquired.setup, &inquired.options}) {
    if (!*answer) continue;
    if (!profile.certificate) profile.certificate = (*answer)->certificate;
    if (const auto& network = (*answer)->network;
        network && network->round_trip.count() > 0 &&
        (!profile.round_trip || network->round_trip < *profile.round_trip)) {
      profile.round_trip = network->round_trip;
      profile.max_in_flight_bytes = network->max_in_flight_bytes;
      profile.bbr = network->bbr;
    }
    if (const auto server = (*answer)->header("server"); server && profile.http_server.empty())
      profile.http_server = reader.shown(*server);
  }
}

Exchange options_question(const Inquiry& inquiry) {
  Exchange question;
  question.method = Request::Method::options;
  question.url = inquiry.base_url + "/files/";
  question.response_timeout = inquiry_timeout;
  if (!inquiry.token.empty())
    question.headers.push_back("Authorization: Token token=" + inquiry.token.reveal());
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
  // A Date in whole seconds is half a second late on average.
  return std::chrono::round<std::chrono::seconds>(*server + 500ms - now);
}

std::optional<std::chrono::seconds> Inquired::retry_after() const {
  std::optional<std::chrono::seconds> longest;
  for (const Result<Answer>* answer : {&options, &setup})
    if (*answer) longest = std::max(longest, (*answer)->retry_after);
  return longest;
}

Result<ServerProfile> read_inquiry(const Inquiry& inquiry, const Inquired& inquired) {
  const std::optional<TusServer> tus = tus_server(inquired.options);
  const Reader reader(inquiry, inquired);
  ServerProfile profile;
  TRY_ASSIGN(profile.protocol, reader.protocol(tus));
  if (profile.protocol == ProtocolKind::tus) profile.tus = tus.value_or(TusServer());
  if (refuses_options(inquired.options) && profile.protocol != ProtocolKind::phased)
    profile.options_refused = inquired.options->status;
  profile.options_unanswered = !inquired.options || is_away(*inquired.options);
  profile.token_taken = !inquiry.dataset.empty() && inquired.setup &&
                        accepts_token(read_setup_answer(*inquired.setup));
  add_measurements(profile, reader, inquired);
  return profile;
}

Result<std::optional<ServerProfile>> read_token_inquiry(const Inquiry& inquiry,
                                                        const ServerProfile& known,
                                                        const Inquired& inquired) {
  const Reader reader(inquiry, inquired, Subject::token);
  ServerProfile profile = known;
  TRY_ASSIGN(profile.token_taken, reader.token());
  // A tus server may speak phased as well.
  if (profile.token_taken && known.protocol != ProtocolKind::tus &&
      (read_setup_answer(*inquired.setup) == SetupAnswer::phased) !=
          (known.protocol == ProtocolKind::phased))
    return std::optional<ServerProfile>();
  add_measurements(profile, reader, inquired);
  return std::optional<ServerProfile>(std::move(profile));
}

Error token_not_known(const Inquiry& inquiry, const Inquired& inquired) {
  return Reader(inquiry, inquired, Subject::token).token_not_known();
}

Inquired inquire(Transport& http, const Inquiry& inquiry) {
  std::vector<Exchange> questions{options_question(inquiry)};
  std::optional<SetupQuestion> setup_question;
  if (!inquiry.dataset.empty()) {
    setup_question.emplace(inquiry.base_url, inquiry.dataset, inquiry.token);
    questions.push_back(setup_question->exchange());
  }
  for (Exchange& question : questions) question.certificate = true;
  const std::vector<Reply> replies = run_exchanges(http, std::move(questions), inquiry.stop);
  const Reply& setup = replies.back();  // without a dataset, the reply to OPTIONS
  Inquired inquired{replies.front().answer, setup.answer, clock_of(replies.front())};
  if (!inquired.clock_ahead) inquired.clock_ahead = clock_of(setup);
  return inquired;
}

Inquired inquire_token(Transport& http, const Inquiry& inquiry) {
  const SetupQuestion question(inquiry.base_url, inquiry.dataset, inquiry.token);
  Exchange exchange = question.exchange();
  exchange.certificate = true;
  const Reply reply = run_exchanges(http, {std::move(exchange)}, inquiry.stop).front();
  return {Error{ErrorKind::failed, "not asked"}, reply.answer, clock_of(reply)};
}

}  // namespace sluice
