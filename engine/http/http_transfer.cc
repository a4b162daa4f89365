#include "engine/http/http_transfer.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <new>
#include <stdexcept>
#include <utility>

#include "engine/base/clock.h"
#include "engine/base/text.h"
#include "engine/http/refused_issuer.h"
#include "engine/http/tcp_options.h"

namespace sluice {
namespace {

/// The bytes that curl collects from a RequestBody before it writes to the socket. curl's default
/// of 64 KiB costs a poll() and a send() for each; the maximum of 2 MiB does not fit in a 1 MiB
/// second-level cache.
constexpr long upload_buffer_bytes = 512 * 1024;
/// The same for TLS, which encrypts 16 KiB of the buffer at a time: 1.16 CPU seconds per GiB with
/// 64 KiB, 1.33 with 512 KiB.
constexpr long tls_upload_buffer_bytes = 64 * 1024;
/// curl's minimum, for small bodies.
constexpr long least_upload_buffer_bytes = 16 * 1024;

/// The longest idle time, in seconds, of a connection for a request that is not safe to retry.
/// Servers keep idle connections for 5 s or longer.
constexpr long recent_s = 1;

long ip_resolve(NetworkOptions::Family family) {
  switch (family) {
    case NetworkOptions::Family::ipv4:
      return CURL_IPRESOLVE_V4;
    case NetworkOptions::Family::ipv6:
      return CURL_IPRESOLVE_V6;
    case NetworkOptions::Family::any:
      break;
  }
  return CURL_IPRESOLVE_WHATEVER;
}

/// Whether libcurl uses OpenSSL; other builds use other TLS libraries.
bool curl_has_openssl() {
  const char* const library = curl_version_info(CURLVERSION_NOW)->ssl_version;
  return library != nullptr && std::string_view(library).starts_with("OpenSSL");
}

/// Sets an option of `easy`. Throws std::runtime_error.
template <class Value>
void set(CURL* easy, CURLoption option, Value value) {
  // The call fails only if this libcurl lacks the option or memory is exhausted.
  if (const CURLcode code = curl_easy_setopt(easy, option, value); code != CURLE_OK)
    throw std::runtime_error(fmt::format("curl_easy_setopt({}): {}", static_cast<int>(option),
                                         curl_easy_strerror(code)));
}

/// Returns `text` without white space at both ends.
std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blank = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(blank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blank) - begin + 1);
}

/// Whether `fd` is one of the last descriptors that the limit allows, which are reserved for files:
/// a connection can wait for others, but a receipt or a certificate must be opened at once.
bool is_kept_for_files(int fd) {
  constexpr rlim_t most_kept = 4;
  rlimit limit{};
  if (fd < 0 || ::getrlimit(RLIMIT_NOFILE, &limit) != 0) return false;
  const rlim_t kept = std::min(limit.rlim_cur / 16, most_kept);
  return static_cast<rlim_t>(fd) >= limit.rlim_cur - kept;
}

}  // namespace

HttpTransfer::HttpTransfer(Common& common, HttpOrigin& origin, Transport::ExchangeId id,
                           const Exchange& exchange, Easy easy)
    : common_(common), origin_(origin), id_(id), exchange_(exchange), easy_(std::move(easy)) {
  set_up();
}

HttpTransfer::Easy HttpTransfer::release() {
  curl_easy_setopt(easy_.get(), CURLOPT_HTTPHEADER, nullptr);
  // curl_easy_reset() drops the list of cookie files without freeing it.
  curl_easy_setopt(easy_.get(), CURLOPT_COOKIEFILE, nullptr);
  return std::move(easy_);
}

void HttpTransfer::resume() {
  if (std::exchange(try_.starved, false)) curl_easy_pause(easy_.get(), CURLPAUSE_CONT);
}

void HttpTransfer::unthrottle() {
  if (std::exchange(try_.throttled, false)) curl_easy_pause(easy_.get(), CURLPAUSE_CONT);
}

void HttpTransfer::start_over() {
  try_ = {};
  set(easy_.get(), CURLOPT_FRESH_CONNECT, 1L);
}

void HttpTransfer::set_up() {
  CURL* const easy = easy_.get();
  for (const std::string& header : exchange_.headers) add_header(header);
  // An empty header disables 100-continue: curl would send Expect and wait up to a second for the
  // response.
  add_header("Expect:");

  set(easy, CURLOPT_URL, exchange_.url.c_str());
  set(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  set(easy, CURLOPT_FOLLOWLOCATION, 0L);
  set(easy, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  // The proxy is already chosen. Without CURLOPT_NOPROXY, curl would read the environment again.
  set(easy, CURLOPT_PROXY, origin_.proxy.url.c_str());
  set(easy, CURLOPT_NOPROXY, "");
  const Trust& trust = common_.options.trust;
  // The certificate of an https:// proxy is verified with the same authorities: curl has separate
  // options for it, and would use only the system's authorities.
  for (const auto& [value, options] :
       {std::pair(&trust.file, std::array{CURLOPT_CAINFO, CURLOPT_PROXY_CAINFO}),
        std::pair(&trust.directory, std::array{CURLOPT_CAPATH, CURLOPT_PROXY_CAPATH})})
    for (const CURLoption option : options)
      if (!value->empty() || trust.alone)
        set(easy, option, value->empty() ? nullptr : value->c_str());
  set(easy, CURLOPT_IPRESOLVE, ip_resolve(common_.options.network.family));
  // Requests no compression; without this option, curl does not decompress the responses that
  // reverse proxies compress anyway.
  set(easy, CURLOPT_ACCEPT_ENCODING, "identity");
  set(easy, CURLOPT_COOKIEFILE, "");  // enables cookies, in memory
  // HTTP/2 uploads busy-loop in curl 7.88.
  set(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(easy, CURLOPT_NOSIGNAL, 1L);
  set(easy, CURLOPT_CONNECTTIMEOUT, static_cast<long>(common_.options.connect_timeout.count()));
  set(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  using Connection = Request::Connection;
  const bool is_new = exchange_.connection == Connection::own ||
                      (exchange_.connection == Connection::fresh && common_.limits->fresh &&
                       common_.limits->fresh->take(steady_now()));
  set(easy, CURLOPT_FRESH_CONNECT, is_new ? 1L : 0L);
  if (exchange_.connection != Connection::any) set(easy, CURLOPT_MAXAGE_CONN, recent_s);
  set(easy, CURLOPT_SHARE, origin_.share.get());
  set(easy, CURLOPT_OPENSOCKETFUNCTION, &HttpTransfer::on_open_socket);
  set(easy, CURLOPT_OPENSOCKETDATA, this);
  set(easy, CURLOPT_CLOSESOCKETFUNCTION, &HttpTransfer::on_close_socket);
  set(easy, CURLOPT_CLOSESOCKETDATA, &common_);
  if (curl_has_openssl()) {
    set(easy, CURLOPT_SSL_CTX_FUNCTION, &HttpTransfer::on_tls);
    set(easy, CURLOPT_SSL_CTX_DATA, this);
  }
  const long most =
      exchange_.url.starts_with("https:") ? tls_upload_buffer_bytes : upload_buffer_bytes;
  set(easy, CURLOPT_UPLOAD_BUFFERSIZE,
      exchange_.body_size < static_cast<std::uint64_t>(most) ? least_upload_buffer_bytes : most);
  set(easy, CURLOPT_USERAGENT, "sluice");
  set(easy, CURLOPT_HTTPHEADER, headers_.get());
  set(easy, CURLOPT_ERRORBUFFER, error_.data());
  set(easy, CURLOPT_PRIVATE, this);
  set(easy, CURLOPT_CERTINFO, exchange_.certificate ? 1L : 0L);

  set_method();
  set(easy, CURLOPT_WRITEFUNCTION, &HttpTransfer::on_write);
  set(easy, CURLOPT_WRITEDATA, this);
  set(easy, CURLOPT_HEADERFUNCTION, &HttpTransfer::on_header);
  set(easy, CURLOPT_HEADERDATA, this);
}

void HttpTransfer::set_method() {
  using Method = Request::Method;
  CURL* const easy = easy_.get();
  switch (exchange_.method) {
    case Method::head:
      set(easy, CURLOPT_NOBODY, 1L);
      return;
    case Method::options:
      set(easy, CURLOPT_CUSTOMREQUEST, "OPTIONS");
      return;
    case Method::del:
      set(easy, CURLOPT_CUSTOMREQUEST, "DELETE");
      return;
    case Method::patch:
      set(easy, CURLOPT_CUSTOMREQUEST, "PATCH");
      break;
    case Method::post:
      break;
  }
  set(easy, CURLOPT_POST, 1L);
  set(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(exchange_.body_size));
  if (exchange_.body == nullptr) {
    set(easy, CURLOPT_POSTFIELDS, "");
    return;
  }
  set(easy, CURLOPT_READFUNCTION, &HttpTransfer::on_read);
  set(easy, CURLOPT_READDATA, this);
  set(easy, CURLOPT_SEEKFUNCTION, &HttpTransfer::on_seek);
  set(easy, CURLOPT_SEEKDATA, this);
}

void HttpTransfer::add_header(const std::string& header) {
  curl_slist* const longer = curl_slist_append(headers_.get(), header.c_str());
  if (longer == nullptr) throw std::bad_alloc();
  static_cast<void>(headers_.release());  // `longer` contains the old list
  headers_.reset(longer);
}

curl_socket_t HttpTransfer::on_open_socket(void* data, curlsocktype, curl_sockaddr* peer) noexcept {
  HttpTransfer& transfer = *static_cast<HttpTransfer*>(data);
  int fd = ::socket(peer->family, peer->socktype | SOCK_CLOEXEC, peer->protocol);
  transfer.too_many_files_ = fd < 0 && (errno == EMFILE || errno == ENFILE);
  if (is_kept_for_files(fd)) {
    ::close(fd);
    fd = -1;
    transfer.too_many_files_ = true;
  }
  if (fd < 0) return CURL_SOCKET_BAD;
  prepare_to_send_much(fd, peer->addr);
  transfer.common_.sockets.push_back(fd);
  return fd;
}

CURLcode HttpTransfer::on_tls(CURL*, void* context, void* data) noexcept try {
  // The origin outlives its connections; the transfer may not.
  watch_issuer(static_cast<SSL_CTX*>(context),
               static_cast<HttpTransfer*>(data)->origin_.refused_issuer);
  return CURLE_OK;
} catch (const std::bad_alloc&) {
  return CURLE_OUT_OF_MEMORY;
}

int HttpTransfer::on_close_socket(void* common, curl_socket_t fd) noexcept {
  std::erase(static_cast<Common*>(common)->sockets, fd);
  return ::close(fd);
}

std::size_t HttpTransfer::on_read(char* into, std::size_t size, std::size_t count,
                                  void* data) noexcept {
  HttpTransfer& transfer = *static_cast<HttpTransfer*>(data);
  Common& common = transfer.common_;
  const std::uint64_t left = transfer.exchange_.body_size - transfer.try_.passed_to_curl;
  const std::size_t room = static_cast<std::size_t>(std::min<std::uint64_t>(size * count, left));
  if (room == 0) return 0;
  const auto now = steady_now();
  RateLimiter& limiter = common.limits->limiter;
  const std::size_t allowed = limiter.take(room, now);
  if (allowed == 0) {
    transfer.try_.throttled = true;
    transfer.exchange_.body->throttled();
    const auto until = limiter.next(room, now);
    common.throttled_until = std::min(common.throttled_until.value_or(until), until);
    return CURL_READFUNC_PAUSE;
  }
  const RequestBody::Piece piece =
      transfer.exchange_.body->read({reinterpret_cast<std::byte*>(into), allowed});
  switch (piece.next) {
    case RequestBody::Next::bytes:
      limiter.give_back(allowed - piece.size);
      transfer.try_.passed_to_curl += piece.size;
      return piece.size;
    case RequestBody::Next::not_yet:
      limiter.give_back(allowed);
      transfer.try_.starved = true;
      return CURL_READFUNC_PAUSE;
    case RequestBody::Next::failed:
      break;
  }
  transfer.body_failed_ = true;
  return CURL_READFUNC_ABORT;
}

int HttpTransfer::on_seek(void* data, curl_off_t offset, int origin) noexcept {
  HttpTransfer& transfer = *static_cast<HttpTransfer*>(data);
  if (offset != 0 || origin != SEEK_SET || !transfer.exchange_.body->rewind())
    return CURL_SEEKFUNC_FAIL;
  transfer.try_.passed_to_curl = 0;
  return CURL_SEEKFUNC_OK;
}

/// Limits the total size of the headers, because curl limits only a single line, to 100 KB. Detects
/// the empty line at the end of the headers: without that line, curl reports success although the
/// response is incomplete.
std::size_t HttpTransfer::on_header(char* line, std::size_t size, std::size_t count,
                                    void* data) noexcept {
  HttpTransfer& transfer = *static_cast<HttpTransfer*>(data);
  Try& current = transfer.try_;
  const std::size_t length = size * count;
  current.header_bytes += length;
  const std::string_view text(line, length);
  // After an interim response, the headers of another response follow. After a chunked body,
  // trailer lines may follow, which are not headers (RFC 9110, 6.5.1).
  if (text.starts_with("HTTP/")) {
    current.head_ended = false;
    current.answer.headers.clear();
  } else if (length > 0 && (line[0] == '\r' || line[0] == '\n')) {
    current.head_ended = true;
  } else if (!current.head_ended && current.header_bytes <= Transport::kept_header_bytes) {
    transfer.keep_header(text);
  }
  // curl does not end a transfer whose body is paused, even if the response is complete.
  if (current.head_ended && current.starved) transfer.common_.resume(transfer.id_);
  return current.header_bytes > Transport::most_header_bytes ? 0 : length;
}

void HttpTransfer::keep_header(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return;
  try_.answer.headers.emplace_back(lower_case(trimmed(line.substr(0, colon))),
                                   trimmed(line.substr(colon + 1)));
}

std::size_t HttpTransfer::on_write(char* bytes, std::size_t size, std::size_t count,
                                   void* data) noexcept {
  Try& current = static_cast<HttpTransfer*>(data)->try_;
  const std::size_t length = size * count;
  current.answer_bytes += length;
  if (current.answer_bytes > Transport::most_body_bytes) return 0;
  const std::size_t kept =
      std::min(length, Transport::kept_body_bytes - current.answer.body.size());
  current.answer.body.append(bytes, kept);
  if (kept < length) current.answer.truncated = true;
  return length;
}

}  // namespace sluice
