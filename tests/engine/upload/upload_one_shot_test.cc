// Uploads in one request: cannot be resumed, and are not retried if the file may be registered.
#include <filesystem>

#include "engine/journal/journal.h"
#include "tests/engine/upload/upload_fixture.h"

namespace sluice::upload_one_shot_test {
namespace {

using testing::HasSubstr;
using testing::Not;

class OneShotUploadTest : public UploadTest {
 protected:
  OneShotUploadTest() {
    options_.state_dir = state_.path();
    options_.retry = {.retries = 10, .first = 2ms, .longest = 20ms};
  }
  ~OneShotUploadTest() override { engine_.reset(); }

  UploadRequest one_shot(const std::string& file = "scan.h5") {
    UploadRequest request = UploadTest::request(file);
    request.server.protocol = ProtocolKind::binary;
    return request;
  }
  Report upload(const std::string& file = "scan.h5") { return start(one_shot(file))->wait(); }
  Report upload_with(const Fault& fault) {
    server_.set_faults({fault});
    return upload();
  }
  std::optional<JournalEntry> entry() {
    const auto journal = Journal::open(state_.path());
    EXPECT_TRUE(journal);
    const auto listing = (*journal)->list(/*finished_too=*/true);
    if (listing->entries.empty()) return {};
    return listing->entries.front();
  }

  TempDir state_;
};

TEST_F(OneShotUploadTest, SendsWholeFileInOneRequest) {
  const Report report = upload();
  expect_registered(report);
  EXPECT_EQ(report.protocol, "binary");
  EXPECT_EQ(report.chunks, 1U);
  EXPECT_EQ(server_.seen().size(), 1U);
  EXPECT_EQ(entry()->state, JournalEntry::State::registered);
}

TEST_F(OneShotUploadTest, UsesNewConnectionIfCheap) {
  auto asked = one_shot();
  asked.server.round_trip = 1us;
  for (int i = 1; i <= 3; ++i) {
    asked.name = fmt::format("copy-{}", i);
    EXPECT_EQ(start(asked)->wait().status, Status::registered);
    EXPECT_EQ(server_.connections(), i);
  }
}

/// After a crash from here on, the next run must know that the file may be registered.
TEST_F(OneShotUploadTest, WritesJournalBeforeEndOfRequest) {
  write("empty", 0);
  for (const char* file : {"scan.h5", "empty"}) {
    SCOPED_TRACE(file);
    bool looked = false;
    server_.set_faults({{.phase = Phase::whole,
                         .before =
                             [&] {
                               looked = true;
                               ASSERT_TRUE(entry());
                               EXPECT_EQ(entry()->name, file);
                               EXPECT_EQ(entry()->state, JournalEntry::State::verifying);
                             },
                         .carried_out = true}});
    expect_registered(upload(file), file);
    EXPECT_TRUE(looked);
  }
}

TEST_F(OneShotUploadTest, LostAnswerIsUnconfirmed) {
  for (const Fault& fault :
       {Fault{.carried_out = true, .answer = "", .then = Then::close},
        Fault{.answer = "", .then = Then::reset}, Fault{.answer = http_answer(408, "")},
        Fault{.answer = http_answer(500, "boom")},
        Fault{.carried_out = true, .answer = http_answer(503, "")},
        Fault{.answer = http_answer(302, "")}, Fault{.answer = http_answer(400, "bad")},
        Fault{.carried_out = true, .answer = http_answer(401, "<html>Unauthorized</html>")},
        Fault{.carried_out = true, .answer = http_answer(403, "<html>Blocked</html>")},
        Fault{.carried_out = true, .answer = http_answer(404, "<html>nginx</html>")},
        Fault{.carried_out = true, .answer = http_answer(413, "")},
        Fault{.carried_out = true, .answer = http_answer(429, "")},
        Fault{.carried_out = true, .answer = http_answer(499, "")},
        Fault{.answer = http_answer(200, "<html>portal</html>")}}) {
    const std::string file = fmt::format("file-{}", next_++);
    SCOPED_TRACE(file);
    write(file, file_size, 3);
    const int before = server_.registrations();
    const int requests = server_.count(Phase::whole);
    Fault lost = fault;
    lost.phase = Phase::whole;
    server_.set_faults({lost});
    auto asked = one_shot(file);
    asked.renew_token = [] { return Secret("another-token"); };
    const Report report = start(asked)->wait();
    EXPECT_EQ(report.status, Status::unconfirmed);
    ASSERT_TRUE(report.error);
    EXPECT_EQ(report.error->kind, ErrorKind::unconfirmed);
    const std::string& message = report.error->message;
    EXPECT_THAT(message, HasSubstr("/datasets/IDB-1234567"));
    EXPECT_NE(message.find("is unconfirmed"), std::string::npos);
    EXPECT_EQ(message.find("is unconfirmed"), message.rfind("is unconfirmed")) << message;
    EXPECT_EQ(server_.registrations(), before + fault.carried_out);

    auto again = one_shot(file);
    for (const auto& [restart, register_again] :
         {std::pair(false, false), {true, true}, {false, true}}) {
      again.restart = restart;
      again.register_again = register_again;
      const auto refused = engine().start(again);
      ASSERT_FALSE(refused);
      EXPECT_EQ(refused.error().kind, ErrorKind::unconfirmed);
      EXPECT_THAT(refused.error().message, HasSubstr("forget"));
    }
    EXPECT_EQ(server_.count(Phase::whole), requests + 1);
  }
}

/// No server acts on an incomplete request.
TEST_F(OneShotUploadTest, RetriesIncompleteRequest) {
  int number = 0;
  for (const Fault& fault :
       {Fault{.after_payload_bytes = 1000, .answer = "", .then = Then::reset},
        Fault{.after_payload_bytes = 1000, .answer = http_answer(503, ""), .then = Then::close}}) {
    const std::string name = fmt::format("large-{}", number++);
    write(name, 3 << 20);  // more than the socket buffers hold (SmallSendBuffers)
    const int before = server_.registrations();
    Fault broken = fault;
    broken.phase = Phase::whole;
    server_.set_faults({broken});
    const Report report = upload(name);
    expect_registered(report, name);
    EXPECT_EQ(report.retries, 1U);
    EXPECT_EQ(server_.registrations(), before + 1);
  }
}

TEST_F(OneShotUploadTest, RefusalIsNotUnconfirmed) {
  for (const auto& [status, body, kind] :
       {std::tuple(401, "HTTP Token: Access denied.\n", ErrorKind::token_refused),
        {404, "Dataset Not Found", ErrorKind::no_such_dataset},
        {500, "invalid request", ErrorKind::failed}}) {
    SCOPED_TRACE(status);
    const Fault fault{.phase = Phase::whole, .answer = http_answer(status, body)};
    server_.set_faults(status == 401 ? token_refused(fault, 0) : std::vector<Fault>{fault});
    const Report report = upload();
    ASSERT_TRUE(report.error);
    EXPECT_THAT(report.error->message, Not(HasSubstr("is unconfirmed")));
    EXPECT_EQ(entry()->state, JournalEntry::State::unfinished);
    expect_failed(report, kind);
  }
}

TEST_F(OneShotUploadTest, ResendsFileWithNewToken) {
  server_.set_faults(token_refused(
      {.phase = Phase::whole, .answer = http_answer(401, "HTTP Token: Access denied.\n")}, 0));
  auto asked = one_shot();
  asked.renew_token = [] { return Secret("another-token"); };
  expect_registered(start(asked)->wait());
  EXPECT_EQ(server_.registrations(), 1);
  EXPECT_EQ(server_.seen().back().headers.at("authorization"), "Token token=another-token");
}

TEST_F(OneShotUploadTest, DoesNotCompleteRequestOfChangedFile) {
  write("moving", 3 << 20);
  server_.set_faults({{.phase = Phase::whole,
                       .after_payload_bytes = 1000,
                       .before = [this] { write("moving", 3 << 20, 9); },
                       .carried_out = true}});
  const Report report = upload("moving");
  EXPECT_EQ(report.status, Status::failed);
  ASSERT_TRUE(report.error);
  EXPECT_EQ(report.error->kind, ErrorKind::local_file);
  EXPECT_EQ(server_.registrations(), 0);
  engine_.reset();
  for (const auto& seen : server_.seen()) EXPECT_FALSE(seen.complete);
}

TEST_F(OneShotUploadTest, RejectsUnsupportedFileBeforeSending) {
  std::filesystem::resize_file(directory_ / "scan.h5", (std::uint64_t{4} << 30) + 1);
  const auto too_large = engine().start(one_shot());
  ASSERT_FALSE(too_large);
  EXPECT_EQ(too_large.error().kind, ErrorKind::usage);
  for (const char* name : {"a\"b", "a\\b", "a%b"}) {
    write("small", 10);
    auto asked = one_shot("small");
    asked.name = name;
    const auto refused = engine().start(asked);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::usage);
  }
  EXPECT_EQ(server_.connections(), 0);
}

}  // namespace
}  // namespace sluice::upload_one_shot_test
