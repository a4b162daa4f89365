#include "engine/protocol/server_inquiry.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/base/persistence.h"
#include "engine/base/text.h"
#include "engine/http/curl_transport.h"
#include "tests/support/scripted_server.h"

namespace sluice::server_inquiry_test {
namespace {

using namespace std::chrono_literals;
using test::http_answer;
using test::Phase;
using test::ScriptedServer;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr const char* token = "s3cr3t-t0k3n";
const std::string nothing_of_it = "<html><title>Not Found</title></html>";

Answer answer(int status, std::string body = {}) {
  Answer answer;
  answer.status = status;
  answer.body = std::move(body);
  return answer;
}

Answer tus_answer() {
  Answer tus = answer(204);
  tus.headers = {{"tus-version", "1.0.0"},
                 {"tus-extension", "creation, Checksum,concatenation ,,te\x1b[2Jst"},
                 {"tus-max-size", "53687091200"},
                 {"tus-checksum-algorithm", "sha1,md5,crc32"}};
  return tus;
}

const Error lost{ErrorKind::unreachable, "Connection refused", 7, true};
const Error bad_certificate{ErrorKind::unreachable, "certificate has expired", 60, false};

const Answer filesize = answer(500, "missing paramter: filesize\n");
const Answer quoted_filesize = answer(500, "\"missing paramter: filesize\\n\"");
const Answer taken = answer(500, "File with the name x already exists in this dataset.\n");
const Answer invalid = answer(500, "\"invalid request\"");
const Answer refused = answer(401, "HTTP Token: Access denied.\n");
const Answer refused_by_500 = answer(500, R"({"status":500,"error":"Internal Server Error"})");
const Answer no_dataset = answer(404, "Dataset Not Found\n");

Inquiry inquiry(ProtocolKind protocol = ProtocolKind::automatic) {
  Inquiry inquiry;
  inquiry.base_url = "https://databank.example";
  inquiry.dataset = "IDB-1234567";
  inquiry.token = Secret(token);
  inquiry.protocol = protocol;
  return inquiry;
}

Result<ServerProfile> read(Result<Answer> options, Result<Answer> setup,
                           ProtocolKind protocol = ProtocolKind::automatic) {
  return read_inquiry(inquiry(protocol), {std::move(options), std::move(setup), {}});
}

void expect_protocol(ProtocolKind expected, const Result<ServerProfile>& profile) {
  ASSERT_TRUE(profile) << profile.error().message;
  EXPECT_STREQ(to_string(profile->protocol), to_string(expected));
}

void expect_error(ErrorKind kind, bool retryable, const Result<ServerProfile>& profile,
                  const std::string& says = {}) {
  ASSERT_FALSE(profile) << to_string(profile->protocol);
  const Error& error = profile.error();
  EXPECT_STREQ(to_string(error.kind), to_string(kind)) << error.message;
  EXPECT_EQ(error.retryable, retryable) << error.message;
  EXPECT_THAT(error.message, HasSubstr(says));
  EXPECT_THAT(error.message, Not(HasSubstr(token)));
  EXPECT_EQ(printable(error.message), error.message);
}

/// Responses to OPTIONS that no tus server sends.
const std::vector<Result<Answer>>& no_tus() {
  static const std::vector<Result<Answer>> answers{answer(405),
                                                   answer(404, nothing_of_it),
                                                   answer(400),
                                                   answer(500, "invalid request"),
                                                   answer(200, "welcome"),
                                                   answer(301),
                                                   answer(403)};
  return answers;
}

/// Responses to OPTIONS that leave open whether the server speaks tus.
const std::vector<Result<Answer>>& unknown_tus() {
  static const std::vector<Result<Answer>> answers{answer(502), answer(503), answer(504),
                                                   answer(429), answer(408), lost};
  return answers;
}

TEST(ServerInquiry, RecognisesTusByVersion) {
  for (const Result<Answer>& setup : std::vector<Result<Answer>>{
           invalid, filesize, taken, answer(404, nothing_of_it), answer(503), lost}) {
    const auto profile = read(tus_answer(), setup);
    expect_protocol(ProtocolKind::tus, profile);
    EXPECT_THAT(profile->tus.extensions, ElementsAre("creation", "checksum", "concatenation"))
        << "words alone, in lower case";
    EXPECT_THAT(profile->tus.algorithms, ElementsAre("sha1", "md5", "crc32"));
    EXPECT_EQ(profile->tus.max_size, 53687091200U);
  }
}

TEST(ServerInquiry, IgnoresOtherTusVersions) {
  Answer other = tus_answer();
  other.headers[0].second = "0.2.2, 2.0.0";
  expect_protocol(ProtocolKind::binary, read(other, invalid));
  other.headers[0].second = "2.0.0,1.0.0";
  expect_protocol(ProtocolKind::tus, read(other, invalid));
  other.status = 412;  // an error may list the versions too
  expect_protocol(ProtocolKind::binary, read(other, invalid));
}

/// @uploadx/core and tus-node-server send no Tus-Version.
TEST(ServerInquiry, ReadsTusResumableWithoutTusVersion) {
  Answer tus = tus_answer();
  tus.headers[0] = {"tus-resumable", "1.0.0"};
  expect_protocol(ProtocolKind::tus, read(tus, invalid));
  tus.headers[0].second = "0.2.2";
  expect_protocol(ProtocolKind::binary, read(tus, invalid));
  // Tus-Version takes precedence.
  tus.headers[0].second = "1.0.0";
  tus.headers.emplace_back("tus-version", "2.0.0");
  expect_protocol(ProtocolKind::binary, read(tus, invalid));
}

TEST(ServerInquiry, IgnoresInvalidMaxSize) {
  for (const char* size : {"", "-1", "many", "99999999999999999999", "5 GB"}) {
    Answer tus = tus_answer();
    tus.headers[2].second = size;
    const auto profile = read(tus, invalid);
    ASSERT_TRUE(profile);
    EXPECT_EQ(profile->tus.max_size, 0U) << size;
  }
}

TEST(ServerInquiry, RecognisesPhasedBySetupResponse) {
  for (const Answer& setup : {filesize, quoted_filesize, taken}) {
    for (const Result<Answer>& options : no_tus())
      expect_protocol(ProtocolKind::phased, read(options, setup));
    for (const Result<Answer>& options : unknown_tus())
      expect_protocol(ProtocolKind::phased, read(options, setup));
    expect_protocol(ProtocolKind::phased, read(refused, setup));
  }
}

TEST(ServerInquiry, ConcludesBinaryIfServerSpeaksNeither) {
  for (const Result<Answer>& options : no_tus())
    expect_protocol(ProtocolKind::binary, read(options, invalid));
  // The server may speak tus and be unavailable for a moment.
  for (const Result<Answer>& options : unknown_tus())
    expect_error(ErrorKind::unreachable, true, read(options, invalid));
}

TEST(ServerInquiry, ReportsRefusedTokenForEveryProtocol) {
  std::vector<Result<Answer>> all = no_tus();
  all.insert(all.end(), unknown_tus().begin(), unknown_tus().end());
  all.insert(all.end(), {tus_answer(), refused});
  for (const Result<Answer>& options : all) {
    expect_error(ErrorKind::token_refused, false, read(options, refused), "IDB-1234567");
    expect_error(ErrorKind::token_refused, false, read(options, refused_by_500), "500");
    expect_error(ErrorKind::no_such_dataset, false, read(options, no_dataset), "IDB-1234567");
  }
  // The token check in front of tus refuses the token, but the setup accepts it: the check may have
  // no free thread.
  expect_error(ErrorKind::unreachable, true, read(refused, invalid),
               "but accepts the token for dataset IDB-1234567");
}

TEST(ServerInquiry, ReportsMissingDatasetOnlyByTheDataBanksText) {
  expect_error(ErrorKind::failed, false, read(answer(404), answer(404, nothing_of_it)),
               "Not Found");
  expect_protocol(ProtocolKind::tus, read(tus_answer(), answer(404, nothing_of_it)));
}

TEST(ServerInquiry, LostResponseIsAsRetryableAsItsNetworkError) {
  expect_error(ErrorKind::unreachable, true, read(lost, lost),
               "asking https://databank.example for its protocol: no response: ");
  expect_error(ErrorKind::unreachable, true, read(answer(404), lost), "Connection refused");
  expect_error(ErrorKind::unreachable, true, read(refused, lost));
  expect_error(ErrorKind::unreachable, false, read(bad_certificate, bad_certificate), "expired");
  expect_error(ErrorKind::unreachable, true, read(answer(404), answer(503, "back soon")),
               "back soon");
  const Error stopped{ErrorKind::interrupted, "interrupted", 0, false};
  expect_error(ErrorKind::interrupted, false, read(stopped, stopped), "databank.example");
}

TEST(ServerInquiry, RejectsServersThatAreNoDataBank) {
  expect_error(ErrorKind::failed, false, read(answer(404), answer(200, nothing_of_it)),
               "Not Found");
  expect_error(ErrorKind::failed, true, read(answer(404), answer(500, "<html>filesize</html>")));
  expect_error(ErrorKind::failed, false, read(answer(404), answer(200, "missing filesize")));
}

TEST(ServerInquiry, ReportsRedirect) {
  Answer redirect = answer(301);
  redirect.headers = {{"location", "https://elsewhere.example/?t=s3cr3t-t0k3n\x1b[2J"}};
  for (const Result<Answer>& options : std::vector<Result<Answer>>{redirect, tus_answer(), lost})
    expect_error(ErrorKind::failed, false, read(options, redirect), "elsewhere.example");
}

TEST(ServerInquiry, RemovesTokenFromQuotedPage) {
  const Answer page = answer(500, fmt::format("environment: HTTP_AUTHORIZATION {}", token));
  expect_error(ErrorKind::failed, true, read(refused, page), "[token]");
  Answer server = filesize;
  server.headers = {{"server", fmt::format("nginx {}", token)}};
  EXPECT_EQ(read(answer(404), server)->http_server, "nginx [token]");
}

TEST(ServerInquiry, UsesRequestedProtocolUnlessServerContradicts) {
  using Kind = ProtocolKind;
  // A server that speaks several protocols.
  for (const Kind kind : {Kind::tus, Kind::phased, Kind::binary})
    expect_protocol(kind, read(tus_answer(), filesize, kind));
  EXPECT_TRUE(read(tus_answer(), filesize, Kind::tus)->tus.has("checksum"));
  EXPECT_FALSE(read(tus_answer(), filesize, Kind::binary)->tus.has("checksum"));
  expect_protocol(Kind::binary, read(answer(404), invalid, Kind::binary));
  expect_protocol(Kind::binary, read(lost, invalid, Kind::binary));

  expect_error(ErrorKind::failed, false, read(answer(404), filesize, Kind::tus),
               "does not speak tus, but phased");
  expect_error(ErrorKind::failed, false, read(answer(404), invalid, Kind::tus), "binary only");
  expect_error(ErrorKind::failed, false, read(tus_answer(), invalid, Kind::phased),
               "does not speak the phased protocol, but tus");
  expect_error(ErrorKind::unreachable, true, read(lost, filesize, Kind::tus));
  expect_error(ErrorKind::unreachable, true, read(tus_answer(), lost, Kind::phased));
  expect_error(ErrorKind::token_refused, false, read(tus_answer(), refused, Kind::binary));
}

TEST(ServerInquiry, UsesTusIfOptionsIsRefusedOnlyOnRequest) {
  for (const int status : {403, 405, 501}) {
    const Answer blocked = answer(status, "<html><title>Method Not Allowed</title></html>");
    for (const Answer& setup : {invalid, filesize, answer(404, nothing_of_it)}) {
      const auto given = read(blocked, setup, ProtocolKind::tus);
      expect_protocol(ProtocolKind::tus, given);
      EXPECT_TRUE(given->tus.extensions.empty());
      EXPECT_EQ(given->options_refused, status);
    }
    // The server may speak tus, so the profile says that OPTIONS was refused.
    const auto binary = read(blocked, invalid);
    expect_protocol(ProtocolKind::binary, binary);
    EXPECT_EQ(binary->options_refused, status);
    EXPECT_EQ(read(blocked, filesize)->options_refused, 0) << "phased for certain";
    EXPECT_THAT(about_refused_options(status),
                testing::AllOf(HasSubstr(std::to_string(status)), HasSubstr("--protocol tus")));
    // Refusals of the token and the dataset still count.
    expect_error(ErrorKind::token_refused, false, read(blocked, refused, ProtocolKind::tus));
    expect_error(ErrorKind::no_such_dataset, false, read(blocked, no_dataset, ProtocolKind::tus));
  }
  for (const int status : {404, 400, 500})
    EXPECT_EQ(read(answer(status), invalid)->options_refused, 0) << status;
  EXPECT_EQ(read(tus_answer(), invalid)->options_refused, 0);
}

TEST(ServerInquiry, ReportsProxyThatRequiresPassword) {
  for (const auto& [options, setup] :
       {std::pair(answer(407), answer(407, "log in")), std::pair(answer(404), answer(407))})
    for (const auto kind : {ProtocolKind::automatic, ProtocolKind::tus, ProtocolKind::binary})
      expect_error(ErrorKind::unreachable, false, read(options, setup, kind), "http_proxy");
}

TEST(ServerInquiry, KeepsPersistenceOfErrors) {
  Error typo = lost;
  typo.most_tries = few_tries;
  EXPECT_EQ(read(typo, typo).error().most_tries, few_tries);
  EXPECT_EQ(read(lost, lost).error().most_tries, 0U);
  EXPECT_EQ(read(answer(404), answer(501)).error().most_tries, few_tries);
  EXPECT_EQ(read(answer(404), answer(500)).error().most_tries, 0U);
}

TEST(ServerInquiry, ReadsTokenAcceptanceFromSetupAlone) {
  EXPECT_TRUE(read(tus_answer(), invalid)->token_taken);
  EXPECT_TRUE(read(answer(404), filesize)->token_taken);
  EXPECT_FALSE(read(tus_answer(), lost)->token_taken);
  EXPECT_FALSE(read(tus_answer(), answer(404, nothing_of_it))->token_taken);
}

TEST(ServerInquiry, RecognisesOnlyTusWithoutDataset) {
  Inquiry about;
  about.base_url = "https://databank.example";
  const auto ask = [&](const Result<Answer>& options) {
    return read_inquiry(about, {options, options, {}});
  };
  expect_protocol(ProtocolKind::tus, ask(tus_answer()));
  for (const Result<Answer>& options : no_tus())
    if (options->status != 301 && options->status != 400)
      expect_protocol(ProtocolKind::automatic, ask(options));
  // The port expects TLS, or the server is no Data Bank.
  about.base_url = "http://databank.example:443";
  expect_error(ErrorKind::usage, false,
               ask(answer(400, "<html><title>400 The plain HTTP request was sent to HTTPS port")),
               "must start with https://");
  for (const int status : {400, 402, 410, 418, 421, 451})
    expect_error(ErrorKind::failed, false, ask(answer(status, "no")), "check the URL");
  expect_protocol(ProtocolKind::automatic, ask(refused));
  EXPECT_FALSE(ask(refused)->token_taken);
  expect_error(ErrorKind::unreachable, true, ask(lost));
  expect_error(ErrorKind::unreachable, true, ask(answer(503)));
}

TEST(ServerInquiry, UsesShorterRoundTrip) {
  Answer options = answer(404);
  options.network = Answer::Network{0us, 30'000us, 3'000'000};
  Answer setup = filesize;
  setup.network = Answer::Network{0us, 20'000us, 4'000'000};
  const auto profile = read(options, setup);
  ASSERT_TRUE(profile);
  EXPECT_EQ(profile->round_trip, 20'000us);
  EXPECT_EQ(profile->max_in_flight_bytes, 4'000'000U);
  EXPECT_FALSE(read(answer(404), filesize)->round_trip);
}

TEST(ServerInquiry, ComputesClockDifferenceFromDate) {
  const auto now = std::chrono::system_clock::from_time_t(784111777);  // RFC 9110's example
  const auto ahead = [&](const char* date) {
    Answer dated = answer(200);
    if (date != nullptr) dated.headers = {{"date", date}};
    return clock_ahead(dated, now);
  };
  EXPECT_THAT(ahead("Sun, 06 Nov 1994 08:49:37 GMT"), testing::AnyOf(0s, 1s));
  EXPECT_THAT(ahead("Sun, 06 Nov 1994 08:51:37 GMT"), testing::AnyOf(120s, 121s));
  EXPECT_THAT(ahead("Sun, 06 Nov 1994 07:49:37 GMT"), testing::AnyOf(-3600s, -3599s));
  for (const char* none : {static_cast<const char*>(nullptr), "", "yesterday", "1994-11-06"})
    EXPECT_FALSE(ahead(none)) << (none ? none : "no header");
}

TEST(ServerInquiry, UsesLongerRetryAfter) {
  Inquired inquired{answer(503), answer(503), {}};
  EXPECT_FALSE(inquired.retry_after());
  inquired.options->retry_after = 5s;
  EXPECT_EQ(inquired.retry_after(), 5s);
  inquired.setup->retry_after = 7s;
  EXPECT_EQ(inquired.retry_after(), 7s);
}

class AskingAServer : public testing::Test {
 protected:
  Inquiry about() {
    Inquiry about = inquiry();
    about.base_url = server_.url();
    return about;
  }

  ScriptedServer server_;
  CurlTransport http_{{}};
};

TEST_F(AskingAServer, SendsOptionsAndSetupWithoutFilesize) {
  const Inquired inquired = inquire(http_, about());
  expect_protocol(ProtocolKind::phased, read_inquiry(about(), inquired));
  const auto seen = server_.seen();
  ASSERT_EQ(seen.size(), 2U);
  const bool options_first = seen[0].method == "OPTIONS";
  const test::Seen& options = seen[options_first ? 0 : 1];
  const test::Seen& setup = seen[options_first ? 1 : 0];
  EXPECT_EQ(options.method, "OPTIONS");
  EXPECT_EQ(options.target, "/files/");
  EXPECT_EQ(setup.method, "POST");
  EXPECT_EQ(setup.target, "/api/dataset/IDB-1234567/datafile");
  EXPECT_EQ(setup.phase, Phase::ask);
  EXPECT_EQ(setup.fields.size(), 2U) << "phase and filename alone";
  for (const test::Seen& request : seen)
    EXPECT_EQ(request.headers.at("authorization"), fmt::format("Token token={}", token));
}

/// The name is random each time, because a name in use would change the response.
TEST_F(AskingAServer, UsesAnotherNameEachTime) {
  static_cast<void>(inquire(http_, about()));
  static_cast<void>(inquire(http_, about()));
  std::vector<std::string> names;
  for (const auto& seen : server_.seen())
    if (seen.phase == Phase::ask) names.push_back(seen.field("filename"));
  ASSERT_EQ(names.size(), 2U);
  EXPECT_NE(names[0], names[1]);
}

TEST_F(AskingAServer, ComparesDateWithLocalClock) {
  server_.set_faults({{.occurrence = -1,
                       .answer = http_answer(500, "missing paramter: filesize",
                                             "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n")}});
  const Inquired inquired = inquire(http_, about());
  ASSERT_TRUE(inquired.clock_ahead);
  EXPECT_LT(*inquired.clock_ahead, -24h * 365 * 20);
}

TEST_F(AskingAServer, SendsOnlyOptionsWithoutDataset) {
  Inquiry about;
  about.base_url = server_.url();
  expect_protocol(ProtocolKind::automatic, read_inquiry(about, inquire(http_, about)));
  ASSERT_EQ(server_.seen().size(), 1U);
  EXPECT_EQ(server_.seen()[0].target, "/files/");
  EXPECT_FALSE(server_.seen()[0].headers.contains("authorization"));
}

TEST_F(AskingAServer, StopInterruptsPendingQuestions) {
  server_.set_faults({{.occurrence = -1, .then = test::Fault::Then::hold}});
  Inquiry stopped = about();
  stopped.stop = [&] { return server_.seen().size() == 2; };
  expect_error(ErrorKind::interrupted, false, read_inquiry(stopped, inquire(http_, stopped)));
}

TEST_F(AskingAServer, UsesOneResponseIfTheOtherIsLost) {
  server_.set_faults({{.phase = Phase::options, .then = test::Fault::Then::reset}});
  expect_protocol(ProtocolKind::phased, read_inquiry(about(), inquire(http_, about())));
}

TEST(ServerInquiry, TokenInquiryUpdatesKnownServer) {
  const auto read = [](ProtocolKind known, Result<Answer> setup) {
    ServerProfile profile;
    profile.protocol = known;
    return read_token_inquiry(inquiry(), profile, {lost, std::move(setup), {}});
  };
  for (const Answer& both : {filesize, taken}) {
    EXPECT_TRUE((*read(ProtocolKind::phased, both))->token_taken);
    EXPECT_TRUE((*read(ProtocolKind::tus, both))->token_taken) << "the server may speak both";
    EXPECT_FALSE(*read(ProtocolKind::binary, both)) << "the server now speaks another protocol";
  }
  EXPECT_TRUE((*read(ProtocolKind::tus, invalid))->token_taken);
  EXPECT_TRUE((*read(ProtocolKind::binary, invalid))->token_taken);
  EXPECT_FALSE(*read(ProtocolKind::phased, invalid));
  EXPECT_FALSE((*read(ProtocolKind::tus, answer(403, nothing_of_it)))->token_taken);
  EXPECT_EQ(read(ProtocolKind::tus, refused).error().kind, ErrorKind::token_refused);
  EXPECT_EQ(read(ProtocolKind::tus, no_dataset).error().kind, ErrorKind::no_such_dataset);
  const auto proxy = read(ProtocolKind::tus, answer(407, nothing_of_it));
  ASSERT_FALSE(proxy);
  EXPECT_FALSE(proxy.error().retryable);
  EXPECT_THAT(proxy.error().message, HasSubstr("http_proxy"));
}

}  // namespace
}  // namespace sluice::server_inquiry_test
