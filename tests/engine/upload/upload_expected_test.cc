// Expected digests are compared before the file is registered.
#include "tests/engine/upload/upload_tus_fixture.h"

namespace sluice::upload_expected_test {
namespace {

const std::string other_xxh128(32, '0');

class ExpectedDigestsTest : public UploadTest, public testing::WithParamInterface<ProtocolKind> {
 protected:
  ExpectedDigestsTest() { options_.state_dir = state_.path(); }
  ~ExpectedDigestsTest() override { engine_.reset(); }

  UploadRequest asked(const std::string& xxh128) {
    UploadRequest request = UploadTest::request();
    request.server.protocol = GetParam();
    request.server.tus.extensions = {"creation"};
    request.expected.xxh128 = xxh128;
    return request;
  }

  TempDir state_;
};

TEST_P(ExpectedDigestsTest, RegistersMatchingFile) {
  expect_registered(start(asked(xxh128(content("scan.h5"))))->wait());
}

TEST_P(ExpectedDigestsTest, DoesNotRegisterDifferentFile) {
  const Report report = start(asked(other_xxh128))->wait();
  EXPECT_EQ(report.status, Status::failed);
  ASSERT_TRUE(report.error);
  EXPECT_EQ(report.error->kind, ErrorKind::integrity);
  EXPECT_THAT(report.error->message,
              HasSubstr("scan.h5: the xxh128 of the file is " + xxh128(content("scan.h5")) +
                        ", and " + other_xxh128 + " was expected"));
  EXPECT_FALSE(server_.registered("scan.h5"));
  EXPECT_EQ(verifies(), 0);
}

TEST_P(ExpectedDigestsTest, ComparesDigestOfEmptyFile) {
  write("empty", 0);
  UploadRequest request = asked(other_xxh128);
  request.path = directory_ / "empty";
  request.name = "empty";
  const Report report = start(request)->wait();
  ASSERT_TRUE(report.error);
  EXPECT_EQ(report.error->kind, ErrorKind::integrity) << report.error->message;
  EXPECT_FALSE(server_.registered("empty"));
}

TEST_P(ExpectedDigestsTest, ComparesSecondDigest) {
  UploadRequest request = asked({});
  request.digests = {DigestKind::md5};
  request.expected.md5 = std::string(32, 'f');
  const Report report = start(request)->wait();
  ASSERT_TRUE(report.error);
  EXPECT_THAT(report.error->message, HasSubstr("the md5 of the file is"));
  EXPECT_EQ(report.error->kind, ErrorKind::integrity);
  EXPECT_FALSE(server_.registered("scan.h5"));
}

TEST_P(ExpectedDigestsTest, ResumesAfterDigestIsCorrected) {
  EXPECT_EQ(start(asked(other_xxh128))->wait().status, Status::failed);
  const Report report = start(asked(xxh128(content("scan.h5"))))->wait();
  expect_registered(report);
  const bool resumes = GetParam() != ProtocolKind::binary;
  EXPECT_EQ(report.resumed_from, resumes ? file_size : 0U);
}

TEST_P(ExpectedDigestsTest, ComparesRegisteredFileWithReceipt) {
  expect_registered(start(asked({}))->wait());
  const Report same = start(asked(xxh128(content("scan.h5"))))->wait();
  EXPECT_EQ(same.status, Status::registered);
  EXPECT_FALSE(same.registered_before.empty());
  const Report differs = start(asked(other_xxh128))->wait();
  EXPECT_EQ(differs.status, Status::failed);
  ASSERT_TRUE(differs.error);
  EXPECT_EQ(differs.error->kind, ErrorKind::integrity);
  EXPECT_THAT(differs.error->message, HasSubstr("an earlier run has registered the file"));
}

INSTANTIATE_TEST_SUITE_P(Protocols, ExpectedDigestsTest,
                         testing::Values(ProtocolKind::phased, ProtocolKind::tus,
                                         ProtocolKind::binary),
                         [](const auto& one) { return std::string(to_string(one.param)); });

}  // namespace
}  // namespace sluice::upload_expected_test
