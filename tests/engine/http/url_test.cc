#include "engine/http/url.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::url_test {
namespace {

TEST(SplitUrl, SplitsUrlAsCurlDoes) {
  const auto parts = split_url("HTTPS://Databank.Illinois.edu:8443/a/b");
  ASSERT_TRUE(parts);
  EXPECT_EQ(parts->scheme, "https");
  EXPECT_EQ(parts->host, "Databank.Illinois.edu");
  EXPECT_EQ(split_url("http://[::1]:3000")->host, "[::1]");
  // This URL looks like loopback but is not.
  EXPECT_EQ(split_url("http://127.0.0.1@evil.example/")->host, "evil.example");
  for (const char* bad : {"", "databank.illinois.edu/x", "http://", "http://a b/", "/api"})
    EXPECT_FALSE(split_url(bad)) << bad;
}

TEST(SplitUrl, NormalizesCaseAndDefaultPort) {
  for (const char* same :
       {"HTTPS://Databank.Illinois.EDU:443/A", "https://databank.illinois.edu/A"}) {
    const auto parts = split_url(same);
    ASSERT_TRUE(parts) << same;
    EXPECT_EQ(parts->normal, "https://databank.illinois.edu/A");
    EXPECT_EQ(parts->port, "443");
  }
  EXPECT_EQ(split_url("http://localhost:3000/")->normal, "http://localhost:3000/");
}

TEST(ResolveUrl, ResolvesReferences) {
  const std::string base = "https://bank.example.org/files/";
  EXPECT_EQ(resolve_url(base, "7")->normal, base + "7");
  EXPECT_EQ(resolve_url(base, "/x/7#part")->normal, "https://bank.example.org/x/7");
  EXPECT_EQ(resolve_url(base, "//other.example.org/7")->host, "other.example.org");
  for (const char* bad : {"ftp://bank.example.org/7", "https://user@bank.example.org/7"})
    EXPECT_FALSE(resolve_url(base, bad)) << bad;
}

}  // namespace
}  // namespace sluice::url_test
