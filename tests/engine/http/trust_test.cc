// The choice of the trusted certificate authorities and of their source.
#include "engine/http/trust.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <span>
#include <string>
#include <vector>

#include "tests/support/temp_dir.h"

namespace sluice::trust_test {
namespace {

using testing::HasSubstr;

/// A self-signed test certificate, valid until 2126.
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

TEST_F(TrustTest, OptionReplacesAllOtherAuthorities) {
  const std::string path = file("ca.pem", certificate);
  const auto trust =
      find_trust({.ca_file = path}, variables({{"CURL_CA_BUNDLE", "/b"}, {"SSL_CERT_DIR", "/d"}}));
  ASSERT_TRUE(trust) << trust.error().message;
  EXPECT_EQ(trust->file, path);
  EXPECT_EQ(trust->directory, "");
  EXPECT_TRUE(trust->alone);
  EXPECT_EQ(trust->name(), "the certificates in " + path + " (from --ca-file)");
  const auto configured =
      find_trust({.ca_file = path, .ca_file_from = "SLUICE_CA_FILE"}, variables({}));
  EXPECT_EQ(configured->name(), "the certificates in " + path + " (from SLUICE_CA_FILE)");
}

TEST_F(TrustTest, ReadsTheVariablesOfTheCurlCommand) {
  const auto bundle =
      find_trust({}, variables({{"CURL_CA_BUNDLE", "/b"}, {"SSL_CERT_FILE", "/f"}}));
  EXPECT_EQ(bundle->file, "/b");
  EXPECT_EQ(bundle->name(), "the certificates in /b (from CURL_CA_BUNDLE)");
  const auto both = find_trust({}, variables({{"SSL_CERT_DIR", "/d"}, {"SSL_CERT_FILE", "/f"}}));
  EXPECT_EQ(both->name(), "the certificates in /f and /d (from SSL_CERT_FILE and SSL_CERT_DIR)");
  EXPECT_FALSE(both->alone);
  const auto directory = find_trust({}, variables({{"SSL_CERT_DIR", "/d"}}));
  EXPECT_EQ(directory->file, "");
  EXPECT_EQ(directory->directory, "/d");
  EXPECT_THAT(find_trust({}, variables({}))->name(), HasSubstr("the system's"));
}

TEST_F(TrustTest, FindsFirstReadableSystemBundle) {
  const std::string second = file("second.pem", certificate);
  const std::string third = file("third.pem", certificate);
  const std::string missing = directory_ / "missing.pem";
  const std::vector<const char*> places{missing.c_str(), second.c_str(), third.c_str()};
  const auto trust = find_trust({}, variables({}), places);
  EXPECT_EQ(trust->file, second);
  EXPECT_EQ(trust->source, "");
  EXPECT_FALSE(trust->alone);
  EXPECT_EQ(trust->name(), "the system's certificate authorities in " + second);
  EXPECT_EQ(find_trust({}, variables({{"SSL_CERT_FILE", "/f"}}), places)->file, "/f");

  const auto nowhere = find_trust({}, variables({}), std::span(places).first(1));
  EXPECT_EQ(nowhere->file, "");
  EXPECT_THAT(nowhere->name(), HasSubstr("--ca-file"));
  EXPECT_GE(system_bundles().size(), 6U);
}

TEST_F(TrustTest, RequiresHashedCertificatesInDirectory) {
  const auto error = [&](const std::string& directory) {
    const auto trust = find_trust({.ca_dir = directory}, variables({}));
    return trust ? "" : trust.error().message;
  };
  const std::string path = directory_.path();
  EXPECT_THAT(error(path + "/missing"), HasSubstr("No such file"));
  file("ca.pem", certificate);
  for (const char* const other :
       {"12345678.r0", "1234567.0", "12345678.", "1234567g.0", "12345678.0x"})
    file(other, "");
  EXPECT_THAT(error(path), testing::AllOf(HasSubstr("openssl rehash"), HasSubstr(path)));
  EXPECT_THAT(error(directory_ / "ca.pem"), HasSubstr("Not a directory"));
  file("9d66eef0.0", certificate);
  EXPECT_EQ(error(path), "");
  const auto both = find_trust({.ca_file = path + "/ca.pem", .ca_dir = path},
                               variables({{"CURL_CA_BUNDLE", "/b"}}));
  ASSERT_TRUE(both) << both.error().message;
  EXPECT_TRUE(both->alone);
  EXPECT_EQ(both->name(), "the certificates in " + path + "/ca.pem and " + path +
                              " (from --ca-file and --ca-dir)");
}

TEST_F(TrustTest, RejectsFileWithoutCertificates) {
  for (const std::string& path :
       {std::string("/nowhere/ca.pem"), directory_.path().string(), file("empty", ""),
        file("text", "no certificate\n"), file("cut", std::string(certificate).substr(0, 200))}) {
    const auto trust = find_trust({.ca_file = path}, variables({}));
    ASSERT_FALSE(trust) << path;
    EXPECT_EQ(trust.error().kind, ErrorKind::usage);
    EXPECT_THAT(trust.error().message, HasSubstr(path));
  }
}

}  // namespace
}  // namespace sluice::trust_test
