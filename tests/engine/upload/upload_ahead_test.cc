// Pipelined chunks: sent while the chunk before them is unanswered.
#include <atomic>
#include <future>
#include <utility>

#include "engine/base/unix_time.h"
#include "engine/journal/journal.h"
#include "io/sync.h"
#include "tests/engine/upload/upload_fixture.h"

namespace sluice::upload_ahead_test {
namespace {

using testing::HasSubstr;
using testing::Not;

class UploadAheadTest : public UploadTest {
 protected:
  UploadAheadTest() {
    options_.retry = {.retries = 5, .first = 2ms, .longest = 20ms};
    options_.log = [this](LogLevel level, const std::string& text) {
      MutexLock lock(mutex_);
      if (level == LogLevel::warning) {
        warnings_ += text + '\n';
        warned_.notify_all();
      }
    };
  }
  ~UploadAheadTest() override { engine_.reset(); }

  UploadRequest ahead(unsigned depth) {
    UploadRequest request = this->request();
    request.lookahead = depth;
    return request;
  }
  std::string warnings() {
    MutexLock lock(mutex_);
    return warnings_;
  }
  void wait_for_warning() {
    MutexLock lock(mutex_);
    while (warnings_.empty()) warned_.wait(mutex_);
  }
  std::vector<test::Seen> transfers() {
    std::vector<test::Seen> transfers;
    for (const auto& seen : server_.seen())
      if (seen.phase == Phase::transfer) transfers.push_back(seen);
    return transfers;
  }

 private:
  Mutex mutex_;
  CondVar warned_;
  std::string warnings_ SLUICE_GUARDED_BY(mutex_);
};

// A lambda of the server shares ownership of the promise that it sets: the server's thread can
// still be in set_value() when the test has ended.

/// The server has the whole first chunk, and answers only after release(). Meanwhile the second
/// chunk has sent its payload but not its end.
TEST_F(UploadAheadTest, HoldsBackEndOfPipelinedChunk) {
  const auto payload_came = std::make_shared<std::promise<void>>();
  server_.set_faults({{.phase = Phase::transfer, .offset = 0, .then = Then::hold},
                      {.phase = Phase::transfer,
                       .offset = chunk,
                       .after_payload_bytes = chunk,
                       .before = [payload_came] { payload_came->set_value(); },
                       .carried_out = true}});
  const auto upload = start(ahead(1));
  payload_came->get_future().wait();
  ASSERT_TRUE(server_.wait_for(Phase::transfer, 2));  // the first chunk may arrive later
  auto seen = transfers();
  ASSERT_EQ(seen.size(), 2U);
  // The chunks use two connections, so either may arrive first.
  if (seen[0].field("previous_size") != "0") std::swap(seen[0], seen[1]);
  EXPECT_EQ(seen[0].field("previous_size"), "0");
  EXPECT_EQ(seen[1].field("previous_size"), std::to_string(chunk));
  EXPECT_NE(seen[0].connection, seen[1].connection);
  EXPECT_FALSE(seen[1].complete) << "the server could append it before the front chunk";
  EXPECT_EQ(upload->progress().committed, 0U);
  server_.release();
  const Report report = upload->wait();
  expect_registered(report);
  EXPECT_EQ(report.retries, 0U);
  EXPECT_EQ(report.chunks, static_cast<std::uint64_t>(chunks));
  EXPECT_EQ(server_.count(Phase::transfer), chunks) << "a chunk was sent twice";
}

TEST_F(UploadAheadTest, PipelinesFirstChunkBehindSetup) {
  const auto payload_came = std::make_shared<std::promise<void>>();
  server_.set_faults({{.phase = Phase::setup, .then = Then::hold},
                      {.phase = Phase::transfer,
                       .offset = 0,
                       .after_payload_bytes = chunk,
                       .before = [payload_came] { payload_came->set_value(); },
                       .carried_out = true}});
  const auto upload = start(ahead(1));
  payload_came->get_future().wait();
  ASSERT_TRUE(server_.wait_for(Phase::transfer));
  EXPECT_FALSE(transfers().front().complete) << "the server could append it before the setup";
  server_.release();
  const Report report = upload->wait();
  expect_registered(report);
  EXPECT_EQ(report.retries, 0U);
  EXPECT_EQ(server_.count(Phase::setup), 1);
  EXPECT_EQ(server_.count(Phase::transfer), chunks) << "a chunk was sent twice";
}

/// The first chunk is in flight when setup fails, and is sent again after the next setup.
TEST_F(UploadAheadTest, RetriesFailedSetupBeforeFirstChunk) {
  for (const bool carried_out : {false, true}) {
    const std::string name = fmt::format("setup-{}", carried_out);
    write(name, file_size, 3);
    const int before = server_.count(Phase::transfer);
    server_.set_faults(
        {{.phase = Phase::setup,
          .before = [this, before] { EXPECT_TRUE(server_.wait_for(Phase::transfer, before + 1)); },
          .carried_out = carried_out,
          .answer = http_answer(503, "")}});
    UploadRequest request = ahead(1);
    request.path = directory_ / name;
    request.name = name;
    const Report report = start(request)->wait();
    expect_registered(report, name);
    EXPECT_EQ(report.retries, 1U);
  }
  EXPECT_THAT(warnings(), Not(HasSubstr("has lost all bytes")));
}

/// The server discards the bytes of the first chunk that were sent with the setup.
TEST_F(UploadAheadTest, EndsOnRefusedSetupWithFirstChunkInFlight) {
  server_.add_file("scan.h5", "theirs");
  server_.set_faults({{.phase = Phase::setup,
                       .before = [this] { EXPECT_TRUE(server_.wait_for(Phase::transfer)); },
                       .carried_out = true}});
  const Report report = start(ahead(1))->wait();
  EXPECT_EQ(report.status, Status::failed);
  ASSERT_TRUE(report.error);
  EXPECT_EQ(report.error->kind, ErrorKind::name_taken);
  EXPECT_EQ(report.committed, 0U);
  EXPECT_EQ(server_.registered("scan.h5"), "theirs");
  expect_next_upload_works();
}

class AheadDepth : public UploadAheadTest, public testing::WithParamInterface<unsigned> {};

/// While the first chunk is unanswered, exactly this number of chunks is in flight.
TEST_P(AheadDepth, EqualsRequestedDepth) {
  const int expected = std::min(static_cast<int>(GetParam()) + 1, chunks);
  server_.set_faults({{.phase = Phase::transfer, .offset = 0, .then = Then::hold}});
  const auto upload = start(ahead(GetParam()));
  ASSERT_TRUE(server_.wait_for(Phase::transfer, expected));
  EXPECT_EQ(server_.count(Phase::transfer), expected);
  server_.release();
  expect_registered(upload->wait());
  EXPECT_EQ(server_.count(Phase::transfer), chunks);
}
INSTANTIATE_TEST_SUITE_P(All, AheadDepth, testing::Values(0U, 1U, 2U, 16U));

/// A failure of a pipelined chunk, or of the front chunk.
struct Trouble {
  const char* name;
  Fault fault;  ///< without phase and offset
};
void PrintTo(const Trouble& trouble, std::ostream* out) {
  *out << trouble.name;
}

class AheadTrouble : public UploadAheadTest,
                     public testing::WithParamInterface<std::tuple<int, Trouble>> {};

/// The pipelined chunks fail while the server holds the first chunk.
TEST_P(AheadTrouble, RecoversAndRegistersOnce) {
  const auto& [place, trouble] = GetParam();
  Fault fault = trouble.fault;
  fault.phase = Phase::transfer;
  fault.offset = static_cast<std::uint64_t>(place) * chunk;
  const auto struck = std::make_shared<std::promise<void>>();
  std::atomic<bool> once{false};
  fault.before = [&once, struck] {
    if (!once.exchange(true)) struck->set_value();
  };
  server_.set_faults({fault, {.phase = Phase::transfer, .offset = 0, .then = Then::hold}});
  const auto upload = start(ahead(2));  // the fourth chunk is short
  struck->get_future().wait();
  server_.release();
  const Report report = upload->wait();
  expect_registered(report);
  EXPECT_EQ(server_.registrations(), 1);
  EXPECT_THAT(warnings(), Not(HasSubstr(token)));
}

constexpr std::size_t early = 5000;
const Trouble troubles[] = {
    {"reset_early", {.after_body_bytes = early, .answer = "", .then = Then::reset}},
    {"closed_early", {.after_body_bytes = early, .answer = "", .then = Then::close}},
    {"reset_at_the_end", {.after_payload_bytes = chunk, .answer = "", .then = Then::reset}},
    {"closed_at_the_end", {.after_payload_bytes = chunk, .answer = "", .then = Then::close}},
    {"timeout_408",
     {.after_payload_bytes = chunk,
      .answer = http_answer(408, "", "Connection: close\r\n"),
      .then = Then::close}},
    {"too_large_413",
     {.after_body_bytes = early,
      .answer = http_answer(413, "", "Connection: close\r\n"),
      .then = Then::close}},
    {"unavailable_503",
     {.after_body_bytes = early,
      .answer = http_answer(503, "", "Connection: close\r\n"),
      .then = Then::close}},
    {"success_too_early",
     {.after_body_bytes = early,
      .answer = http_answer(200, "successfully added chunk to scan.h5"),
      .then = Then::close}},
};
INSTANTIATE_TEST_SUITE_P(All, AheadTrouble,
                         testing::Combine(testing::Values(1, 2), testing::ValuesIn(troubles)),
                         [](const auto& param) {
                           return fmt::format("{}_{}", std::get<1>(param.param).name,
                                              std::get<0>(param.param));
                         });

/// The first chunk fails while others are pipelined: those are useless, whatever happened to the
/// first one.
TEST_F(UploadAheadTest, ResendsPipelinedChunksAfterFrontFails) {
  const Fault faults[] = {
      {.answer = "", .then = Then::reset},
      {.carried_out = true, .answer = "", .then = Then::reset},
      {.carried_out = true, .keeps = 1000, .answer = "", .then = Then::close},
      {.answer = http_answer(200, R"({"error":"disk full","progress":0,"status":500})")},
      {.answer = http_answer(503, "")},
  };
  int number = 0;
  for (Fault fault : faults) {
    const std::string name = fmt::format("front-{}", number++);
    SCOPED_TRACE(name);
    write(name, file_size, static_cast<std::uint64_t>(number));
    fault.phase = Phase::transfer;
    fault.offset = 0;
    const int before = server_.count(Phase::transfer);
    fault.before = [&] { EXPECT_TRUE(server_.wait_for(Phase::transfer, before + 3)); };
    server_.set_faults({fault});
    UploadRequest request = ahead(2);
    request.path = directory_ / name;
    request.name = name;
    const Report report = start(request)->wait();
    expect_registered(report, name);
  }
}

TEST_F(UploadAheadTest, StopsPipeliningIfServerDoesNotWait) {
  std::atomic<bool> two_at_once{false};
  // Whether a chunk, from the fourth on, arrived while the chunk before it was in flight.
  const auto look = [&] {
    const auto seen = transfers();
    for (std::size_t i = 3; i + 1 < seen.size(); ++i)
      if (!seen[i].complete) two_at_once = true;
  };
  std::vector<Fault> faults{
      {.phase = Phase::transfer, .offset = 0, .then = Then::hold},
      {.phase = Phase::transfer,
       .offset = chunk,
       .after_payload_bytes = chunk,
       // Wait for the third chunk, which is pipelined too: if it came later, it would be the
       // fourth.
       .before = [this] { EXPECT_TRUE(server_.wait_for(Phase::transfer, 3)); },
       .answer = http_answer(408, "", "Connection: close\r\n"),
       .then = Then::close},
      {.phase = Phase::transfer, .after_body_bytes = 1, .before = look, .carried_out = true}};
  faults.back().occurrence = -1;
  server_.set_faults(faults);
  options_.state_dir = directory_ / "state";
  const auto upload = start(ahead(2));
  wait_for_warning();
  server_.release();
  const Report report = upload->wait();
  expect_registered(report);
  EXPECT_EQ(report.retries, 0U) << "only pipelined chunks were sent again";
  EXPECT_THAT(warnings(), HasSubstr("does not wait"));
  EXPECT_THAT(warnings(), HasSubstr("408"));
  EXPECT_FALSE(two_at_once);
  const auto journal = Journal::open(options_.state_dir);
  ASSERT_TRUE(journal) << journal.error().message;
  EXPECT_TRUE((*journal)->facts(server_.url())->refuses_lookahead(unix_s()));
}

/// Some servers close without an answer. curl does not read a connection whose body is paused, so
/// the close is noticed only when the chunk becomes the front request: retry without backoff.
TEST_F(UploadAheadTest, RetriesAtOnceAfterCloseOfHeldBackChunk) {
  options_.retry.retries = 0;
  options_.pool_bytes = 16 * block;
  const auto closed = std::make_shared<std::promise<void>>();
  server_.set_faults({{.phase = Phase::transfer,
                       .offset = 0,
                       .before = [closed] { closed->get_future().wait(); },
                       .carried_out = true},
                      {.phase = Phase::transfer,
                       .offset = chunk,
                       .after_payload_bytes = chunk,
                       .before = [closed] { closed->set_value(); },
                       .answer = "",
                       .then = Then::close}});
  const Report report = start(ahead(1))->wait();
  expect_registered(report);
  EXPECT_EQ(report.retries, 0U);
}

/// An answer has another cause than pipelining.
TEST_F(UploadAheadTest, BacksOffAfterErrorOfPipelinedChunk) {
  options_.retry.retries = 0;
  options_.pool_bytes = 16 * block;
  const auto came = std::make_shared<std::promise<void>>();
  server_.set_faults({{.phase = Phase::transfer,
                       .offset = 0,
                       .before = [came] { came->get_future().wait(); },
                       .carried_out = true},
                      {.phase = Phase::transfer,
                       .offset = chunk,
                       .before = [&] { EXPECT_EQ(server_.count(Phase::probe), 0); },
                       .answer = http_answer(503, "")}});
  const auto upload = start(ahead(1));
  ASSERT_TRUE(server_.wait_for(Phase::transfer, 2));
  came->set_value();
  expect_failed(upload->wait(), ErrorKind::unreachable, "503");
}

TEST_F(UploadAheadTest, EndsOnReadErrorOfPipelinedChunk) {
  // Truncated while the first chunk is unanswered.
  server_.set_faults(
      {{.phase = Phase::transfer,
        .offset = 0,
        .before = [&] { std::filesystem::resize_file(directory_ / "scan.h5", 2 * block); },
        .carried_out = true}});
  UploadRequest request = ahead(2);
  const Report report = start(request)->wait();
  expect_failed(report, ErrorKind::local_file);
  EXPECT_EQ(verifies(), 0);
}

TEST_F(UploadAheadTest, ReturnsBuffersAfterCancel) {
  server_.set_faults({{.phase = Phase::transfer, .offset = 0, .then = Then::hold}});
  const auto upload = start(ahead(2));
  ASSERT_TRUE(server_.wait_for(Phase::transfer, 3));
  upload->cancel();
  const Report report = upload->wait();
  server_.release();
  expect_failed(report, ErrorKind::interrupted);
}

}  // namespace
}  // namespace sluice::upload_ahead_test
