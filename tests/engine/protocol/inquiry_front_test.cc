#include "engine/protocol/inquiry_front.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::inquiry_front_test {
namespace {

using testing::HasSubstr;

constexpr const char* test_token = "s3cr3t-t0k3n";

Answer with_body(int status, std::string body = {}) {
  Answer answer;
  answer.status = status;
  answer.body = std::move(body);
  return answer;
}

const Answer page = with_body(404, "<html>404 s3cr3t-t0k3n</html>");
const Answer invalid = with_body(500, "invalid request");
const Answer filesize = with_body(500, "missing paramter: filesize\n");

Result<ServerProfile> ask(const Answer& options, const Answer& setup, ProtocolKind known,
                          ProtocolKind given = ProtocolKind::automatic) {
  Inquiry inquiry;
  inquiry.base_url = "https://databank.example";
  inquiry.dataset = "IDB-1234567";
  inquiry.token = Secret(test_token);
  inquiry.protocol = given;
  const Inquired inquired{options, setup, {}};
  return doubt_front(inquiry, inquired, known, read_inquiry(inquiry, inquired));
}

TEST(InquiryFront, DoubtsBinaryIfServerSpokeTusBefore) {
  for (const Answer& options : {page, with_body(404), with_body(403), with_body(200, "<html>")}) {
    const auto doubted = ask(options, invalid, ProtocolKind::tus);
    ASSERT_FALSE(doubted) << options.status;
    EXPECT_TRUE(doubted.error().retryable);
    EXPECT_EQ(doubted.error().kind, ErrorKind::unreachable);
    EXPECT_THAT(doubted.error().message, HasSubstr("OPTIONS"));
    EXPECT_THAT(doubted.error().message, Not(HasSubstr(test_token)));
  }
  // A positive response counts, and so does the protocol that the caller requested.
  EXPECT_EQ(ask(page, filesize, ProtocolKind::tus)->protocol, ProtocolKind::phased);
  EXPECT_EQ(ask(page, invalid, ProtocolKind::tus, ProtocolKind::binary)->protocol,
            ProtocolKind::binary);
  for (const ProtocolKind known : {ProtocolKind::automatic, ProtocolKind::binary})
    EXPECT_EQ(ask(page, invalid, known)->protocol, ProtocolKind::binary);
}

TEST(InquiryFront, KnownServerIsRetriedAsUnreachable) {
  using Kind = ProtocolKind;
  for (const auto& [known, given] : {std::pair(Kind::tus, Kind::automatic),
                                     {Kind::phased, Kind::automatic},
                                     {Kind::binary, Kind::automatic},
                                     {Kind::tus, Kind::tus},
                                     {Kind::phased, Kind::phased}})
    for (const Answer& answer : {page, with_body(404), with_body(410), with_body(405),
                                 with_body(200, "<title>back soon</title>")}) {
      const auto doubted = ask(answer, answer, known, given);
      // Where OPTIONS is forbidden, the requested protocol is used.
      if (answer.status == 405 && given == Kind::tus) {
        EXPECT_TRUE(doubted);
        continue;
      }
      ASSERT_FALSE(doubted);
      EXPECT_TRUE(doubted.error().retryable) << doubted.error().message;
      EXPECT_EQ(doubted.error().kind, ErrorKind::unreachable) << doubted.error().message;
    }
}

TEST(InquiryFront, BelievesRefusalOfProtocolNotSpokenBefore) {
  for (const ProtocolKind known : {ProtocolKind::phased, ProtocolKind::binary}) {
    const auto refused = ask(with_body(404), filesize, known, ProtocolKind::tus);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::failed) << refused.error().message;
    EXPECT_FALSE(refused.error().retryable);
    EXPECT_THAT(refused.error().message, HasSubstr("does not speak tus"));
  }
}

TEST(InquiryFront, UnknownServerIsRetriedAsFailed) {
  for (const Answer& answer : {page, with_body(404, "nothing here"), with_body(403)}) {
    const auto doubted = ask(answer, answer, ProtocolKind::automatic);
    ASSERT_FALSE(doubted);
    EXPECT_TRUE(doubted.error().retryable);
    EXPECT_EQ(doubted.error().kind, ErrorKind::failed) << "and not no_such_dataset";
  }
}

TEST(InquiryFront, BelievesResponsesOfTheDataBank) {
  for (const ProtocolKind known : {ProtocolKind::automatic, ProtocolKind::tus}) {
    const auto no_dataset = ask(page, with_body(404, "Dataset Not Found"), known);
    ASSERT_FALSE(no_dataset);
    EXPECT_EQ(no_dataset.error().kind, ErrorKind::no_such_dataset);
    EXPECT_FALSE(no_dataset.error().retryable);
    const auto refused = ask(page, with_body(401, "HTTP Token: Access denied.\n"), known);
    ASSERT_FALSE(refused);
    EXPECT_FALSE(refused.error().retryable);
    const auto redirected = ask(page, with_body(302), known);
    ASSERT_FALSE(redirected);
    EXPECT_FALSE(redirected.error().retryable);
  }
}

}  // namespace
}  // namespace sluice::inquiry_front_test
