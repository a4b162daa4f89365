#include "engine/http/base_url.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::base_url_test {
namespace {

TEST(BaseUrl, AcceptsHttpsForAnyHostAndRemovesTrailingSlash) {
  EXPECT_EQ(check_base_url("https://databank.illinois.edu", false).value(),
            "https://databank.illinois.edu");
  EXPECT_EQ(check_base_url("https://host:8443/prefix/", false).value(), "https://host:8443/prefix");
}

TEST(BaseUrl, AcceptsPlainHttpForThisMachineOnly) {
  for (const char* url : {"http://localhost:3000", "http://127.0.0.1:1", "http://127.9.9.9",
                          "http://[::1]:3000", "HTTP://LOCALHOST"})
    EXPECT_TRUE(check_base_url(url, false)) << url;
  for (const char* url :
       {"http://databank.illinois.edu", "http://10.0.0.1", "http://localhost.evil.org",
        "http://127.0.0.1.evil.org", "http://[::2]", "http://0.0.0.0"}) {
    const auto refused = check_base_url(url, false);
    ASSERT_FALSE(refused) << url;
    EXPECT_EQ(refused.error().kind, ErrorKind::usage);
    EXPECT_TRUE(check_base_url(url, true)) << url;
  }
}

TEST(BaseUrl, RejectsInvalidUrls) {
  for (const char* url :
       {"", "databank.illinois.edu", "/path", "ftp://host", "file:///etc/passwd", "https://",
        "https://host/?q=1", "https://host/#f", "https://host/?", "https://host/#",
        "https://ho st/", "https:/host://", "https:host/a://b", "https://%368/x"}) {
    const auto refused = check_base_url(url, true);
    ASSERT_FALSE(refused) << url;
    EXPECT_EQ(refused.error().kind, ErrorKind::usage);
  }
}

// curl reads the first three as https://host, and would print the others unchanged.
TEST(BaseUrl, RejectsInvisibleCharacters) {
  for (const std::string& url :
       {std::string("https://host\0", 13), std::string("https://host\0.evil.org", 22),
        std::string("https://host\0@evil.org/", 23),
        std::string("https://host/\xC2\x9B"
                    "2J"),
        std::string("https://host/\xE2\x80\xAE"), std::string("https://host/\xFF"),
        std::string("https://%e2e/")}) {
    const auto refused = check_base_url(url, true);
    ASSERT_FALSE(refused) << url;
    EXPECT_EQ(refused.error().kind, ErrorKind::usage);
  }
  EXPECT_TRUE(check_base_url("https://host/b\u00FCcher", true));
}

TEST(BaseUrl, RejectsCredentialsWithoutQuotingThem) {
  const auto refused = check_base_url("https://user:hunter2@host/", true);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message.find("hunter2"), std::string::npos);
  const auto broken = check_base_url("https://user:hunter2@host:999999/", true);
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().message.find("hunter2"), std::string::npos);
}

// These URLs look like loopback to a naive parser, but curl connects to another host.
TEST(BaseUrl, ChecksTheHostThatCurlConnectsTo) {
  EXPECT_FALSE(check_base_url("http://localhost@evil.org/", false));
  EXPECT_FALSE(check_base_url("http://evil.org#@localhost/", false));
  EXPECT_FALSE(check_base_url("http://evil.org\\@localhost/", false));
}

}  // namespace
}  // namespace sluice::base_url_test
