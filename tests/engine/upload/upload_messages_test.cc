#include "engine/upload/upload_messages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/engine/upload/fake_protocol.h"

namespace sluice::upload_messages_test {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class UploadMessagesTest : public testing::Test {
 protected:
  UploadMessages messages() {
    return UploadMessages({.file = "/data/scan.h5",
                           .name = "scan.h5",
                           .base_url = "https://bank.example",
                           .dataset = "IDB-1",
                           .protocol = protocol_,
                           .registration = registration_,
                           .unknown_to_later_runs = [this] { return unknown_to_later_runs_; }});
  }
  static Request chunk(std::uint64_t begin, std::uint64_t end) {
    Request request;
    request.step = Request::Step::chunk;
    request.payload = {begin, end};
    return request;
  }
  static Request finish() {
    Request request;
    request.step = Request::Step::finish;
    return request;
  }

  test::FakeProtocol protocol_;
  Registration registration_{{.can_ask = true, .wait = 30s}};
  std::optional<std::chrono::seconds> unknown_to_later_runs_;
};

TEST_F(UploadMessagesTest, NameFileOffsetServerAndCause) {
  const Error error =
      messages().failed(chunk(4096, 8192), {ErrorKind::unreachable, "connection reset", 56, true});
  EXPECT_THAT(error.message, AllOf(HasSubstr("/data/scan.h5"), HasSubstr("4096"),
                                   HasSubstr("no response from https://bank.example"),
                                   HasSubstr("connection reset")));
  EXPECT_EQ(error.code, 56);
  EXPECT_TRUE(error.retryable);
}

TEST_F(UploadMessagesTest, OnlyPermanentErrorsSayThatNothingWasRegistered) {
  const Request request = chunk(0, 10);
  EXPECT_THAT(messages().failed(request, {ErrorKind::failed, "refused", 403, false}).message,
              EndsWith("; nothing was registered"));
  // Recovery adds it once no retry is left.
  EXPECT_THAT(messages().failed(request, {ErrorKind::failed, "busy", 503, true}).message,
              Not(HasSubstr("registered")));
}

TEST_F(UploadMessagesTest, AddTheDoubtIfTheServerCannotBeAsked) {
  registration_.sent();
  const Error lost{ErrorKind::unreachable, "timed out", 28, false};
  EXPECT_THAT(messages().failed(finish(), lost).message, Not(HasSubstr("registered")));
  protocol_.can_ask = false;
  EXPECT_THAT(messages().failed(finish(), lost).message, EndsWith("; the file may be registered"));
}

TEST_F(UploadMessagesTest, TellAnInterruptedUploadsOffsetAndRegistration) {
  EXPECT_EQ(messages().interrupted(77).message,
            "the upload of /data/scan.h5 was interrupted at offset 77; nothing was registered");
  EXPECT_EQ(messages().interrupted(77).kind, ErrorKind::interrupted);
  registration_.sent();
  EXPECT_THAT(messages().interrupted(77).message, EndsWith("; the file may be registered"));
}

TEST_F(UploadMessagesTest, AskForAWaitIfTheJournalDoesNotStoreTheDoubt) {
  registration_.sent();
  unknown_to_later_runs_ = 300s;
  EXPECT_THAT(
      messages().interrupted(77).message,
      AllOf(HasSubstr("of 'scan.h5' is unconfirmed, and no journal stores that; wait 300 s"),
            HasSubstr("https://bank.example/datasets/IDB-1: if 'scan.h5' is missing"),
            Not(HasSubstr("the file may be registered"))));
}

TEST_F(UploadMessagesTest, QuoteBothChunkLengths) {
  protocol_.least = 5 << 20;
  const Error error = messages().chunk_below_minimum(chunk(0, 2 << 20));
  EXPECT_THAT(error.message, AllOf(HasSubstr("2.00 MiB"), HasSubstr("5.00 MiB"), HasSubstr("413")));
  EXPECT_EQ(error.code, 413);
}

TEST_F(UploadMessagesTest, CountHowOftenTheServerLostTheBytes) {
  const Error error = messages().bytes_lost(3);
  EXPECT_THAT(error.message, HasSubstr("3 times"));
  EXPECT_EQ(error.kind, ErrorKind::integrity);
}

TEST_F(UploadMessagesTest, MissingDatasetAddsDoubtIfServerCannotBeAsked) {
  EXPECT_THAT(messages().no_dataset(finish()).message, EndsWith("; nothing was registered"));
  registration_.sent();
  EXPECT_THAT(messages().no_dataset(finish()).message, EndsWith("is still a draft"));
  protocol_.can_ask = false;
  EXPECT_THAT(messages().no_dataset(finish()).message, EndsWith("; the file may be registered"));
}

TEST_F(UploadMessagesTest, TellWhyAValidTokenWasRefused) {
  EXPECT_THAT(messages().refused_valid_token(finish(), 401, true).message,
              AllOf(HasSubstr("accepts the token"), HasSubstr("restarting")));
  EXPECT_THAT(messages().refused_valid_token(finish(), 500, false).message,
              AllOf(HasSubstr("accepted the token"), HasSubstr("internal error")));
}

}  // namespace
}  // namespace sluice::upload_messages_test
