#include "engine/url.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(SplitUrl, TakesAUrlApartAsCurlWillConnectToIt) {
  const auto parts = split_url("HTTPS://Databank.Illinois.edu:8443/a/b");
  ASSERT_TRUE(parts);
  EXPECT_EQ(parts->scheme, "https");
  EXPECT_EQ(parts->host, "Databank.Illinois.edu");
  EXPECT_EQ(split_url("http://[::1]:3000")->host, "[::1]");
  // What looks like loopback to a careless eye.
  EXPECT_EQ(split_url("http://127.0.0.1@evil.example/")->host, "evil.example");
  for (const char* bad : {"", "databank.illinois.edu/x", "http://", "http://a b/", "/api"})
    EXPECT_FALSE(split_url(bad)) << bad;
}

}  // namespace
}  // namespace sluice
