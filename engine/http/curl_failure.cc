#include "engine/http/curl_failure.h"

#include <fmt/format.h>
#include <openssl/sslerr.h>
#include <openssl/x509_vfy.h>

#include <charconv>
#include <utility>

#include "engine/base/text.h"

namespace sluice {
namespace {

/// Returns the persistence of an error that a retry does not correct, unless the server has worked
/// before.
Persistence permanent_unless_reached(const CurlFailure& failure) {
  return failure.reached ? Persistence::few_tries : Persistence::permanent;
}

/// Why a TLS handshake failed.
enum class Tls {
  broken,          ///< an error of the network, or of a server with a transient fault
  other,           ///< unknown cause; server configurations vary
  none,            ///< the peer does not speak TLS
  too_old,         ///< no common TLS version
  no_cipher,       ///< no cipher, key or signature that both peers accept
  no_certificate,  ///< the server requires a client certificate
  unknown_name,    ///< the server does not know the host name
};

/// Returns the cause for an OpenSSL reason code (SSL_R_*).
Tls sort_of(int reason) {
  switch (reason) {
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
      return Tls::none;
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_UNSUPPORTED_SSL_VERSION:
    case SSL_R_WRONG_SSL_VERSION:
    case SSL_R_NO_PROTOCOLS_AVAILABLE:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
    case SSL_R_LEGACY_SIGALG_DISALLOWED_OR_UNSUPPORTED:  // the only kind before TLS 1.2
      return Tls::too_old;
    case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
    case SSL_R_TLSV1_ALERT_INSUFFICIENT_SECURITY:
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_CIPHERS_AVAILABLE:
    case SSL_R_WRONG_CIPHER_RETURNED:
    case SSL_R_DH_KEY_TOO_SMALL:
    case SSL_R_EE_KEY_TOO_SMALL:
    case SSL_R_UNSAFE_LEGACY_RENEGOTIATION_DISABLED:
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
    case SSL_R_WRONG_SIGNATURE_TYPE:
      return Tls::no_cipher;
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
      return Tls::no_certificate;
    case SSL_R_TLSV1_UNRECOGNIZED_NAME:
      return Tls::unknown_name;
    case SSL_R_UNEXPECTED_EOF_WHILE_READING:
    case SSL_R_TLSV1_ALERT_INTERNAL_ERROR:
    case SSL_R_TLSV1_ALERT_USER_CANCELLED:
    case SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC:
    case SSL_R_SSLV3_ALERT_BAD_RECORD_MAC:
    case SSL_R_TLSV1_ALERT_DECODE_ERROR:
    case SSL_R_TLSV1_ALERT_DECRYPT_ERROR:
    case SSL_R_TLSV1_ALERT_RECORD_OVERFLOW:
      return Tls::broken;
    default:
      return Tls::other;
  }
}

/// Returns the name of the peer whose TLS handshake failed, for messages.
std::string tls_peer(const CurlFailure& failure) {
  return failure.at_proxy() ? failure.proxy.name() : "the server at " + failure.address;
}

/// Returns who can correct the peer's configuration, for messages.
std::string tls_administrators(const CurlFailure& failure) {
  return failure.at_proxy() ? "the administrators of the proxy"
                            : "the administrators of the Data Bank";
}

/// Returns the setting that contains the peer's host name, for messages.
std::string place_of_host(const CurlFailure& failure) {
  return failure.at_proxy() ? failure.proxy.source : "the URL";
}

/// Returns what failed and what the user can do; nothing for a cause that retries can correct.
std::optional<std::string> tls_advice(const CurlFailure& failure, Tls sort) {
  switch (sort) {
    case Tls::none:
      return fmt::format("{} does not speak TLS; check {} (https:// or http://) and the port",
                         tls_peer(failure), place_of_host(failure));
    case Tls::too_old:
      return fmt::format(
          "{} and this machine have no TLS version in common (this machine usually requires TLS "
          "1.2); tell {}",
          tls_peer(failure), tls_administrators(failure));
    case Tls::no_cipher:
      return fmt::format("{} and this machine have no TLS cipher in common; tell {}",
                         tls_peer(failure), tls_administrators(failure));
    case Tls::no_certificate:
      return fmt::format(
          "{} requires a client certificate, and sluice has none; check {}, or ask {}",
          tls_peer(failure), place_of_host(failure), tls_administrators(failure));
    case Tls::unknown_name:
      return fmt::format("{} does not know this host name; check {}", tls_peer(failure),
                         place_of_host(failure));
    case Tls::broken:
    case Tls::other:
      break;
  }
  return {};
}

/// Returns what the user can do about a rejected certificate.
std::string certificate_advice(const CurlFailure& failure) {
  const bool at_proxy = failure.at_proxy();
  switch (at_proxy ? failure.proxy_verify_result : failure.verify_result) {
    case X509_V_ERR_CERT_NOT_YET_VALID:
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return fmt::format("check this machine's clock, or tell {}", tls_administrators(failure));
    case X509_V_OK:               // curl compares the name itself, OpenSSL then
    case X509_V_ERR_UNSPECIFIED:  // reports one of these
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return fmt::format("check the host name in {}", place_of_host(failure));
    default:
      return fmt::format(
          "{}sluice trusts {}; if {} uses another authority, pass that authority's certificate "
          "with "
          "--ca-file or SSL_CERT_FILE",
          failure.issuer.empty()
              ? ""
              : fmt::format("the certificate is issued by '{}', and ", failure.issuer),
          failure.trust.name(),
          at_proxy ? failure.proxy.name()
          : failure.proxy.url.empty()
              ? "the server, or a firewall that inspects TLS,"
              : fmt::format("the server, or {}, if it inspects TLS,", failure.proxy.name()));
  }
}

/// Returns the verdict for a CONNECT request that the proxy refused or could not perform.
CurlVerdict judge_connect(const CurlFailure& failure) {
  const int status = failure.proxy_status;
  const std::string what =
      fmt::format("{} answered CONNECT {} with HTTP {}", failure.proxy.name(),
                  failure.address.substr(failure.address.find("//") + 2), status);
  if (status == 407) {
    const bool given = failure.proxy.url.find('@') != std::string::npos;
    return {
        fmt::format("{}: the proxy {}{}; {} {}: http://USER:PASSWORD@HOST:PORT, with special "
                    "characters as %XX",
                    what,
                    given ? "does not accept the user name and the password that it was given"
                          : "requires a user name and a password",
                    failure.proxy_asks.empty()
                        ? ""
                        : fmt::format(" ({})", quote_server_text(failure.proxy_asks)),
                    given ? "correct them in" : "set them in", failure.proxy.place_of_password()),
        permanent_unless_reached(failure)};
  }
  if (status >= 500 && status != 501)
    return {
        fmt::format(
            "{}: the proxy cannot reach the server; check the host name in the URL, and whether "
            "the server runs",
            what),
        Persistence::transient};
  if (status == 408 || status == 429) return {what, Persistence::transient};
  return {
      fmt::format("{}: the proxy denies this connection; ask the administrators of the proxy to "
                  "allow it, or add the server's host to no_proxy if no proxy is needed",
                  what),
      permanent_unless_reached(failure)};
}

/// Returns the part of a message that says which address family is excluded; empty if none is.
const char* family_hint(const CurlFailure& failure) {
  switch (failure.family) {
    case NetworkOptions::Family::ipv4:
      return "; only IPv4 addresses are tried (--ipv4)";
    case NetworkOptions::Family::ipv6:
      return "; only IPv6 addresses are tried (--ipv6)";
    case NetworkOptions::Family::any:
      break;
  }
  return "";
}

/// Whether a SOCKS proxy refuses the request permanently.
bool is_refusal(CURLproxycode code) {
  switch (code) {
    case CURLPX_BAD_VERSION:
    case CURLPX_IDENTD_DIFFER:
    case CURLPX_LONG_HOSTNAME:
    case CURLPX_LONG_PASSWD:
    case CURLPX_LONG_USER:
    case CURLPX_NO_AUTH:
    case CURLPX_REPLY_ADDRESS_TYPE_NOT_SUPPORTED:
    case CURLPX_REPLY_COMMAND_NOT_SUPPORTED:
    case CURLPX_REPLY_NOT_ALLOWED:
    case CURLPX_REQUEST_FAILED:
    case CURLPX_UNKNOWN_MODE:
    case CURLPX_USER_REJECTED:
      return true;
    default:
      return false;
  }
}

/// Returns curl's text, printable and without passwords: curl's texts quote URLs.
std::string safe_text(const CurlFailure& failure) {
  std::string text = failure.text.empty() ? curl_easy_strerror(failure.code) : failure.text;
  if (const std::string& secret = failure.proxy.url; !secret.empty())
    for (std::size_t at = 0; (at = text.find(secret, at)) != std::string::npos;)
      text.replace(at, secret.size(), failure.proxy.shown);
  return printable(without_userinfo(std::move(text)));
}

}  // namespace

std::optional<int> tls_reason(std::string_view text) {
  constexpr std::string_view mark = "error:";
  for (std::size_t at = text.find(mark); at != std::string_view::npos; at = text.find(mark, at)) {
    at += mark.size();
    unsigned long code = 0;
    const char* const end = text.data() + text.size();
    const auto [digits_end, error] = std::from_chars(text.data() + at, end, code, 16);
    // The upper bits are the library; a reason of the operating system has none of them.
    if (error != std::errc() || digits_end - (text.data() + at) != 8 || digits_end == end ||
        *digits_end != ':')
      continue;
    constexpr unsigned long ssl_library = 20;
    if (code >> 23 == ssl_library) return static_cast<int>(code & 0x7FFFFF);
  }
  return {};
}

CurlVerdict judge(const CurlFailure& failure) {
  if (failure.too_many_files)  // curl would report that the server is unreachable
    return {
        "too many open files: this machine cannot open another connection; raise the limit "
        "(ulimit -n), or set smaller --transfers and --lanes"};
  if (failure.proxy_status >= 300) return judge_connect(failure);
  const std::string text = safe_text(failure);
  if (const auto reason = tls_reason(failure.text)) {
    const Tls sort = sort_of(*reason);
    if (const auto advice = tls_advice(failure, sort))
      return {fmt::format("{}: {}", text, *advice), permanent_unless_reached(failure)};
    if (failure.code == CURLE_SSL_CONNECT_ERROR && sort == Tls::other && !failure.reached)
      return {fmt::format("{}: the TLS handshake with {} failed; check {} and the port", text,
                          tls_peer(failure), place_of_host(failure)),
              Persistence::few_tries};
  }
  const bool has_proxy = !failure.proxy.url.empty();
  const std::string proxy_advice = has_proxy ? "; check " + failure.proxy.name() : "";
  // While proxy_status is 0, the proxy has not responded yet.
  const std::string hint =
      failure.reached                          ? ""
      : has_proxy && failure.proxy_status == 0 ? proxy_advice
      : failure.https()
          ? ""
          : "; if the server expects TLS at this port, the URL must start with https://";
  switch (failure.code) {
    case CURLE_COULDNT_RESOLVE_HOST:
      return {fmt::format("{}: no DNS server knows this host name, or none responds; check the "
                          "host name in the URL and this machine's network{}",
                          text, family_hint(failure)),
              failure.reached ? Persistence::transient : Persistence::few_tries};
    case CURLE_COULDNT_RESOLVE_PROXY:
      if (failure.text.starts_with("Unsupported proxy"))
        return {fmt::format("cannot use the proxy in {}: its value is not the URL of a proxy",
                            failure.proxy.source),
                Persistence::permanent};
      return {fmt::format("{}{}{}", text, proxy_advice, family_hint(failure)),
              failure.reached ? Persistence::transient : Persistence::few_tries};
    case CURLE_OPERATION_TIMEDOUT:
      // A plain HTTP server may wait for the rest of what it reads as a request.
      if (failure.https() && !failure.reached && failure.text.starts_with("SSL"))
        return {
            fmt::format("{}: the server at {} does not respond in TLS, but perhaps in plain HTTP; "
                        "check the URL and the port",
                        text, failure.address),
            Persistence::few_tries};
      [[fallthrough]];
    case CURLE_COULDNT_CONNECT:
      return {fmt::format("{}{}{}", text, proxy_advice, family_hint(failure))};
    case CURLE_PROXY:
      return {fmt::format("{}; check {}", text, failure.proxy.name()),
              is_refusal(failure.proxy_error) ? permanent_unless_reached(failure)
                                              : Persistence::transient};
    case CURLE_PEER_FAILED_VERIFICATION:
      return {fmt::format("{}; {}", text, certificate_advice(failure)),
              permanent_unless_reached(failure)};
    case CURLE_SSL_CACERT_BADFILE:
      return {fmt::format("{}; check {}", text, failure.trust.name()), Persistence::permanent};
    case CURLE_UNSUPPORTED_PROTOCOL:
      // On a kept connection, these are the remaining bytes of a response that was longer than its
      // Content-Length.
      if (failure.kept_connection) return {text};
      return {fmt::format("{}: the server at {} does not respond in HTTP; check the URL and the "
                          "port{}",
                          text, failure.address, hint),
              permanent_unless_reached(failure)};
    case CURLE_SSL_CONNECT_ERROR:
      // curl 7.88 loses the certificate's error for TLS inside TLS.
      if (!failure.reached && failure.proxy.shown.starts_with("https:") && !failure.at_proxy())
        return {fmt::format("{}: perhaps the server at {} does not speak TLS, or has a certificate "
                            "of another authority: sluice trusts {}; check the URL and the port, "
                            "or pass that authority's certificate with --ca-file",
                            text, failure.address, failure.trust.name()),
                Persistence::few_tries};
      // A plain HTTP server may close the connection without a response.
      return {failure.reached ? text
                              : fmt::format("{}: perhaps {} does not speak TLS; check {} and the "
                                            "port",
                                            text, tls_peer(failure), place_of_host(failure))};
    case CURLE_WEIRD_SERVER_REPLY:
      return {fmt::format("{}{}", text, hint), Persistence::few_tries};
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
      return {text + hint};
    case CURLE_SEND_FAIL_REWIND:
      return {fmt::format("the connection was closed: {}", text)};
    case CURLE_OUT_OF_MEMORY:  // curl also reports this for a header line over 100 KB
      return {fmt::format("{}: a header of the response from {} is longer than 100 KB, or this "
                          "machine has no memory left; check the URL, or set a smaller --pool",
                          text, failure.address),
              Persistence::permanent};
    case CURLE_URL_MALFORMAT:
    case CURLE_FAILED_INIT:
    case CURLE_NOT_BUILT_IN:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_SSL_ENGINE_SETFAILED:
    case CURLE_SSL_ISSUER_ERROR:
      return {text, Persistence::permanent};
    default:
      return {text};
  }
}

}  // namespace sluice
