// Small files over tus, whose bytes are sent with the creation of the upload
// (creation-with-upload).
#include "tests/engine/upload/upload_tus_fixture.h"

namespace sluice::upload_tus_creation_test {
namespace {

using FirstBytes = test::TusRules::FirstBytes;

class SmallOverTus : public TusTest {
 protected:
  static constexpr std::size_t size = 100'000;

  SmallOverTus() {
    for (const char* file : {"a", "b", "c"}) write(file, size);
  }

  UploadRequest small(const std::string& file) {
    UploadRequest request = tus(file);
    request.server.tus.extensions.emplace_back("creation-with-upload");
    return request;
  }
  Report upload_small(const std::string& file) { return start(small(file))->wait(); }

  /// Returns the requests since the last call, as in "create+bytes patch registration".
  std::string requests() {
    std::string text;
    const auto seen = server_.seen();
    for (; requests_seen_ < seen.size(); ++requests_seen_) {
      const auto& request = seen[requests_seen_];
      text += text.empty() ? "" : " ";
      switch (request.phase) {
        case Phase::create:
          text += request.headers.at("content-length") == "0" ? "create" : "create+bytes";
          break;
        case Phase::patch:
          text += "patch@" + request.offset();
          break;
        case Phase::head:
          text += "head";
          break;
        case Phase::registration:
          text += "register";
          break;
        default:
          text += request.method;
      }
    }
    return text;
  }

  static constexpr const char* in_two = "create+bytes register";
  static constexpr const char* in_three = "create patch@0 register";

 private:
  std::size_t requests_seen_ = 0;
};

TEST_F(SmallOverTus, SendsTwoRequests) {
  const Report report = upload_small("a");
  expect_registered(report, "a");
  EXPECT_EQ(requests(), in_two);
  EXPECT_EQ(report.chunks, 1U);
  EXPECT_EQ(report.retries, 0U);
  EXPECT_EQ(server_.seen()[0].headers.at("content-length"), std::to_string(size));
  EXPECT_EQ(entry().state, JournalEntry::State::registered);
}

TEST_F(SmallOverTus, IsCreatedWithoutBytesIfUnsupported) {
  expect_registered(start(tus("a"))->wait(), "a");
  EXPECT_EQ(requests(), in_three) << "the server does not announce the extension";

  write("empty", 0);
  expect_registered(upload_small("empty"), "empty");
  EXPECT_EQ(requests(), "create register");

  write("block", tus_block);
  expect_registered(upload_small("block"), "block");
  EXPECT_EQ(requests(), in_two);
  write("more", tus_block + 1);  // has a journal entry before it is sent
  expect_registered(upload_small("more"), "more");
  EXPECT_EQ(requests(), in_three);

  UploadRequest checked = small("b");
  checked.server.tus.extensions.emplace_back("checksum");
  checked.server.tus.algorithms = {"sha1"};
  expect_registered(start(checked)->wait(), "b");
  EXPECT_EQ(requests(), in_three);
  EXPECT_TRUE(server_.seen()[server_.seen().size() - 2].headers.contains("upload-checksum"));
}

TEST_F(SmallOverTus, IsSentAgainIfServerIgnoresBytes) {
  server_.set_tus_rules({.first_bytes = FirstBytes::ignored});
  expect_registered(upload_small("a"), "a");
  EXPECT_EQ(requests(), "create+bytes head patch@0 register");
  expect_registered(upload_small("b"), "b");
  EXPECT_EQ(requests(), in_three) << "the server's behaviour is known now";
}

TEST_F(SmallOverTus, IsNotSentAgainIfOffsetIsMissing) {
  server_.set_tus_rules({.first_bytes = FirstBytes::unsaid});
  expect_registered(upload_small("a"), "a");
  EXPECT_EQ(requests(), "create+bytes head register");
}

TEST_F(SmallOverTus, ResumesAfterPartlyStoredBytes) {
  server_.set_faults({{.phase = Phase::create, .carried_out = true, .keeps = 60'001}});
  const Report report = upload_small("a");
  expect_registered(report, "a");
  EXPECT_EQ(requests(), "create+bytes patch@60001 register");
  EXPECT_EQ(report.chunks, 2U);
  expect_registered(upload_small("b"), "b");
  EXPECT_EQ(requests(), in_two);
}

class SmallRefused : public SmallOverTus, public testing::WithParamInterface<int> {};
INSTANTIATE_TEST_SUITE_P(, SmallRefused, testing::Values(400, 403, 404, 415, 501),
                         testing::PrintToStringParamName());

TEST_P(SmallRefused, DisablesBytesInCreation) {
  server_.set_faults(
      {{.phase = Phase::create,
        .answer = http_answer(GetParam(), "not with {token}", "Tus-Resumable: 1.0.0\r\n")}});
  const Report report = upload_small("a");
  expect_registered(report, "a");
  EXPECT_EQ(requests(), "create+bytes create patch@0 register");
  EXPECT_EQ(report.retries, 0U);
  EXPECT_EQ(warnings(), "");
  expect_registered(upload_small("b"), "b");
  EXPECT_EQ(requests(), in_three);
}

TEST_F(SmallOverTus, IsCreatedWithoutBytesBehindProxyLimit) {
  write("half", size / 2);
  server_.set_faults({{.phase = Phase::create, .answer = http_answer(413, "")}});
  expect_registered(upload_small("a"), "a");
  EXPECT_EQ(requests(), "create+bytes create patch@0 register");
  expect_registered(upload_small("b"), "b");
  EXPECT_EQ(requests(), in_three);
  expect_registered(upload_small("half"), "half");
  EXPECT_EQ(requests(), in_two);
}

/// Each transient failure.
class EverySmallCreation : public SmallOverTus, public testing::WithParamInterface<Passing> {};
INSTANTIATE_TEST_SUITE_P(All, EverySmallCreation, testing::ValuesIn(passing),
                         [](const auto& param) { return std::string(param.param.name); });

TEST_P(EverySmallCreation, IsRetriedAndRegistersOnce) {
  Fault fault = GetParam().fault;
  fault.phase = Phase::create;
  server_.set_faults({fault});
  const Report report = upload_small("a");
  expect_registered(report, "a");
  EXPECT_EQ(server_.registrations(), 1);
  EXPECT_EQ(report.retries, 1U);
  EXPECT_EQ(requests(), "create+bytes create patch@0 register");
  EXPECT_THAT(warnings(), Not(HasSubstr(token)));
  EXPECT_THAT(warnings(), Not(HasSubstr("lost all bytes"))) << "none had been acknowledged";
}

TEST_F(SmallOverTus, KeepsBytesInCreationAfterLostResponseOfProvenServer) {
  expect_registered(upload_small("a"), "a");
  EXPECT_EQ(requests(), in_two);
  server_.set_faults({{.phase = Phase::create,
                       .carried_out = true,
                       .answer = http_answer(500, ""),
                       .then = Then::close}});
  expect_registered(upload_small("b"), "b");
  EXPECT_EQ(requests(), "create+bytes create patch@0 register");
  expect_registered(upload_small("c"), "c");
  EXPECT_EQ(requests(), in_two);
  EXPECT_EQ(server_.registrations(), 3);
}

/// The bytes that the server kept belong to an unknown upload, which expires.
TEST_F(SmallOverTus, RestartsAfterCrashBeforeResponse) {
  server_.set_faults({{.phase = Phase::create, .then = Then::hold}});
  auto upload = start(small("a"));
  ASSERT_TRUE(server_.wait_for(Phase::create));
  upload->cancel();
  EXPECT_EQ(upload->wait().status, Status::interrupted);
  upload.reset();  // must be destroyed before its engine
  engine_.reset();
  EXPECT_TRUE(entries().empty()) << "the journal has nothing to resume";
  server_.set_faults({});
  requests();
  expect_registered(upload_small("a"), "a");
  EXPECT_EQ(requests(), in_two);
  EXPECT_EQ(server_.registrations(), 1);
}

TEST_F(SmallOverTus, IsNotRegisteredIfFileChanged) {
  server_.set_faults(
      {{.phase = Phase::create, .before = [this] { write("a", size, 9); }, .carried_out = true}});
  const Report report = upload_small("a");
  EXPECT_EQ(report.status, Status::failed);
  EXPECT_EQ(report.error->kind, ErrorKind::local_file) << report.error->message;
  EXPECT_EQ(server_.registrations(), 0);
}

/// curl itself retries the request if a reused connection turns out to be closed.
TEST_F(SmallOverTus, IsSentAgainIfReusedConnectionIsDead) {
  expect_registered(upload_small("a"), "a");
  requests();
  server_.set_faults({{.phase = Phase::create, .answer = "", .then = Then::close}});
  const Report report = upload_small("b");
  expect_registered(report, "b");
  EXPECT_EQ(report.retries, 0U);
  EXPECT_EQ(requests(), "create+bytes create+bytes register");
}

}  // namespace
}  // namespace sluice::upload_tus_creation_test
