// Which certificate authorities are trusted, and where that comes from.
#include "engine/trust.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "tests/support/temp_dir.h"

namespace sluice::trust_test {
namespace {

using testing::HasSubstr;

/// A certificate of nobody's, good until 2126.
constexpr const char* certificate = R"(-----BEGIN CERTIFICATE-----
MIIBhDCCASmgAwIBAgIUVaCkKILmrKNNgaLq2LEmU/qUoxUwCgYIKoZIzj0EAwIw
FjEUMBIGA1UEAwwLc2x1aWNlIHRlc3QwIBcNMjYxMTI4MDQxMTUzWhgPMjEyNjEx
MDQwNDExNTNaMBYxFDASBgNVBAMMC3NsdWljZSB0ZXN0MFkwEwYHKoZIzj0CAQYI
KoZIzj0DAQcDQgAEABWM4/aafF6nWel+jt5INaICFwI9Ch3k3Z/iXWA2oMY+6GIK
scFAWwMKIvOp9PYIL4QynjJmzy/tQBv+4NgqGaNTMFEwHQYDVR0OBBYEFFa9P/P4
8EXtpZce/zvr/oQi/zf7MB8GA1UdIwQYMBaAFFa9P/P48EXtpZce/zvr/oQi/zf7
MA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSQAwRgIhAJleNaXzyFZhwMeF
bdVGDn4K5dfcO7hfc3oOXRUffHiPAiEA4CHAv0XmenZhpZ9QdijSdC4V6Dn8WCP/
Sah9huVanV8=
-----END CERTIFICATE-----
)";

Environment variables(std::map<std::string, std::string> values) {
  return [values = std::move(values)](const char* name) -> std::optional<std::string> {
    const auto found = values.find(name);
    return found == values.end() ? std::nullopt : std::optional<std::string>(found->second);
  };
}

class TrustTest : public testing::Test {
 protected:
  std::string file(const std::string& name, const std::string& content) {
    test::write_file(directory_ / name, content);
    return directory_ / name;
  }
  test::TempDir directory_;
};

TEST_F(TrustTest, TheOptionComesFirstAndIsAllThereIs) {
  const std::string path = file("ca.pem", certificate);
  const auto trust =
      find_trust(path, variables({{"CURL_CA_BUNDLE", "/b"}, {"SSL_CERT_DIR", "/d"}}));
  ASSERT_TRUE(trust) << trust.error().message;
  EXPECT_EQ(trust->file, path);
  EXPECT_EQ(trust->directory, "");
  EXPECT_TRUE(trust->alone);
  EXPECT_EQ(trust->name(), "the certificates in " + path + " (from --ca-file)");
}

TEST_F(TrustTest, TheVariablesAreThoseOfTheCurlCommand) {
  const auto bundle =
      find_trust("", variables({{"CURL_CA_BUNDLE", "/b"}, {"SSL_CERT_FILE", "/f"}}));
  EXPECT_EQ(bundle->file, "/b");
  EXPECT_EQ(bundle->name(), "the certificates in /b (from CURL_CA_BUNDLE)");
  const auto both = find_trust("", variables({{"SSL_CERT_DIR", "/d"}, {"SSL_CERT_FILE", "/f"}}));
  EXPECT_EQ(both->name(), "the certificates in /f and /d (from SSL_CERT_FILE and SSL_CERT_DIR)");
  EXPECT_FALSE(both->alone);
  const auto directory = find_trust("", variables({{"SSL_CERT_DIR", "/d"}}));
  EXPECT_EQ(directory->file, "");
  EXPECT_EQ(directory->directory, "/d");
  EXPECT_THAT(find_trust("", variables({}))->name(), HasSubstr("the system's"));
}

TEST_F(TrustTest, AFileWithoutCertificatesIsAUsageError) {
  for (const std::string& path :
       {std::string("/nowhere/ca.pem"), directory_.path().string(), file("empty", ""),
        file("text", "no certificate\n"), file("cut", std::string(certificate).substr(0, 200))}) {
    const auto trust = find_trust(path, variables({}));
    ASSERT_FALSE(trust) << path;
    EXPECT_EQ(trust.error().kind, ErrorKind::usage);
    EXPECT_THAT(trust.error().message, HasSubstr(path));
  }
}

}  // namespace
}  // namespace sluice::trust_test
