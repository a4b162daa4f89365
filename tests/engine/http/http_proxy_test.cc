// The choice of the proxy, and that its password is never printed.
#include "engine/http/http_proxy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace sluice::http_proxy_test {
namespace {

using testing::HasSubstr;
using testing::Not;

Environment of(const std::map<std::string, std::string>& variables) {
  return [variables](const char* name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end() || found->second.empty()) return {};
    return found->second;
  };
}

std::string variable(const std::string& url, const std::map<std::string, std::string>& variables) {
  const auto proxy = proxy_for(url, {}, of(variables));
  return proxy ? proxy->source : proxy.error().message;
}

TEST(HttpProxy, ReadsTheVariablesOfCurl) {
  const std::string https = "https://databank.example";
  const std::string http = "http://databank.example";
  EXPECT_EQ(variable(https, {}), "");
  EXPECT_EQ(variable(https, {{"https_proxy", ""}, {"HTTPS_PROXY", "p:1"}}), "HTTPS_PROXY");
  EXPECT_EQ(variable(https, {{"https_proxy", "p:1"}, {"HTTPS_PROXY", "p:2"}}), "https_proxy");
  EXPECT_EQ(variable(https, {{"all_proxy", "p:1"}, {"ALL_PROXY", "p:2"}}), "all_proxy");
  EXPECT_EQ(variable(https, {{"ALL_PROXY", "p:2"}, {"http_proxy", "p:1"}}), "ALL_PROXY");
  EXPECT_EQ(variable(http, {{"http_proxy", "p:1"}, {"all_proxy", "p:2"}}), "http_proxy");
  EXPECT_EQ(variable(http, {{"HTTP_PROXY", "p:1"}, {"https_proxy", "p:1"}}), "");
}

TEST(HttpProxy, ShowsOnlySchemeHostAndPort) {
  for (const auto& [value, shown] : std::map<std::string, std::string>{
           {"me:s3cret@Proxy.example:3128", "http://Proxy.example:3128"},
           {"http://me:s3cret@proxy.example", "http://proxy.example:1080"},
           {"https://me:s3cret@proxy.example", "https://proxy.example:443"},
           {"https://proxy.example:3128/", "https://proxy.example:3128"},
           {"socks5h://me:s3cret@[::1]:9", "socks5h://[::1]:9"}}) {
    const auto proxy = proxy_for("https://databank.example", {}, of({{"https_proxy", value}}));
    ASSERT_TRUE(proxy) << value;
    EXPECT_EQ(proxy->shown, shown);
    EXPECT_EQ(proxy->url, value) << "curl gets the complete URL";
    EXPECT_EQ(proxy->name(), "the proxy " + shown + " (from https_proxy)");
  }
}

TEST(HttpProxy, OptionOverridesVariablesButNotNoProxy) {
  const Environment environment = of({{"https_proxy", "p:1"}, {"no_proxy", "example.org"}});
  const auto chosen =
      proxy_for("https://databank.example", {.proxy = "socks5h://me:s3cret@q:2"}, environment);
  ASSERT_TRUE(chosen);
  EXPECT_EQ(chosen->name(), "the proxy socks5h://q:2 (from --proxy)");
  EXPECT_EQ(chosen->url, "socks5h://me:s3cret@q:2");
  EXPECT_TRUE(proxy_for("https://x.example.org", {.proxy = "q:2"}, environment)->exempt);
  EXPECT_TRUE(proxy_for("https://localhost", {.proxy = "q:2"}, environment)->exempt);

  EXPECT_TRUE(check_proxy({}));
  EXPECT_TRUE(check_proxy({.proxy = "q:2"}));
  const auto none = check_proxy({.proxy = "htttp://me:s3cret@q"});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind, ErrorKind::usage);
  EXPECT_THAT(none.error().message, HasSubstr("--proxy"));
  EXPECT_THAT(none.error().message, Not(HasSubstr("s3cret")));
}

TEST(HttpProxy, DetectsPassword) {
  for (const char* with : {"http://me:s3cret@q:1", "me:s3cret@q", "socks5h://:s3cret@q", "a:b@c@d"})
    EXPECT_TRUE(has_password(with)) << with;
  for (const char* without : {"", "q:1", "http://q:1", "http://me@q:1", "me@q", "https://[::1]:3"})
    EXPECT_FALSE(has_password(without)) << without;
}

TEST(HttpProxy, RejectsInvalidProxyWithoutQuotingIt) {
  for (const char* bad :
       {"http://me:s3cret@127.0.0.1:99999", "htttp://me:s3cret@127.0.0.1:8080", "http://me:s3cret@",
        "http://me:s3cret", "me:s3cret@a b:80", "http://me:s3cret/@proxy:1", "s3cret@://"}) {
    const auto proxy = proxy_for("https://databank.example", {}, of({{"ALL_PROXY", bad}}));
    ASSERT_FALSE(proxy) << bad;
    EXPECT_EQ(proxy.error().kind, ErrorKind::usage);
    EXPECT_FALSE(proxy.error().retryable);
    EXPECT_THAT(proxy.error().message, HasSubstr("ALL_PROXY"));
    EXPECT_THAT(proxy.error().message, Not(HasSubstr("s3cret")));
    EXPECT_THAT(proxy.error().message, Not(HasSubstr("me:")));
    // A host without a proxy does not need a valid one.
    EXPECT_TRUE(proxy_for("https://localhost:3000", {}, of({{"ALL_PROXY", bad}})));
  }
}

TEST(HttpProxy, ExemptsThisMachineAndNoProxyHosts) {
  const std::map<std::string, std::string> all{{"all_proxy", "p:1"}};
  for (const char* own : {"http://localhost:3000", "http://127.0.0.1:1", "http://[::1]:2",
                          "https://127.4.5.6", "https://LOCALHOST"}) {
    const auto proxy = proxy_for(own, {}, of(all));
    ASSERT_TRUE(proxy);
    EXPECT_TRUE(proxy->exempt) << own;
    EXPECT_EQ(proxy->url, "") << own;
  }
  auto some = all;
  some["NO_PROXY"] = "*";
  some["no_proxy"] = "illinois.edu, .example.org";
  EXPECT_TRUE(proxy_for("https://databank.illinois.edu", {}, of(some))->exempt);
  EXPECT_TRUE(proxy_for("http://127.0.0.1", {}, of(some))->exempt)
      << "this machine is always exempt";
  EXPECT_FALSE(proxy_for("https://databank.example", {}, of(some))->exempt)
      << "no_proxy takes precedence over NO_PROXY";
  some["no_proxy"] = "";
  EXPECT_TRUE(proxy_for("https://databank.example", {}, of(some))->exempt);
}

TEST(HttpProxy, ParsesEveryFormOfNoProxy) {
  const auto exempt = [](const char* host, const std::string& list) {
    return is_exempt(host, "443", list);
  };
  const std::string list =
      "illinois.edu,.example.org. 10.0.0.0/8\t192.168.1.7,[::2],fd00::/12 *.example.net";
  for (const char* host :
       {"illinois.edu", "databank.ILLINOIS.edu", "illinois.edu.", "example.org", "a.b.example.org",
        "10.255.0.1", "192.168.1.7", "[fd0f::1]", "[::2]", "a.example.net", "example.net"})
    EXPECT_TRUE(exempt(host, list)) << host;
  for (const char* host : {"xillinois.edu", "edu", "example.com", "11.0.0.1", "192.168.1.70",
                           "[fd10::1]", "[::3]", "10.example", "xexample.net", "net", ""})
    EXPECT_FALSE(exempt(host, list)) << host;
  EXPECT_TRUE(exempt("any.example", "*"));
  EXPECT_TRUE(exempt("any.example", "other.example, *"));
  EXPECT_FALSE(exempt("any.example", " , . : *. :443"));
  EXPECT_FALSE(exempt("any.example", ""));
  EXPECT_FALSE(exempt("10.0.0.1", "10.0.0.0/x,10.0.0.0/33,10.0.0.0/"));
  EXPECT_TRUE(exempt("10.129.0.1", "10.128.0.0/9"));
  EXPECT_FALSE(exempt("10.127.0.1", "10.128.0.0/9"));
}

TEST(HttpProxy, NoProxyEntryWithPortMatchesThatPortOnly) {
  for (const auto& [host, list] : std::vector<std::pair<const char*, const char*>>{
           {"databank.example", "databank.example:8443"},
           {"databank.example", "databank.example:1,.example:8443"},
           {"10.0.0.1", "10.0.0.1:8443"},
           {"[::2]", "[::2]:8443"}}) {
    EXPECT_TRUE(is_exempt(host, "8443", list)) << list;
    EXPECT_FALSE(is_exempt(host, "443", list)) << list;
  }
  EXPECT_FALSE(is_exempt("databank.example", "8443", "databank.example:https"));
  EXPECT_TRUE(is_exempt("[fd00::8443]", "443", "fd00::8443")) << "the entry has no port";
  EXPECT_TRUE(proxy_for("https://databank.example", {},
                        of({{"https_proxy", "p:1"}, {"no_proxy", "databank.example:443"}}))
                  ->exempt)
      << "the default port matches as well";
}

TEST(HttpProxy, NamesTheSourceOfTheProxy) {
  const NetworkOptions options{.proxy = "http://me:s3cret@q:2", .proxy_from = "SLUICE_PROXY"};
  const auto proxy = proxy_for("https://databank.example", options, of({}));
  ASSERT_TRUE(proxy);
  EXPECT_EQ(proxy->name(), "the proxy http://q:2 (from SLUICE_PROXY)");
  EXPECT_EQ(proxy->place_of_password(), "SLUICE_PROXY");
  const auto given = proxy_for("https://databank.example", {.proxy = "q:2"}, of({}));
  EXPECT_THAT(given->place_of_password(), Not(HasSubstr("--proxy")));
  const auto none = check_proxy({.proxy = "q:99999", .proxy_from = "/etc/sluice.toml, line 3"});
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().message, HasSubstr("the proxy in /etc/sluice.toml, line 3: "));
}

TEST(HttpProxy, RemovesUserinfoFromTexts) {
  EXPECT_EQ(without_userinfo("Unsupported proxy syntax in 'http://me:s3cret@h:99999'"),
            "Unsupported proxy syntax in 'http://h:99999'");
  EXPECT_EQ(without_userinfo("a://u:p@b://c@d e://f"), "a://d e://f");
  EXPECT_EQ(without_userinfo("'http://a' is not 'b@c'"), "'http://a' is not 'b@c'");
  EXPECT_EQ(without_userinfo("http://me:p@ss/w@rd@host"), "http://host");
  EXPECT_EQ(without_userinfo("://"), "://");
  EXPECT_EQ(without_userinfo(""), "");
}

}  // namespace
}  // namespace sluice::http_proxy_test
