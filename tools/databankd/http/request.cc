#include "tools/databankd/http/request.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <span>
#include <utility>

#include "tools/databankd/base/log.h"
#include "tools/databankd/http/client_socket.h"
#include "tools/databankd/http/fault_response.h"
#include "tools/databankd/http/front_page.h"
#include "tools/databankd/http/gzip.h"

namespace sluice::databankd {
namespace {

// The size of the form parser's buffer; see http_server.cc for measurements.
constexpr std::size_t form_buffer = std::size_t{256} << 10;

/// Returns KEY of `/api/dataset/KEY/datafile`; empty for any other path.
std::string_view dataset_key(std::string_view path) {
  constexpr std::string_view before = "/api/dataset/";
  constexpr std::string_view after = "/datafile";
  if (path.size() <= before.size() + after.size() || !path.starts_with(before) ||
      !path.ends_with(after))
    return {};
  path.remove_prefix(before.size());
  path.remove_suffix(after.size());
  return path.find('/') == std::string_view::npos ? path : std::string_view();
}

}  // namespace

Request::Request(HttpServer& server, MHD_Connection* connection, std::string_view path,
                 std::string_view method)
    : server_(server), connection_(connection), path_(path), method_(method) {
  const char* cookie = MHD_lookup_connection_value(connection, MHD_COOKIE_KIND, BackEnds::cookie);
  back_end_ = server.bank().back_ends().place(cookie != nullptr ? cookie : "");
  if (server.options().protocols.tus && TusCall::takes(path)) {
    call_ = &tus_.emplace(server.bank(), server.options().tus, head(), back_end_.number);
    decide_on_fault(/*complete=*/true);
    // A front server responds even if the Data Bank behind it does not run.
    bool token_checked = true;
    if (!struck_by(FaultKind::front)) {
      thread_ = server.threads().take();
      token_checked = server.threads().take_second();
    }
    tus_->begin(token_checked);
    return;
  }
  thread_ = server.threads().take();
  const std::string_view key = dataset_key(path);
  if (key.empty()) {
    other_answer_ = Answer{404, "Not Found\n", "text/plain"};
  } else if (method != MHD_HTTP_METHOD_POST) {
    other_answer_ = Answer{405, "Method Not Allowed\n", "text/plain", {{"Allow", "POST"}}};
  } else {
    const char* authorization =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION);
    call_ = &datafile_.emplace(
        server.bank(), server.options().protocols, key,
        authorization != nullptr ? std::optional<std::string_view>(authorization) : std::nullopt,
        back_end_.number);
    // Null if the body is no form: the call then has no fields.
    form_ = MHD_create_post_processor(connection, form_buffer, &Request::form_field, this);
  }
}

Request::~Request() {
  if (form_ != nullptr) MHD_destroy_post_processor(form_);
}

RequestHead Request::head() const {
  RequestHead head{method_, path_, {}};
  const auto add = [](void* self, enum MHD_ValueKind, const char* name, const char* value) {
    static_cast<RequestHead*>(self)->headers.emplace_back(name, value != nullptr ? value : "");
    return MHD_YES;
  };
  MHD_get_connection_values(connection_, MHD_HEADER_KIND, add, &head);
  return head;
}

bool Request::body(const char* data, std::size_t size) {
  if (tus_) {
    // Keep exactly the bytes before the reset.
    const std::size_t wanted = struck_by(FaultKind::reset_mid_body)
                                   ? static_cast<std::size_t>(std::min<std::uint64_t>(
                                         size, reset_at_ - std::min(reset_at_, body_size_)))
                                   : size;
    tus_->body(std::as_bytes(std::span(data, wanted)));
  }
  body_size_ += size;
  if (form_ != nullptr && MHD_post_process(form_, data, size) != MHD_YES) malformed_form();
  if (struck_by(FaultKind::reset_mid_body) && body_size_ >= reset_at_) {
    count_strike();
    if (tus_) tus_->break_off();
    reset(socket());
    return false;
  }
  keep_rate();
  if (body_has_paused()) {
    count_strike();
    const Answer answer{408, "408 Request Timeout\n"};
    log(answer);
    if (tus_) tus_->break_off();
    answer_and_end(socket(), fmt::format("HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n"
                                         "Content-Type: text/plain\r\nContent-Length: {}\r\n\r\n{}",
                                         answer.body.size(), answer.body));
    return false;
  }
  return true;
}

MHD_Result Request::finish() {
  if (other_answer_) {
    strike_ = server_.faults().decide_other();
    if (strike_) {
      count_strike();
      other_answer_ = front_page(strike_->fault.status);
    }
    log(*other_answer_);
    return send(*other_answer_);
  }
  end_form();
  decide_on_fault(/*complete=*/true);
  return strike_ ? finish_struck() : send(process());
}

MHD_Result Request::form_field(void* self, enum MHD_ValueKind, const char* key,
                               const char* filename, const char*, const char*, const char* data,
                               std::uint64_t offset, std::size_t size) {
  try {
    if (key != nullptr)
      static_cast<Request*>(self)->field(key, {data, size}, offset,
                                         filename != nullptr ? filename : "");
    return MHD_YES;
  } catch (const std::exception& bug) {
    log_line(fmt::format("internal error: {}", bug.what()));
    return MHD_NO;
  }
}

void Request::field(std::string_view name, std::string_view data, std::uint64_t offset,
                    std::string_view file) {
  if (!file.empty() && offset == 0 && (name == "bytechunk" || name == "binary")) {
    datafile_->payload_begins(name);
    decide_on_fault(/*complete=*/false);
  }
  datafile_->field(name, data, offset, file);
}

void Request::malformed_form() {
  datafile_->mark_malformed();
  MHD_destroy_post_processor(std::exchange(form_, nullptr));
}

void Request::end_form() {
  // At the end, the parser detects a missing last boundary, and returns the last urlencoded field.
  if (form_ != nullptr && MHD_destroy_post_processor(std::exchange(form_, nullptr)) != MHD_YES)
    datafile_->mark_malformed();
}

Answer Request::process() {
  Answer answer = call_->finish(server_.url());
  log(answer);
  return answer;
}

MHD_Result Request::send(const Answer& answer) {
  return send(answer, MHD_create_response_from_buffer(answer.body.size(),
                                                      const_cast<char*>(answer.body.data()),
                                                      MHD_RESPMEM_MUST_COPY));
}

/// `response` has the body; may be null.
MHD_Result Request::send(const Answer& answer, MHD_Response* response) {
  if (response == nullptr) return MHD_NO;
  thread_ = {};  // free the thread before the client sees the response
  if (!answer.content_type.empty())
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer.content_type.c_str());
  for (const auto& [name, value] : answer.headers)
    MHD_add_response_header(response, name.c_str(), value.c_str());
  if (back_end_.is_new && !answer.from_front) {
    MHD_add_response_header(
        response, MHD_HTTP_HEADER_SET_COOKIE,
        fmt::format("{}={}; Path=/", BackEnds::cookie, back_end_.number).c_str());
  }
  if (answer.status == 401 && datafile_ && !answer.from_front)
    MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE,
                            "Token realm=\"Application\"");
  if (answer.status == 429 || answer.status == 503)
    MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, "1");
  const MHD_Result queued = MHD_queue_response(connection_, answer.status, response);
  MHD_destroy_response(response);
  return queued;
}

/// A response without a body can be broken off only inside its head.
MHD_Result Request::break_off(const Answer& answer) {
  const std::string head = fmt::format("HTTP/1.1 {} {}\r\nTus-Resum", answer.status,
                                       MHD_get_reason_phrase_for(answer.status));
  send_now(socket(), head);
  wait_until_received(socket());
  reset(socket());
  return MHD_NO;
}

// --- Faults

/// Decides once for each request, as soon as its step is known, because some faults act during the
/// payload.
void Request::decide_on_fault(bool complete) {
  if (decided_) return;
  const std::optional<Step> step = call_->step(complete);
  if (!step && !complete) return;
  decided_ = true;
  strike_ = server_.faults().decide(step);
  if (!strike_) return;
  call_->strike(*strike_);
  if (struck_by(FaultKind::reset_mid_body)) {
    reset_at_ = place_inside(content_length(), strike_->random);
  } else if (struck_by(FaultKind::slow)) {
    count_strike();
  } else if (struck_by(FaultKind::expire_token) && call_->dataset() != nullptr) {
    call_->dataset()->token().expire();
    count_strike();
  }
}

/// Returns the response of FaultKind::status.
Answer Request::status_answer(const Fault& fault) const {
  if (fault.text.empty()) {
    return {fault.status,
            fmt::format("{} {}\n", fault.status, MHD_get_reason_phrase_for(fault.status)),
            "text/plain"};
  }
  Answer answer{fault.status, fault.text + "\n"};
  if (tus_) {
    answer.content_type = "text/plain";
    answer.headers.emplace_back("Tus-Resumable", "1.0.0");
  }
  return answer;
}

/// Ends a request that a fault strikes.
MHD_Result Request::finish_struck() {
  // tail_timeout did not strike if the body arrived without a pause.
  if (!struck_by(FaultKind::tail_timeout)) count_strike();
  switch (strike_->fault.kind) {
    case FaultKind::lose_request:
      return MHD_NO;
    case FaultKind::stall:
      wait_until_gone(socket());
      return MHD_NO;
    case FaultKind::reset_mid_body:  // the request had no payload
      reset(socket());
      return MHD_NO;
    case FaultKind::status: {
      const Answer answer = status_answer(strike_->fault);
      log(answer);
      return send(answer);
    }
    case FaultKind::answer: {
      (void)process();
      return send(front_page(strike_->fault.status));
    }
    case FaultKind::front: {
      const Answer answer = front_page(strike_->fault.status);
      log(answer);
      return send(answer);
    }
    case FaultKind::lose_response:
    case FaultKind::partial_append:
      (void)process();
      return MHD_NO;
    case FaultKind::reset_mid_response: {
      const Answer answer = process();
      if (answer.body.empty() || method_ == MHD_HTTP_METHOD_HEAD) return break_off(answer);
      const std::uint64_t length = place_inside(answer.body.size(), strike_->random);
      return send(answer, broken_off_response(socket(), answer.body, length));
    }
    case FaultKind::garbage_body: {
      const unsigned status = process().status;
      // 204 has no body.
      return send({status == 204 ? 200 : status, garbage(strike_->random)});
    }
    case FaultKind::gzip: {
      Answer answer = process();
      if (!answer.body.empty()) {
        answer.body = gzipped(answer.body);
        answer.headers.emplace_back("Content-Encoding", "gzip");
      }
      return send(answer);
    }
    case FaultKind::two_locations: {
      Answer answer = process();
      for (std::size_t i = answer.headers.size(); i > 0; --i) {
        const auto [name, value] = answer.headers[i - 1];
        if (name == "Location") answer.headers.emplace_back(name, value + "0");
      }
      return send(answer);
    }
    case FaultKind::huge_body:
      (void)process();
      return send({200, {}}, huge_response());
    case FaultKind::forget_staging:
      if (datafile_ && call_->dataset() != nullptr) {
        if (const auto forgotten = call_->dataset()->forget_staged(); !forgotten)
          log_line(forgotten.error().message);
      }
      break;
    case FaultKind::slow:
      keep_rate();
      break;
    case FaultKind::expire_token:
    case FaultKind::tail_timeout:
    case FaultKind::expire:
    case FaultKind::locked:
    case FaultKind::checksum:
    case FaultKind::stuck:
    case FaultKind::short_append:
      break;
  }
  return send(process());
}

void Request::count_strike() {
  if (std::exchange(counted_, true)) return;
  server_.faults().count(*strike_);
  if (server_.log() != HttpServer::Log::requests) return;
  const std::optional<Step> step = call_ != nullptr ? call_->step(/*complete=*/true) : std::nullopt;
  log_line(fmt::format("fault {}: {} {}, after {} bytes of the body", strike_->fault.name,
                       step ? to_string(*step) : "other request",
                       quoted(call_ != nullptr ? call_->subject() : path_),
                       struck_by(FaultKind::reset_mid_body) ? reset_at_ : body_size_));
}

/// Waits until body_size_ bytes are due at the rate of FaultKind::slow.
void Request::keep_rate() const {
  if (!struck_by(FaultKind::slow)) return;
  constexpr double longest = 1e9;  // seconds: the limit of the clock
  const std::chrono::duration<double> due(std::min(
      static_cast<double>(body_size_) / static_cast<double>(strike_->fault.rate), longest));
  wait_until_gone(socket(), begun_ + std::chrono::duration_cast<Clock::duration>(due));
}

/// Returns whether the body has paused for longer than the time of FaultKind::tail_timeout.
/// libmicrohttpd has delivered everything that the socket had, so the missing bytes have not
/// arrived.
bool Request::body_has_paused() const {
  return struck_by(FaultKind::tail_timeout) && body_size_ < content_length() &&
         !wait_until_readable(socket(), strike_->fault.time);
}

/// Returns the Content-Length; 0 without one.
std::uint64_t Request::content_length() const {
  const char* text =
      MHD_lookup_connection_value(connection_, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : 0;
}

int Request::socket() const {
  return MHD_get_connection_info(connection_, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

// --- Log

void Request::log(const Answer& answer) const {
  if (call_ != nullptr && call_->registered() && server_.log() != HttpServer::Log::quiet) {
    const Registration& file = *call_->registered();
    log_line(fmt::format("registered {} in {}, {} bytes, xxh128 {}", quoted(file.name),
                         file.dataset, file.size, file.xxh128.empty() ? "unknown" : file.xxh128));
  }
  if (server_.log() != HttpServer::Log::requests) return;
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begun_;
  std::string what;
  if (const auto step = call_ != nullptr ? call_->step(true) : std::nullopt)
    what = fmt::format(" {} {}", to_string(*step), quoted(call_->subject()));
  log_line(fmt::format("{} {}{}: {} bytes in {:.3f} s, {} {}", quoted(method_), quoted(path_), what,
                       body_size_, taken.count(), answer.status,
                       answer.secret ? "withheld" : quoted(answer.body)));
}

}  // namespace sluice::databankd
