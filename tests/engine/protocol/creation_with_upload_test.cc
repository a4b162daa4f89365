// Small files whose bytes go with the creation of their upload (tus's creation-with-upload): what
// is learned of a server, and what Tus makes of the answers.
#include "engine/protocol/creation_with_upload.h"

#include <gtest/gtest.h>

#include "tests/engine/protocol/tus_fixture.h"

namespace sluice::tus_steps::creation_with_upload_test {
namespace {

using Failure = CreationWithUpload::Failure;

TEST(CreationWithUpload, AllowsSmallFilesExceptEmptyOnes) {
  const CreationWithUpload creation;
  EXPECT_FALSE(creation.allows(0));
  EXPECT_TRUE(creation.allows(1));
  EXPECT_TRUE(creation.allows(CreationWithUpload::most_bytes));
  EXPECT_FALSE(creation.allows(CreationWithUpload::most_bytes + 1));
}

TEST(CreationWithUpload, StopsAfterIgnoredOrRefusedBytes) {
  CreationWithUpload ignored;
  ignored.kept_bytes();
  ignored.ignored_bytes();
  EXPECT_FALSE(ignored.allows(1));
  CreationWithUpload refused;
  refused.kept_bytes();
  refused.failed(Failure::refused, 1000);
  EXPECT_FALSE(refused.allows(1));
}

TEST(CreationWithUpload, HalvesTheLimitAfter413) {
  CreationWithUpload creation;
  creation.failed(Failure::too_large, 1000);
  EXPECT_TRUE(creation.allows(500));
  EXPECT_FALSE(creation.allows(501));
  creation.failed(Failure::too_large, 2000);  // was in flight at the same time
  EXPECT_TRUE(creation.allows(500));
  EXPECT_FALSE(creation.allows(501));
}

TEST(CreationWithUpload, ContinuesWithProvenServerAfterOtherFailures) {
  CreationWithUpload unproven;
  unproven.failed(Failure::unclear, 1000);
  EXPECT_FALSE(unproven.allows(1));
  CreationWithUpload proven;
  proven.kept_bytes();
  proven.failed(Failure::unclear, 1000);
  EXPECT_TRUE(proven.allows(1000));
}

class TusFirstBytes : public testing::Test {
 protected:
  static constexpr std::uint64_t size = 1000;

  Tus::Setting small(std::uint64_t bytes = size) {
    Tus::Setting setting = tus_steps::setting(bytes);
    setting.creation = &*creation_;
    return setting;
  }
  static Answer created_at(const std::string& offset) {
    return own(201, {{"location", "7"}, {"upload-offset", offset}});
  }
  static void expect_bytes(const At& at) {
    EXPECT_EQ(at.request.step, Step::begin);
    EXPECT_EQ(at.request.payload, (ByteRange{0, size}));
    EXPECT_TRUE(has_header(at.request, "Content-Type: application/offset+octet-stream"));
    EXPECT_TRUE(has_header(at.request, "Upload-Length: 1000"));
  }
  static void expect_no_bytes(const At& at) {
    EXPECT_EQ(at.request.step, Step::begin);
    EXPECT_EQ(at.request.body_size(), 0U);
    EXPECT_TRUE(has_header(at.request, "Content-Type:"));
  }
  /// Expects that the creating request carries no bytes, and that a PATCH with all of them follows.
  static void expect_created_without(At& at) {
    expect_no_bytes(at);
    ASSERT_TRUE(at.protocol.read_answer(created()));
    ASSERT_EQ(at.next(), Step::chunk);
    EXPECT_EQ(at.request.payload, (ByteRange{0, size}));
  }

  std::optional<CreationWithUpload> creation_{std::in_place};
};

TEST_F(TusFirstBytes, SaveOneRequest) {
  At at(Step::begin, small());
  expect_bytes(at);
  ASSERT_TRUE(at.protocol.read_answer(created_at("1000")));
  EXPECT_EQ(at.protocol.committed(), size);
  EXPECT_EQ(at.protocol.upload_url(), upload);
  EXPECT_EQ(at.next(), Step::finish);
  EXPECT_EQ(field(at.request, "tus_url"), upload);
  EXPECT_TRUE(creation_->allows(size));
}

TEST_F(TusFirstBytes, AreNotSentWithOtherFiles) {
  expect_no_bytes(At(Step::begin, setting(size)));
  expect_no_bytes(At(Step::begin, small(0)));
  expect_no_bytes(At(Step::begin, small(CreationWithUpload::most_bytes + 1)));
  At chunks(Step::begin, small());
  chunks.protocol.limit_chunk(size - 1);  // a proxy refuses larger requests
  chunks.ask(size - 1);
  expect_no_bytes(chunks);
  chunks.ask(size);
  expect_bytes(chunks);
  creation_->ignored_bytes();  // those of another file, while this one was queued
  chunks.ask(size);
  expect_no_bytes(chunks);
}

TEST_F(TusFirstBytes, ResumeFromASmallerOffset) {
  At at(Step::begin, small());
  ASSERT_TRUE(at.protocol.read_answer(created_at("600")));
  EXPECT_EQ(at.protocol.committed(), 600U);
  ASSERT_EQ(at.next(), Step::chunk);
  EXPECT_EQ(at.request.payload, (ByteRange{600, size}));
  EXPECT_TRUE(has_header(at.request, "Upload-Offset: 600"));
  EXPECT_TRUE(creation_->allows(size));
}

TEST_F(TusFirstBytes, AreSentByPatchIfNotKept) {
  At at(Step::begin, small());
  ASSERT_TRUE(at.protocol.read_answer(created_at("0")));
  ASSERT_EQ(at.next(), Step::chunk);
  EXPECT_EQ(at.request.payload, (ByteRange{0, size}));
  EXPECT_FALSE(creation_->allows(size)) << "each file would be sent twice";
}

/// Without a valid Upload-Offset, only HEAD tells whether the server kept the bytes.
TEST_F(TusFirstBytes, AreQueriedByHeadWithoutValidOffset) {
  for (const char* offset : {"", "-1", "1001", "x"}) {
    for (const std::uint64_t kept : {std::uint64_t{0}, std::uint64_t{400}, size}) {
      creation_.emplace();
      At at(Step::begin, small());
      ASSERT_TRUE(at.protocol.read_answer(*offset == 0 ? created() : created_at(offset)));
      EXPECT_EQ(at.protocol.committed(), 0U);
      ASSERT_EQ(at.next(), Step::ask_committed) << offset;
      EXPECT_EQ(at.request.url, upload);
      ASSERT_TRUE(at.protocol.read_answer(held(kept, size)));
      EXPECT_EQ(at.next(), kept == size ? Step::finish : Step::chunk);
      EXPECT_EQ(at.protocol.committed(), kept);
    }
  }
}

TEST_F(TusFirstBytes, AreSentByPatchAfterRefusal) {
  for (const int status : {400, 403, 404, 405, 411, 413, 415, 422, 501}) {
    creation_.emplace();
    At at(Step::begin, small());
    ASSERT_TRUE(at.protocol.read_answer(own(status, {}, "no"))) << status;
    EXPECT_EQ(at.protocol.upload_url(), "");
    EXPECT_TRUE(creation_->allows(size)) << "the creation without bytes has not succeeded yet";
    at.ask();
    expect_created_without(at);
    EXPECT_FALSE(creation_->allows(size)) << status;
    EXPECT_EQ(creation_->allows(size / 2), status == 413);
  }
}

TEST_F(TusFirstBytes, StayAllowedIfPlainCreationFailsToo) {
  At at(Step::begin, small());
  ASSERT_TRUE(at.protocol.read_answer(answer(404, {}, "<html>deploying</html>")));
  at.ask();
  expect_no_bytes(at);
  at.error_and_retry(answer(404, {}, "<html>deploying</html>"));
  expect_created_without(at);
  EXPECT_TRUE(creation_->allows(size));

  At too_large(Step::begin, small());
  ASSERT_TRUE(too_large.protocol.read_answer(own(413, {}, "no")));
  too_large.ask();
  const Error error = too_large.error_for(own(413, {}, "no"));
  EXPECT_THAT(error.message, HasSubstr("refused a file of 1000 bytes as too large"));
  EXPECT_FALSE(error.retryable);
}

TEST_F(TusFirstBytes, AreOmittedFromRetry) {
  for (const int status : {0, 408, 423, 429, 500, 502, 503, 504}) {
    creation_.emplace();
    At at(Step::begin, small());
    if (status == 0) {  // no response
      at.protocol.recover();
      at.ask();
    } else {
      at.error_and_retry(answer(status, {}, "<html>busy</html>"));
    }
    expect_created_without(at);
    // A busy server teaches nothing about the bytes.
    EXPECT_EQ(creation_->allows(size),
              status == 408 || status == 423 || status == 429 || status == 503)
        << status;
  }
}

TEST_F(TusFirstBytes, StayAllowedAfterRefusedToken) {
  At at(Step::begin, small());
  EXPECT_EQ(at.error_for(answer(401, {}, std::string("you sent ") + token)).kind,
            ErrorKind::token_refused);
  at.protocol.recover();
  at.ask();
  expect_created_without(at);
  EXPECT_TRUE(creation_->allows(size));
}

/// As without the bytes: the other server would get the token and the file.
TEST_F(TusFirstBytes, AreNotSentToAnotherServer) {
  At redirected(Step::begin, small());
  EXPECT_FALSE(
      redirected.error_for(own(307, {{"location", "https://evil.example.org/"}})).retryable);
  At located(Step::begin, small());
  located.error_for(
      own(201, {{"location", "https://evil.example.org/files/7"}, {"upload-offset", "1000"}}));
  EXPECT_EQ(located.protocol.upload_url(), "");
  EXPECT_EQ(located.protocol.committed(), 0U);
}

TEST_F(TusFirstBytes, AreSentAgainIfUploadIsGone) {
  At at(Step::begin, small());
  ASSERT_TRUE(at.protocol.read_answer(created_at("600")));
  ASSERT_EQ(at.next(), Step::chunk);
  ASSERT_TRUE(at.protocol.read_answer(own(410)));
  EXPECT_EQ(at.protocol.committed(), 0U);
  at.ask();
  expect_bytes(at);
}

}  // namespace
}  // namespace sluice::tus_steps::creation_with_upload_test
