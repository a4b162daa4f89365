// The Location of a tus server: which URLs get the bytes and the token.
#include "tests/engine/protocol/tus_fixture.h"

namespace sluice::tus_steps::tus_location_test {
namespace {

TEST(Tus, AcceptsLocationsOnTheSameServer) {
  for (const auto& [location, leads_to] : {
           std::pair("7", upload),
           {"./7", upload},
           {"/data/files/7", upload},
           {"//bank.example.org/data/files/7", upload},
           {upload, upload},
           {"HTTPS://Bank.Example.ORG:443/data/files/7", upload},
           {"https://bank.example.org/data/files/7#top", upload},
           // A server behind a TLS proxy.
           {"http://bank.example.org/data/files/7", upload},
           {"http://bank.example.org:80/data/files/7", upload},
           {"http://bank.example.org:443/data/files/7", upload},
           {"http://BANK.example.org/data/files/7?a=b%20c",
            "https://bank.example.org/data/files/7?a=b%20c"},
           {"/tus/7?sig=x", "https://bank.example.org/tus/7?sig=x"},
       }) {
    At at(Step::begin);
    ASSERT_TRUE(at.protocol.read_answer(created(location))) << location;
    EXPECT_EQ(at.protocol.upload_url(), leads_to) << location;
    ASSERT_EQ(at.next(), Step::chunk);
    EXPECT_EQ(at.request.url, leads_to);
  }
}

TEST(Tus, RejectsLocationsOnOtherServers) {
  for (const std::string& location : {std::string("https://evil.example.org/data/files/7"),
                                      std::string("//evil.example.org/7"),
                                      std::string("https://bank.example.org.evil.org/7"),
                                      std::string("https://bank.example.org:8443/data/files/7"),
                                      std::string("http://bank.example.org:8080/data/files/7"),
                                      std::string("http://evil.example.org/7"),
                                      std::string("http://bank.example.org//evil.example.org/7"),
                                      std::string("https://bank.example.org@evil.example.org/7"),
                                      std::string("https://user@bank.example.org/7"),
                                      std::string("https://user:secret@bank.example.org/7"),
                                      std::string("javascript:alert(1)"),
                                      std::string("ftp://bank.example.org/7"),
                                      std::string("file:///etc/passwd"),
                                      std::string("https:///7"),
                                      std::string("https://"),
                                      std::string(5000, 'x'),
                                      std::string("/\r\nX: y"),
                                      std::string("/a b"),
                                      std::string("/\x1b[2J"),
                                      std::string("/\xc3\xa9"),
                                      std::string("\\\\evil.example.org\\7\x01"),
                                      "https://[" + std::string(token),
                                      std::string(token) + "://x"}) {
    At at(Step::begin);
    const Error error = at.error_for(created(location));
    EXPECT_EQ(error.kind, ErrorKind::failed) << location;
    EXPECT_FALSE(error.retryable) << location;
    EXPECT_LT(error.message.size(), 600U);
    EXPECT_EQ(at.protocol.upload_url(), "") << location;
    EXPECT_EQ(at.next(), Step::begin) << location;
  }
  // For an http site, an https Location is another server.
  Tus::Setting plain = setting();
  plain.base_url = "http://127.0.0.1:3000";
  At at(Step::begin, plain);
  EXPECT_FALSE(at.error_for(created("https://127.0.0.1:3000/files/7")).retryable);
  EXPECT_THAT(at.error_for(created("http://127.0.0.1:3001/files/7")).message,
              HasSubstr("another server"));
  ASSERT_TRUE(at.protocol.read_answer(created("http://127.0.0.1:3000/files/7")));
}

TEST(Tus, RejectsCreationWithoutLocation) {
  for (const Answer& given :
       {answer(201), created(""), answer(200, {{"location", "7"}}), answer(204), answer(403),
        answer(404, {}, "Dataset Not Found"), answer(200, {}, "<html><title>Portal</title>")}) {
    At at(Step::begin);
    EXPECT_EQ(at.error_for(given).kind, ErrorKind::failed) << given.status;
    EXPECT_EQ(at.next(), Step::begin);
  }
  // A 413 to the creation refuses the file's size and is permanent. A 413 to a chunk is retried
  // with a smaller one.
  const Error too_large = At(Step::begin).error_for(answer(413));
  EXPECT_FALSE(too_large.retryable);
  EXPECT_THAT(too_large.message, HasSubstr("12582912"));
  EXPECT_TRUE(At(Step::chunk).error_for(answer(413)).retryable);
}

}  // namespace
}  // namespace sluice::tus_steps::tus_location_test
