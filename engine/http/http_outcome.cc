// The result of an HttpTransfer: a response, an error, or a timeout.
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <ctime>
#include <string_view>
#include <utility>

#include "engine/base/text.h"
#include "engine/http/curl_failure.h"
#include "engine/http/http_date.h"
#include "engine/http/http_transfer.h"
#include "engine/http/tcp_info.h"

namespace sluice {
namespace {

curl_off_t get_offset(CURL* easy, CURLINFO info) {
  curl_off_t value = 0;
  curl_easy_getinfo(easy, info, &value);
  return value;
}

long get_long(CURL* easy, CURLINFO info) {
  long value = 0;
  curl_easy_getinfo(easy, info, &value);
  return value;
}

/// Returns the kernel's data about the transfer's connection; nothing if the connection is closed.
std::optional<Answer::Network> last_network(CURL* easy) {
  curl_socket_t socket = CURL_SOCKET_BAD;
  if (curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &socket) != CURLE_OK) return {};
  return network_of(socket);
}

/// Returns the local port of the socket `fd`; 0 for none.
long local_port(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  in_port_t port = 0;
  if (address.ss_family == AF_INET)
    port = reinterpret_cast<const sockaddr_in&>(address).sin_port;
  else if (address.ss_family == AF_INET6)
    port = reinterpret_cast<const sockaddr_in6&>(address).sin6_port;
  return ntohs(port);
}

/// Returns the data of the server's certificate; nothing without TLS.
std::optional<ServerCertificate> certificate(CURL* easy) {
  curl_certinfo* chain = nullptr;
  if (curl_easy_getinfo(easy, CURLINFO_CERTINFO, &chain) != CURLE_OK || chain == nullptr ||
      chain->num_of_certs < 1)
    return {};
  constexpr std::string_view expiry = "Expire date:";
  constexpr std::string_view issuer = "Issuer:";
  constexpr std::size_t most_shown = 300;
  ServerCertificate found;
  for (const curl_slist* line = chain->certinfo[0]; line != nullptr; line = line->next) {
    const std::string_view text = line->data;
    if (text.starts_with(expiry)) {
      const std::time_t ends = curl_getdate(line->data + expiry.size(), nullptr);
      if (ends != -1) found.ends = time_of(ends);
    } else if (text.starts_with(issuer)) {
      found.issuer = printable(shortened(std::string(text.substr(issuer.size())), most_shown));
    }
  }
  return found;
}

/// Returns the Retry-After of the response, at most a year; nothing if the header is missing or its
/// date has passed. curl parses both forms, seconds and dates, and returns 0 in these cases.
std::optional<std::chrono::seconds> retry_after(CURL* easy) {
  const curl_off_t seconds = get_offset(easy, CURLINFO_RETRY_AFTER);
  if (seconds <= 0) return {};
  return std::chrono::seconds(std::min<curl_off_t>(seconds, 86400 * 365));
}

}  // namespace

bool HttpTransfer::met_a_dead_connection(CURLcode code) const {
  CURL* const easy = easy_.get();
  return (code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR || code == CURLE_GOT_NOTHING) &&
         !body_failed_ && get_long(easy, CURLINFO_NUM_CONNECTS) == 0 &&
         get_long(easy, CURLINFO_RESPONSE_CODE) == 0;
}

Result<Answer> HttpTransfer::outcome(CURLcode code) {
  CURL* const easy = easy_.get();
  Answer& answer = try_.answer;
  answer.status = static_cast<int>(get_long(easy, CURLINFO_RESPONSE_CODE));
  if (answer.status >= 200) origin_.reached = true;
  if (body_failed_) return Error{ErrorKind::failed, "cannot produce the body of the request", code};
  if (code == CURLE_WRITE_ERROR && try_.answer_bytes > Transport::most_body_bytes)
    return Error{ErrorKind::failed,
                 fmt::format("the server's response (HTTP {}) is longer than {} bytes, so the "
                             "server is probably not a Data Bank; check the URL",
                             answer.status, Transport::most_body_bytes),
                 answer.status, true};
  if (code == CURLE_WRITE_ERROR && try_.header_bytes > Transport::most_header_bytes)
    return Error{ErrorKind::failed,
                 fmt::format("the headers of the server's response are longer than {} bytes, so "
                             "the server is probably not a Data Bank; check the URL",
                             Transport::most_header_bytes),
                 answer.status, true};
  answer.retry_after = retry_after(easy);
  answer.network = last_network(easy);
  if (exchange_.certificate) answer.certificate = certificate(easy);
  // A body that cannot be decompressed does not invalidate the status and the headers. curl returns
  // CURLE_WRITE_ERROR for bytes after the end of a compressed body; the errors of on_write() were
  // handled above.
  if ((code == CURLE_BAD_CONTENT_ENCODING || code == CURLE_WRITE_ERROR) && answer.status >= 200 &&
      try_.head_ended) {
    answer.truncated = true;
    code = CURLE_OK;
  }
  const bool broke_off = code == CURLE_OK && answer.status >= 200 && !try_.head_ended;
  if (code != CURLE_OK || broke_off) {
    // A response with an error status is valid even if the connection broke after it: servers that
    // refuse a body close the connection.
    if (answer.status >= 400) {
      answer.truncated = true;
      return std::move(answer);
    }
    if (broke_off)
      return Error{ErrorKind::unreachable,
                   "the connection closed within the headers of the response", CURLE_PARTIAL_FILE,
                   true};
    return failure(code);
  }
  // curl returns CURLE_OK for a reused connection that closed without a response.
  if (answer.status < 200)
    return Error{ErrorKind::unreachable, "the server closed the connection without a response",
                 CURLE_GOT_NOTHING, true};
  if (answer.status < 300 && try_.passed_to_curl < exchange_.body_size)
    return Error{ErrorKind::unreachable,
                 fmt::format("the server sent HTTP {} before it had received the whole request",
                             answer.status),
                 CURLE_SEND_ERROR, true};
  return std::move(answer);
}

Error HttpTransfer::failure(CURLcode code) const {
  CURL* const easy = easy_.get();
  const auto asks = try_.answer.header("proxy-authenticate");
  const CurlVerdict verdict =
      judge({.code = code,
             .text = error_.data(),
             .address = origin_.address,
             .reached = origin_.reached,
             .kept_connection = get_long(easy, CURLINFO_NUM_CONNECTS) == 0,
             .too_many_files = code == CURLE_COULDNT_CONNECT && too_many_files_,
             .proxy_status = static_cast<int>(get_long(easy, CURLINFO_HTTP_CONNECTCODE)),
             .proxy_asks = std::string(asks.value_or("")),
             .proxy_error = static_cast<CURLproxycode>(get_long(easy, CURLINFO_PROXY_ERROR)),
             .verify_result = get_long(easy, CURLINFO_SSL_VERIFYRESULT),
             .proxy_verify_result = get_long(easy, CURLINFO_PROXY_SSL_VERIFYRESULT),
             .issuer = origin_.refused_issuer,
             .family = common_.options.network.family,
             .proxy = origin_.proxy,
             .trust = common_.options.trust});
  return with({ErrorKind::unreachable, verdict.message, code}, verdict.persistence);
}

std::optional<Answer::Network> HttpTransfer::network() const {
  // curl 7.88 reports a transfer's socket only after its end, but its local port at any time.
  const long port = get_long(easy_.get(), CURLINFO_LOCAL_PORT);
  if (port <= 0) return {};
  for (const int fd : common_.sockets)
    if (local_port(fd) == port) return network_of(fd);
  return {};
}

std::optional<Error> HttpTransfer::stalled(Clock::time_point now) {
  CURL* const easy = easy_.get();
  const curl_off_t sent = get_offset(easy, CURLINFO_SIZE_UPLOAD_T);
  // Only sent bytes count as progress: a server that sends its response byte by byte counts as a
  // server that does not respond.
  const long head = get_long(easy, CURLINFO_REQUEST_SIZE);
  const curl_off_t moved = sent + head;
  if (moved != try_.moved || try_.starved || try_.throttled) {
    try_.moved = moved;
    try_.moved_at = now;
    return {};
  }
  // Without a sent request head there is no connection, so nothing is sent, however short the body
  // is.
  const bool all_sent = head > 0 && static_cast<std::uint64_t>(sent) >= exchange_.body_size;
  const auto limit = all_sent ? exchange_.response_timeout : common_.options.stall_timeout;
  if (now - try_.moved_at < limit) return {};
  return Error{ErrorKind::unreachable,
               all_sent
                   ? fmt::format("timed out: the server sent no response for {} s", limit.count())
                   : fmt::format("timed out: no byte could be sent for {} s", limit.count()),
               all_sent ? Transport::unanswered : static_cast<int>(CURLE_OPERATION_TIMEDOUT), true};
}

}  // namespace sluice
