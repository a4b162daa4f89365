// The meaning of curl's errors: which are permanent, and what the messages advise.
#include "engine/http/curl_failure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/x509_vfy.h>

#include <string>
#include <utility>
#include <vector>

namespace sluice::curl_failure_test {
namespace {

using testing::HasSubstr;
using testing::Not;

const Proxy no_proxy;
const Proxy proxy{.url = "http://me:s3cret@proxy.example:3128",
                  .shown = "http://proxy.example:3128",
                  .source = "https_proxy"};
const Proxy anonymous_proxy{
    .url = "proxy.example:3128", .shown = "http://proxy.example:3128", .source = "https_proxy"};
const Proxy tls_proxy{.url = "https://me:s3cret@proxy.example",
                      .shown = "https://proxy.example:443",
                      .source = "https_proxy"};
const Trust trust{.file = "/etc/my.pem", .source = "SSL_CERT_FILE"};

CurlFailure failure(CURLcode code, std::string text = {}, const Proxy& by = no_proxy) {
  return {.code = code,
          .text = std::move(text),
          .address = "https://databank.example:443",
          .proxy = by,
          .trust = trust};
}

void expect(const CurlFailure& what, Persistence persistence, const std::string& says) {
  const CurlVerdict verdict = judge(what);
  EXPECT_EQ(verdict.persistence, persistence) << verdict.message;
  EXPECT_THAT(verdict.message, HasSubstr(says));
  EXPECT_THAT(verdict.message, Not(HasSubstr("s3cret")));
}

/// Expects a permanent error if the server has never responded, and a few tries if it has, because
/// a deployment may be in progress.
void expect_permanent_unless_reached(CurlFailure what, const std::string& says) {
  expect(what, Persistence::permanent, says);
  what.reached = true;
  expect(what, Persistence::few_tries, says);
}

TEST(CurlFailure, IncompatibleTlsIsPermanent) {
  const auto tls = [](const char* text) { return failure(CURLE_SSL_CONNECT_ERROR, text); };
  // The texts of OpenSSL 3 and curl 7.88.
  expect_permanent_unless_reached(tls("error:0A00010B:SSL routines::wrong version number"),
                                  "does not speak TLS");
  expect_permanent_unless_reached(tls("OpenSSL/3.0.19: error:0A00009C:SSL routines::http request"),
                                  "does not speak TLS");
  expect_permanent_unless_reached(tls("error:0A000102:SSL routines::unsupported protocol"),
                                  "no TLS version in common");
  expect_permanent_unless_reached(
      tls("error:0A00014D:SSL routines::legacy sigalg disallowed or unsupported"),
      "no TLS version in common");
  expect_permanent_unless_reached(tls("error:0A00042E:SSL routines::tlsv1 alert protocol version"),
                                  "no TLS version in common");
  expect_permanent_unless_reached(tls("error:0A000410:SSL routines::sslv3 alert handshake failure"),
                                  "no TLS cipher in common");
  expect_permanent_unless_reached(tls("error:0A00018A:SSL routines::dh key too small"),
                                  "no TLS cipher in common");
  expect_permanent_unless_reached(tls("error:0A000458:SSL routines::tlsv1 unrecognized name"),
                                  "does not know this host name");
  // With TLS 1.3, this error arrives with the first response.
  expect_permanent_unless_reached(
      failure(CURLE_RECV_ERROR,
              "OpenSSL SSL_read: error:0A00045C:SSL routines::tlsv13 alert certificate "
              "required, errno 0"),
      "requires a client certificate");
}

TEST(CurlFailure, BrokenTlsConnectionIsTransient) {
  for (const char* text :
       {"OpenSSL SSL_connect: Connection reset by peer in connection to databank.example:443 ",
        "OpenSSL SSL_connect: SSL_ERROR_SYSCALL in connection to databank.example:443 ",
        "error:0A000126:SSL routines::unexpected eof while reading",
        "error:0A000438:SSL routines::tlsv1 alert internal error"}) {
    CurlFailure broken = failure(CURLE_SSL_CONNECT_ERROR, text);
    expect(broken, Persistence::transient, text);
    expect(broken, Persistence::transient, "perhaps the server at https://databank.example");
    broken.reached = true;
    EXPECT_THAT(judge(broken).message, Not(HasSubstr("perhaps")));
  }
}

TEST(CurlFailure, UnknownTlsErrorAllowsFewTriesBeforeFirstResponse) {
  CurlFailure what = failure(CURLE_SSL_CONNECT_ERROR, "error:0A00007B:SSL routines::bad signature");
  expect(what, Persistence::few_tries,
         "the TLS handshake with the server at https://databank.example");
  what.reached = true;
  expect(what, Persistence::transient, "bad signature");
  what.reached = false;
  what.code = CURLE_RECV_ERROR;  // the handshake succeeded
  expect(what, Persistence::transient, "bad signature");
}

TEST(CurlFailure, TlsTimeoutSuggestsPlainHttp) {
  CurlFailure silent = failure(CURLE_OPERATION_TIMEDOUT, "SSL connection timeout");
  expect(silent, Persistence::few_tries, "plain HTTP");
  silent.reached = true;
  expect(silent, Persistence::transient, "SSL connection timeout");
  expect(failure(CURLE_OPERATION_TIMEDOUT, "Connection timed out"), Persistence::transient, "");
}

TEST(CurlFailure, ParsesTlsReason) {
  EXPECT_EQ(tls_reason("error:0A00010B:SSL routines::wrong version number"), 267);
  EXPECT_EQ(tls_reason("x error: error:8000006F:system library::Connection refused"), std::nullopt);
  EXPECT_EQ(tls_reason("error:1408F10B:SSL routines"), std::nullopt)
      << "OpenSSL 1.1 has another format";
  for (const char* none : {"", "error:", "error:0A00010B", "error:A00010B:x", "error:0A00010Bx"})
    EXPECT_EQ(tls_reason(none), std::nullopt) << none;
}

TEST(CurlFailure, CertificateErrorNamesAuthoritiesOrCause) {
  CurlFailure untrusted =
      failure(CURLE_PEER_FAILED_VERIFICATION, "SSL certificate problem: self-signed certificate");
  untrusted.verify_result = X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT;
  expect_permanent_unless_reached(
      untrusted,
      "self-signed certificate; sluice trusts the certificates in /etc/my.pem "
      "(from SSL_CERT_FILE)");
  expect_permanent_unless_reached(untrusted, "--ca-file");
  CurlFailure inspected = untrusted;
  inspected.issuer = "CN = TLS inspection";
  expect_permanent_unless_reached(
      inspected,
      "the certificate is issued by 'CN = TLS inspection', and sluice trusts the "
      "certificates in /etc/my.pem");
  CurlFailure expired = untrusted;
  expired.verify_result = X509_V_ERR_CERT_HAS_EXPIRED;
  expect_permanent_unless_reached(expired, "clock");
  CurlFailure other = failure(CURLE_PEER_FAILED_VERIFICATION,
                              "SSL: no alternative certificate subject name matches target host "
                              "name 'databank.example'");
  for (const long result : {X509_V_OK, X509_V_ERR_UNSPECIFIED, X509_V_ERR_HOSTNAME_MISMATCH}) {
    other.verify_result = result;
    expect_permanent_unless_reached(other, "check the host name in the URL");
  }
  expect(failure(CURLE_SSL_CACERT_BADFILE, "error setting certificate file: /etc/my.pem"),
         Persistence::permanent, "(from SSL_CERT_FILE)");
}

TEST(CurlFailure, UnresolvedNameAllowsFewTries) {
  CurlFailure typo = failure(CURLE_COULDNT_RESOLVE_HOST, "Could not resolve host: databnk.example");
  expect(typo, Persistence::few_tries, "check the host name");
  typo.reached = true;
  expect(typo, Persistence::transient, "databnk.example");
  CurlFailure other = failure(CURLE_COULDNT_RESOLVE_PROXY, "Could not resolve proxy: p", proxy);
  expect(other, Persistence::few_tries, "https_proxy");
}

TEST(CurlFailure, RefusalByProxyNamesTheProxy) {
  const auto connect = [](int status) {
    CurlFailure refused = failure(
        CURLE_RECV_ERROR, "CONNECT tunnel failed, response " + std::to_string(status), proxy);
    refused.proxy_status = status;
    return refused;
  };
  CurlFailure no_password = connect(407);
  no_password.proxy_asks = "Basic realm=\"squid\x1b[2J\"";
  expect_permanent_unless_reached(no_password, "Basic realm=\"squid?[2J\"");
  expect_permanent_unless_reached(no_password, "USER:PASSWORD");
  expect_permanent_unless_reached(no_password, "does not accept the user name and the password");
  CurlFailure none_given{.address = no_password.address, .proxy = anonymous_proxy, .trust = trust};
  none_given.proxy_status = 407;
  expect_permanent_unless_reached(none_given,
                                  "requires a user name and a password; set them in https_proxy");
  for (const int status : {302, 400, 401, 403, 404, 405, 501}) {
    expect_permanent_unless_reached(connect(status),
                                    "the proxy http://proxy.example:3128 (from https_proxy)");
    expect_permanent_unless_reached(connect(status), "CONNECT databank.example:443");
    expect_permanent_unless_reached(connect(status), "no_proxy");
  }
  for (const int status : {408, 429, 500, 502, 503, 504})
    expect(connect(status), Persistence::transient, std::to_string(status));
  // The status of an established tunnel does not explain an error inside the tunnel.
  expect(connect(200), Persistence::transient, "CONNECT tunnel failed");

  CurlFailure socks = failure(CURLE_PROXY, "User was rejected by the SOCKS5 server (1 1).", proxy);
  socks.proxy_error = CURLPX_USER_REJECTED;
  expect_permanent_unless_reached(socks, "https_proxy");
  socks.proxy_error = CURLPX_REPLY_CONNECTION_REFUSED;
  expect(socks, Persistence::transient, "https_proxy");
}

TEST(CurlFailure, TlsErrorAtProxyNamesTheProxy) {
  CurlFailure untrusted = failure(CURLE_PEER_FAILED_VERIFICATION,
                                  "SSL certificate problem: self-signed certificate", tls_proxy);
  untrusted.proxy_verify_result = X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT;
  expect_permanent_unless_reached(
      untrusted, "if the proxy https://proxy.example:443 (from https_proxy) uses another");
  untrusted.proxy_verify_result = X509_V_OK;
  expect_permanent_unless_reached(untrusted, "check the host name in https_proxy");
  untrusted.proxy_verify_result = X509_V_ERR_CERT_HAS_EXPIRED;
  expect_permanent_unless_reached(untrusted, "the administrators of the proxy");
  expect_permanent_unless_reached(
      failure(CURLE_SSL_CONNECT_ERROR, "error:0A00010B:SSL routines::wrong version number",
              tls_proxy),
      "the proxy https://proxy.example:443 (from https_proxy) does not speak TLS");
  CurlFailure lost = failure(CURLE_SSL_CONNECT_ERROR, "SSL_ERROR_SYSCALL", tls_proxy);
  expect(lost, Persistence::transient, "perhaps the proxy https://proxy.example:443");
  lost.proxy_status = 200;
  expect(lost, Persistence::few_tries, "(from SSL_CERT_FILE)");
  lost.reached = true;
  expect(lost, Persistence::transient, "SSL_ERROR_SYSCALL");
  // Inside the tunnel, the server's TLS failed, or the proxy inspects TLS.
  for (const Proxy* const by : {&tls_proxy, &proxy}) {
    CurlFailure inside = failure(CURLE_PEER_FAILED_VERIFICATION, "self-signed certificate", *by);
    inside.proxy_status = 200;
    inside.verify_result = X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN;
    expect_permanent_unless_reached(inside,
                                    "if the server, or " + by->name() + ", if it inspects TLS,");
    inside.verify_result = X509_V_OK;
    expect_permanent_unless_reached(inside, "check the host name in the URL");
  }
}

TEST(CurlFailure, ConnectErrorsNameProxyAndAddressFamily) {
  for (const auto code : {CURLE_RECV_ERROR, CURLE_GOT_NOTHING}) {
    CurlFailure reset = failure(code, "Connection reset by peer", proxy);
    expect(reset, Persistence::transient, "check the proxy http://proxy.example:3128");
    reset.proxy_status = 200;
    EXPECT_THAT(judge(reset).message, Not(HasSubstr("check")));
    reset.proxy_status = 0;
    reset.reached = true;
    EXPECT_THAT(judge(reset).message, Not(HasSubstr("check")));
  }
  for (const auto code : {CURLE_COULDNT_CONNECT, CURLE_COULDNT_RESOLVE_HOST}) {
    CurlFailure other = failure(code, "nobody there");
    EXPECT_THAT(judge(other).message, Not(HasSubstr("--ipv")));
    other.family = NetworkOptions::Family::ipv6;
    EXPECT_THAT(judge(other).message, HasSubstr("--ipv6"));
    other.family = NetworkOptions::Family::ipv4;
    EXPECT_THAT(judge(other).message, HasSubstr("--ipv4"));
  }
}

TEST(CurlFailure, NeverQuotesProxyPassword) {
  for (const char* text : {"Unsupported proxy syntax in 'http://me:s3cret'",
                           "Unsupported proxy scheme for 'htttp://me:s3cret@proxy.example:3128'"})
    expect(failure(CURLE_COULDNT_RESOLVE_PROXY, text, proxy), Persistence::permanent, "proxy");
  // Other errors and texts of curl.
  for (const auto code : {CURLE_COULDNT_CONNECT, CURLE_URL_MALFORMAT, CURLE_SEND_ERROR, CURLE_PROXY,
                          CURLE_COULDNT_RESOLVE_HOST, CURLE_WEIRD_SERVER_REPLY})
    for (const char* text : {"about http://me:s3cret@proxy.example:3128 and so on",
                             "about 'http://me:s3cret@other.example'"})
      EXPECT_THAT(judge(failure(code, text, proxy)).message, Not(HasSubstr("s3cret")));
}

TEST(CurlFailure, NetworkErrorsAreTransient) {
  for (const auto code :
       {CURLE_COULDNT_CONNECT, CURLE_OPERATION_TIMEDOUT, CURLE_SEND_ERROR, CURLE_RECV_ERROR,
        CURLE_GOT_NOTHING, CURLE_PARTIAL_FILE, CURLE_SEND_FAIL_REWIND})
    for (const bool reached : {false, true}) {
      CurlFailure what = failure(code);
      what.reached = reached;
      expect(what, Persistence::transient, "");
      EXPECT_FALSE(judge(what).message.empty());
    }
  expect(failure(CURLE_COULDNT_CONNECT, "Failed to connect", proxy), Persistence::transient,
         "check the proxy");
  CurlFailure files = failure(CURLE_COULDNT_CONNECT, "Couldn't connect to server");
  files.too_many_files = true;
  expect(files, Persistence::transient, "ulimit -n");
}

TEST(CurlFailure, TooLongHeaderNamesTheServer) {
  expect(failure(CURLE_OUT_OF_MEMORY), Persistence::permanent,
         "Out of memory: a header of the response from https://databank.example:443");
}

TEST(CurlFailure, NonHttpResponseIsPermanentOnNewConnection) {
  CurlFailure other = failure(CURLE_UNSUPPORTED_PROTOCOL, "Received HTTP/0.9 when not allowed");
  expect_permanent_unless_reached(other, "does not respond in HTTP");
  other.address = "http://databank.example:443";
  expect(other, Persistence::permanent, "https://");
  other.kept_connection = true;
  expect(other, Persistence::transient, "HTTP/0.9");
}

}  // namespace
}  // namespace sluice::curl_failure_test
