// Uploads over tus: what arrives, what of it survives a crash, and what a registration may do.
#include <atomic>
#include <vector>

#include "engine/journal.h"
#include "io/sync.h"
#include "tests/engine/upload_fixture.h"

namespace sluice {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::size_t MiB = 1 << 20;
constexpr std::size_t tus_block = 256 * 1024;
constexpr std::size_t part = 5 * MiB;         // the client sends no less at once, but for the end
constexpr std::size_t length = 12 * MiB + 7;  // three PATCHes
constexpr const char* name = "scan.h5";

class TusTest : public UploadTest {
 protected:
  TusTest() {
    write(name, length);
    options_.block_bytes = tus_block;
    options_.pool_bytes = 4 * tus_block;
    options_.state_dir = state_.path();
    options_.retry = {.retries = 10, .first = 2ms, .longest = 20ms};
    options_.response_timeout = 1s;
    options_.stall_timeout = 1s;
    options_.log = [this](LogLevel level, const std::string& text) {
      MutexLock lock(mutex_);
      if (level == LogLevel::warning) warnings_ += text + '\n';
    };
  }
  ~TusTest() override { engine_.reset(); }  // before its state directory

  UploadRequest tus(const std::string& file = name) {
    UploadRequest request = UploadTest::request(file);
    request.chunk_bytes = part;
    request.server.protocol = ProtocolKind::tus;
    request.server.tus.extensions = {"creation", "termination"};
    return request;
  }
  Report upload(const std::string& file = name) { return start(tus(file))->wait(); }
  /// What a new process finds on another machine.
  void forget_all() {
    engine_.reset();
    for (const auto& entry : std::filesystem::directory_iterator(state_.path()))
      std::filesystem::remove_all(entry.path());
  }
  /// What a new process finds after a run that did not survive that.
  Report upload_until(const Fault& fault) {
    options_.retry.retries = 0;
    server_.set_faults({fault});
    const Report report = upload();
    engine_.reset();
    server_.set_faults({});
    options_.retry.retries = 10;
    return report;
  }
  /// Ends 1 MiB and some into the second PATCH, of which the server has kept all.
  static constexpr std::size_t broken_at = part + MiB + 5;
  void upload_a_part() {
    const Report report = upload_until({.phase = Phase::patch,
                                        .occurrence = 1,
                                        .after_payload_bytes = broken_at - part,
                                        .carried_out = true,
                                        .keeps = broken_at - part,
                                        .answer = "",
                                        .then = Then::reset});
    EXPECT_EQ(report.status, Status::failed);
    EXPECT_TRUE(report.resumable);
  }

  std::vector<JournalEntry> entries() {
    const auto journal = Journal::open(state_.path());
    EXPECT_TRUE(journal);
    return (*journal)->list(/*finished_too=*/true)->entries;
  }
  JournalEntry entry() {
    const auto all = entries();
    EXPECT_FALSE(all.empty());
    return all.empty() ? JournalEntry() : all.front();
  }

  std::vector<std::string> offsets(std::size_t from = 0) {
    std::vector<std::string> offsets;
    const auto seen = server_.seen();
    for (std::size_t i = from; i < seen.size(); ++i)
      if (seen[i].phase == Phase::patch) offsets.push_back(seen[i].offset());
    return offsets;
  }
  std::vector<std::size_t> patch_lengths() {
    std::vector<std::size_t> lengths;
    for (const auto& seen : server_.seen())
      if (seen.phase == Phase::patch)
        lengths.push_back(std::stoull(seen.headers.at("content-length")));
    return lengths;
  }
  std::string warnings() {
    MutexLock lock(mutex_);
    return warnings_;
  }

  TempDir state_;

 private:
  Mutex mutex_;
  std::string warnings_ SLUICE_GUARDED_BY(mutex_);
};

TEST_F(TusTest, CreatesSendsInPatchesAndRegisters) {
  const Report report = upload();
  expect_registered(report);
  EXPECT_EQ(report.protocol, "tus");
  EXPECT_EQ(report.chunks, 3U);
  EXPECT_EQ(report.retries, 0U);
  std::vector<Phase> phases;
  for (const auto& seen : server_.seen()) phases.push_back(seen.phase);
  EXPECT_EQ(phases, (std::vector{Phase::create, Phase::patch, Phase::patch, Phase::patch,
                                 Phase::registration}));
  EXPECT_EQ(offsets(), (std::vector<std::string>{"0", "5242880", "10485760"}));
  EXPECT_EQ(entry().state, JournalEntry::State::registered);
  EXPECT_EQ(entry().protocol, "tus");
}

TEST_F(TusTest, RelativeLocationsAndOneRequestForAllWork) {
  server_.set_tus_rules({.absolute_locations = false});
  auto asked = tus();
  asked.chunk_bytes = 0;
  const Report report = start(asked)->wait();
  expect_registered(report);
  EXPECT_EQ(report.chunks, 1U);
}

TEST_F(TusTest, AnEmptyFileIsRegistered) {
  write("empty", 0);
  expect_registered(upload("empty"), "empty");
  EXPECT_EQ(server_.count(Phase::patch), 0);
}

// --- What can pass
// --------------------------------------------------------------------------------

struct Passing {
  const char* name;
  Fault fault;  ///< but for the phase
};
void PrintTo(const Passing& passing, std::ostream* out) {
  *out << passing.name;
}

const Passing passing[] = {
    {"request_lost", {.answer = "", .then = Then::close}},
    {"request_reset", {.answer = "", .then = Then::reset}},
    {"answer_lost", {.carried_out = true, .answer = "", .then = Then::close}},
    {"answer_reset", {.carried_out = true, .answer = "", .then = Then::reset}},
    {"reset_in_the_body", {.after_body_bytes = 200, .answer = "", .then = Then::reset}},
    {"answer_cut_short",
     {.carried_out = true,
      .answer = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nsuccessfully",
      .then = Then::close}},
    {"silence", {.then = Then::hold}},
    {"timeout_408", {.answer = http_answer(408, "")}},
    {"locked_423", {.answer = http_answer(423, "")}},
    {"too_many_429", {.answer = http_answer(429, "")}},
    {"error_500", {.answer = http_answer(500, "Errno::ENOSPC")}},
    {"bad_gateway_502", {.answer = http_answer(502, "<title>502</title>")}},
    {"unavailable_503", {.carried_out = true, .answer = http_answer(503, "")}},
    {"gateway_timeout_504", {.carried_out = true, .answer = http_answer(504, "")}},
    {"huge", {.answer = "HTTP/1.1 200 OK\r\n\r\nsuccess", .endless = true}},
};

class EveryStep : public TusTest, public testing::WithParamInterface<std::tuple<Phase, Passing>> {};

TEST_P(EveryStep, IsWaitedOutAndTheFileLandsOnce) {
  const auto& [phase, trouble] = GetParam();
  Fault fault = trouble.fault;
  fault.phase = phase;
  std::vector<Fault> faults;
  if (phase == Phase::patch) fault.occurrence = 1;
  if (phase == Phase::head)  // which comes only where something went wrong
    faults.push_back({.phase = Phase::patch, .occurrence = 1, .answer = http_answer(503, "")});
  faults.push_back(fault);
  server_.set_faults(faults);
  const Report report = upload();
  expect_registered(report);
  EXPECT_EQ(server_.registrations(), 1);
  EXPECT_LE(report.retries, 3U);
  EXPECT_THAT(warnings(), Not(HasSubstr(token)));
}

const char* phase_name(Phase phase) {
  return phase == Phase::create ? "create" : phase == Phase::patch ? "patch" : "head";
}
INSTANTIATE_TEST_SUITE_P(All, EveryStep,
                         testing::Combine(testing::Values(Phase::create, Phase::patch, Phase::head),
                                          testing::ValuesIn(passing)),
                         [](const auto& param) {
                           return fmt::format("{}_{}", phase_name(std::get<0>(param.param)),
                                              std::get<1>(param.param).name);
                         });

TEST_F(TusTest, AConnectionThatBreaksInMidPatchLosesNothing) {
  server_.set_faults({{.phase = Phase::patch,
                       .occurrence = 1,
                       .after_payload_bytes = broken_at - part,
                       .carried_out = true,
                       .keeps = broken_at - part,
                       .answer = "",
                       .then = Then::reset}});
  const Report report = upload();
  expect_registered(report);
  EXPECT_EQ(offsets(),
            (std::vector<std::string>{"0", std::to_string(part), std::to_string(broken_at),
                                      std::to_string(broken_at + part)}));
  EXPECT_EQ(report.chunks, 3U) << "answers that confirmed something";
}

TEST_F(TusTest, AnOffsetInTheMiddleIsGoneOnFromWithoutAsking) {
  server_.set_faults(
      {{.phase = Phase::patch, .occurrence = 1, .carried_out = true, .keeps = MiB + 5}});
  expect_registered(upload());
  EXPECT_EQ(server_.count(Phase::head), 0);
  EXPECT_EQ(offsets()[2], std::to_string(broken_at));
}

TEST_F(TusTest, A409AsksAndGoesOn) {
  server_.set_faults({{.phase = Phase::patch,
                       .occurrence = 1,
                       .carried_out = true,
                       .answer = http_answer(409, "Upload-Offset header doesn't match")}});
  expect_registered(upload());
  EXPECT_EQ(offsets(), (std::vector<std::string>{"0", "5242880", "10485760"}));
}

TEST_F(TusTest, ASecondChecksumMismatchIsTheEnd) {
  server_.set_faults({{.phase = Phase::patch, .occurrence = 1, .answer = http_answer(460, "")}});
  expect_registered(upload());
  write("second", length, 3);
  server_.set_faults({{.phase = Phase::patch, .occurrence = -1, .answer = http_answer(460, "")}});
  const Report report = upload("second");
  EXPECT_EQ(report.status, Status::failed);
  EXPECT_EQ(report.error->kind, ErrorKind::integrity);
  EXPECT_EQ(report.retries, 1U);
}

// --- How much at once
// -----------------------------------------------------------------------------

TEST_F(TusTest, NoPatchIsSmallerThanTheServersPart) {
  server_.set_tus_rules({.part_bytes = part});
  auto asked = tus();
  asked.chunk_bytes = MiB;
  expect_registered(start(asked)->wait());
  EXPECT_EQ(patch_lengths(), (std::vector<std::size_t>{part, part, length - 2 * part}));
}

TEST_F(TusTest, AnOffsetThatDoesNotMoveMeansMoreAtOnce) {
  server_.set_tus_rules({.part_bytes = part + 1});
  expect_registered(upload());
  EXPECT_EQ(patch_lengths(), (std::vector<std::size_t>{part, 2 * part, length - 2 * part}));
}

TEST_F(TusTest, AServerThatKeepsNothingIsGivenUp) {
  options_.retry.retries = 100;
  server_.set_faults({{.phase = Phase::patch, .occurrence = -1, .carried_out = true, .keeps = 0}});
  const Report report = upload();
  expect_failed(report, ErrorKind::integrity, "kept none of them");
  EXPECT_EQ(patch_lengths(), (std::vector<std::size_t>{part, 2 * part, length, length}));
}

TEST_F(TusTest, A413MakesThemSmallerDownToAPart) {
  auto asked = tus();
  asked.chunk_bytes = 12 * MiB;
  server_.set_faults({{.phase = Phase::patch, .answer = http_answer(413, "")}});
  expect_registered(start(asked)->wait());
  EXPECT_EQ(patch_lengths(), (std::vector<std::size_t>{12 * MiB, 6 * MiB, 6 * MiB, 7}));
}

/// That less than a part is thrown away is only supposed: a server of another kind keeps it.
TEST_F(TusTest, WhereNoWholePartGetsThroughLessIsTried) {
  auto asked = tus();
  asked.chunk_bytes = 12 * MiB;
  server_.set_faults({{.phase = Phase::patch, .occurrence = 0, .answer = http_answer(413, "")},
                      {.phase = Phase::patch, .occurrence = 1, .answer = http_answer(413, "")}});
  expect_registered(start(asked)->wait());
  EXPECT_EQ(patch_lengths(),
            (std::vector<std::size_t>{12 * MiB, 6 * MiB, 3 * MiB, 3 * MiB, 3 * MiB, 3 * MiB, 7}));
}

TEST_F(TusTest, AServerThatThrowsAwayWhatGetsThroughIsGivenUp) {
  server_.set_tus_rules({.part_bytes = part});
  auto asked = tus();
  asked.chunk_bytes = 12 * MiB;
  std::vector<Fault> too_large;
  for (const int occurrence : {0, 1, 3})
    too_large.push_back(
        {.phase = Phase::patch, .occurrence = occurrence, .answer = http_answer(413, "")});
  server_.set_faults(too_large);
  const Report report = start(asked)->wait();
  expect_failed(report, ErrorKind::failed, "tell those who run it");
  EXPECT_EQ(patch_lengths(), (std::vector<std::size_t>{12 * MiB, 6 * MiB, 3 * MiB, 6 * MiB}));
}

// --- The journal
// ----------------------------------------------------------------------------------

/// A server that keeps parts of chunks must not get a byte of a block before its checksum is
/// written down, or nobody could tell later whether the file is still what was sent.
TEST_F(TusTest, NoByteArrivesOfABlockWhoseChecksumIsNotInTheJournal) {
  const auto journal = Journal::open(state_.path());
  ASSERT_TRUE(journal);
  std::atomic<int> looks = 0;
  std::atomic<int> early = 0;
  server_.watch_patches([&](std::uint64_t end) {
    const auto listing = (*journal)->list(/*finished_too=*/true);
    const bool known = listing && !listing->entries.empty() &&
                       listing->entries.front().hashed_blocks * tus_block >= end;
    ++looks;
    if (end > 0 && !known) ++early;
  });
  expect_registered(upload());
  EXPECT_GT(looks, 10);
  EXPECT_EQ(early, 0);
}

TEST_F(TusTest, GoesOnWhereTheServerIs) {
  upload_a_part();
  EXPECT_EQ(entry().state, JournalEntry::State::unfinished);
  EXPECT_THAT(entry().upload_url, HasSubstr("/files/"));
  const std::size_t before = server_.seen().size();
  const Report report = upload();
  expect_registered(report);
  EXPECT_EQ(report.resumed_from, broken_at);
  EXPECT_EQ(server_.seen()[before].phase, Phase::head);
  EXPECT_EQ(offsets(before).front(), std::to_string(broken_at));
  EXPECT_EQ(server_.count(Phase::create), 1);
  EXPECT_EQ(entries().size(), 1U);
}

TEST_F(TusTest, AnUploadThatExpiredBetweenTwoRunsStartsOver) {
  upload_a_part();
  server_.lose_staging();
  const Report report = upload();
  expect_registered(report);
  EXPECT_EQ(report.resumed_from, 0U);
  EXPECT_EQ(server_.count(Phase::create), 2);
  EXPECT_THAT(warnings(), HasSubstr("from its beginning"));
  EXPECT_EQ(entry().state, JournalEntry::State::registered);
}

TEST_F(TusTest, AnUploadThatExpiresUnderItStartsOver) {
  for (const bool says_gone : {false, true}) {
    SCOPED_TRACE(says_gone);
    const std::string file = says_gone ? "gone" : "not-found";
    write(file, length, 3);
    server_.set_faults({{.phase = Phase::patch,
                         .occurrence = 1,
                         .before = [this] { server_.lose_staging(); },
                         .carried_out = true,
                         .answer = http_answer(says_gone ? 410 : 404, "")}});
    const Report report = upload(file);
    expect_registered(report, file);
    EXPECT_EQ(report.chunks, 4U) << "one of the first upload, three of the second";
  }
  EXPECT_EQ(server_.registrations(), 2);
  EXPECT_THAT(warnings(), HasSubstr("from its beginning"));
}

TEST_F(TusTest, AServerThatAlwaysLosesEverythingIsGivenUp) {
  server_.set_faults({{.phase = Phase::patch, .occurrence = -1, .answer = http_answer(410, "")}});
  const Report report = upload();
  expect_failed(report, ErrorKind::integrity, "again and again");
  EXPECT_LE(server_.count(Phase::create), 12);
}

TEST_F(TusTest, MoreThanWasSentIsSomebodyElses) {
  upload_a_part();
  server_.set_faults({{.phase = Phase::head,
                       .answer = http_answer(200, "",
                                             fmt::format("Upload-Offset: {0}\r\n"
                                                         "Upload-Length: {0}\r\n",
                                                         length))}});
  const Report report = upload();
  EXPECT_EQ(report.status, Status::failed);
  EXPECT_EQ(report.error->kind, ErrorKind::integrity);
  EXPECT_EQ(server_.count(Phase::registration), 0);
}

TEST_F(TusTest, RestartDropsWhatIsThereWhereTheServerCan) {
  for (const bool can : {true, false}) {
    SCOPED_TRACE(can);
    upload_a_part();
    const int removed = server_.count(Phase::remove);
    auto asked = tus();
    asked.restart = true;
    if (!can) asked.server.tus.extensions = {"creation"};
    expect_registered(start(asked)->wait());
    forget_all();
    EXPECT_EQ(server_.count(Phase::remove) - removed, can ? 1 : 0);
  }
  EXPECT_EQ(server_.count(Phase::head), 0);
}

/// The server would register a second file of that name.
TEST_F(TusTest, TheSameCommandAgainRegistersNothingASecondTime) {
  expect_registered(upload());
  const std::size_t seen = server_.seen().size();
  bool told = false;
  auto same = tus();
  same.on_over = [&] { told = true; };
  const Report again = start(same)->wait();
  EXPECT_EQ(again.status, Status::registered);
  EXPECT_FALSE(again.registered_before.empty());
  EXPECT_EQ(again.xxh128, xxh128(content("scan.h5")));
  EXPECT_TRUE(again.receipt);
  EXPECT_TRUE(told);
  EXPECT_EQ(server_.seen().size(), seen) << "something was sent";
  auto asked = tus();
  asked.restart = true;
  EXPECT_EQ(start(asked)->wait().status, Status::registered);
  EXPECT_EQ(server_.registrations(), 2);
}

/// Another path, size or time: it may be another file.
TEST_F(TusTest, AnotherFileDoesNotTakeTheNameOfOneThatIsRegistered) {
  expect_registered(upload());
  const std::size_t seen = server_.seen().size();
  const auto refused = [&](const UploadRequest& asked, const char* what) {
    const auto again = engine().start(asked);
    ASSERT_FALSE(again) << what;
    EXPECT_EQ(again.error().kind, ErrorKind::name_taken) << what;
    EXPECT_THAT(again.error().message, HasSubstr("--restart"));
  };
  const std::string path = directory_ / "scan.h5";
  std::filesystem::copy_file(path, directory_ / "copy", std::filesystem::copy_options::none);
  const auto time = std::filesystem::last_write_time(path);
  std::filesystem::last_write_time(directory_ / "copy", time);
  auto copy = tus();
  copy.path = directory_ / "copy";
  refused(copy, "path");
  std::filesystem::last_write_time(path, time + 1s);
  refused(tus(), "time");
  const auto size = std::filesystem::file_size(path);
  std::filesystem::resize_file(path, size - 1);
  std::filesystem::last_write_time(path, time);
  refused(tus(), "size");
  EXPECT_EQ(server_.seen().size(), seen) << "something was sent";
  std::filesystem::resize_file(path, size);
  std::filesystem::last_write_time(path, time);
  EXPECT_FALSE(start(tus())->wait().registered_before.empty()) << "nothing of these matters then";
}

TEST_F(TusTest, AFileOfOneBlockIsNotInTheJournalBeforeItIsRegistered) {
  write("small", tus_block);
  std::atomic<int> looks = 0;
  server_.set_faults({{.phase = Phase::patch,
                       .before =
                           [&] {
                             EXPECT_TRUE(entries().empty());
                             ++looks;
                           },
                       .carried_out = true},
                      {.phase = Phase::registration,
                       .before =
                           [&] {
                             EXPECT_EQ(entry().state, JournalEntry::State::verifying);
                             EXPECT_THAT(entry().upload_url, HasSubstr("/files/"));
                             ++looks;
                           },
                       .carried_out = true}});
  expect_registered(upload("small"), "small");
  EXPECT_EQ(looks, 2);
  EXPECT_EQ(entry().state, JournalEntry::State::registered);
}

TEST_F(TusTest, AFileThatChangedIsRefusedOrFound) {
  upload_a_part();
  write(name, length, 99);
  const auto refused = engine().start(tus());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::local_file);

  write("moving", length, 3);
  server_.set_faults({{.phase = Phase::patch,
                       .occurrence = 2,
                       .before = [this] { write("moving", length, 4); },
                       .carried_out = true}});
  const Report report = upload("moving");
  EXPECT_EQ(report.status, Status::failed);
  EXPECT_EQ(report.error->kind, ErrorKind::local_file);
  EXPECT_EQ(server_.count(Phase::registration), 0);
}

TEST_F(TusTest, AnUploadIsNotFollowedToAnotherServer) {
  ScriptedServer other;
  server_.set_faults(
      {{.phase = Phase::create,
        .answer = http_answer(201, "", fmt::format("Location: {}/files/1\r\n", other.url()))}});
  const Report report = upload();
  expect_failed(report, ErrorKind::failed, "another server");
  EXPECT_EQ(other.connections(), 0);
}

/// The journal is a file that somebody may have edited.
TEST_F(TusTest, AnAddressInTheJournalIsNotFollowedToAnotherServer) {
  upload_a_part();
  ScriptedServer other;
  {
    const auto journal = Journal::open(state_.path());
    ASSERT_TRUE((*journal)->record(entry().id, {.upload_url = other.url() + "/files/1"}));
  }
  for (const bool restart : {true, false}) {
    auto asked = tus();
    asked.restart = restart;
    if (!restart) upload_a_part();
    if (!restart) {
      const auto journal = Journal::open(state_.path());
      ASSERT_TRUE((*journal)->record(entry().id, {.upload_url = other.url() + "/files/1"}));
    }
    expect_registered(start(asked)->wait());
    forget_all();
  }
  EXPECT_EQ(other.connections(), 0);
}

// --- The registration
// -----------------------------------------------------------------------------

TEST_F(TusTest, ARegistrationWithoutAnAnswerIsUnconfirmedAndNeverRepeated) {
  for (const Passing& trouble : passing) {
    SCOPED_TRACE(trouble.name);
    const std::string file = trouble.name;
    const int before = server_.registrations();
    const int asked = server_.count(Phase::registration);
    write(file, length, 3);
    Fault fault = trouble.fault;
    fault.phase = Phase::registration;
    server_.set_faults({fault});
    const Report report = upload(file);
    const std::string answer = fault.answer.value_or("");
    if (answer.starts_with("HTTP/1.1 423")) {
      EXPECT_EQ(report.status, Status::failed);  // a refusal, but not one that passes
    } else if (answer.starts_with("HTTP/1.1 429")) {
      expect_registered(report, file);
      continue;
    } else {
      EXPECT_EQ(report.status, Status::unconfirmed);
      ASSERT_TRUE(report.error);
      EXPECT_EQ(report.error->kind, ErrorKind::unconfirmed);
      const std::string& message = report.error->message;
      EXPECT_THAT(message, HasSubstr("/datasets/IDB-1234567"));
      EXPECT_THAT(message, HasSubstr("resume --register"));
      EXPECT_EQ(message.find("is not known"), message.rfind("is not known")) << message;
    }
    EXPECT_EQ(server_.count(Phase::registration), asked + 1);
    EXPECT_EQ(server_.registrations(), before + fault.carried_out);
  }
}

TEST_F(TusTest, AfterALostAnswerAPersonDecides) {
  const Report lost = upload_until(
      {.phase = Phase::registration, .carried_out = false, .answer = "", .then = Then::close});
  EXPECT_EQ(lost.status, Status::unconfirmed);
  EXPECT_TRUE(lost.resumable);
  EXPECT_EQ(entry().state, JournalEntry::State::verifying);

  for (const bool restart : {false, true}) {
    auto asked = tus();
    asked.restart = restart;
    const auto again = engine().start(asked);
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().kind, ErrorKind::unconfirmed);
    EXPECT_THAT(again.error().message, HasSubstr("resume --register"));
  }
  EXPECT_EQ(server_.count(Phase::registration), 1);
  EXPECT_EQ(entry().state, JournalEntry::State::verifying);

  auto asked = tus();
  asked.register_again = true;
  const std::size_t before = server_.seen().size();
  expect_registered(start(asked)->wait());
  EXPECT_EQ(server_.registrations(), 1);
  EXPECT_TRUE(offsets(before).empty()) << "nothing is sent again";
  EXPECT_EQ(entry().state, JournalEntry::State::registered);
}

TEST_F(TusTest, ARegistrationThatIsToldToHappenIsLostOnceMore) {
  const Fault lost{.phase = Phase::registration, .answer = "", .then = Then::close};
  upload_until(lost);
  server_.set_faults({lost});
  auto asked = tus();
  asked.register_again = true;
  EXPECT_EQ(start(asked)->wait().status, Status::unconfirmed);
  EXPECT_EQ(server_.count(Phase::registration), 2);
  EXPECT_EQ(entry().state, JournalEntry::State::verifying);
}

TEST_F(TusTest, ARefusedTokenIsReplacedAndTheFileRegisteredOnce) {
  server_.set_faults(
      {{.phase = Phase::registration, .answer = http_answer(401, "HTTP Token: Access denied.\n")}});
  auto asked = tus();
  asked.renew_token = [] { return Secret("another-token"); };
  expect_registered(start(asked)->wait());
  EXPECT_EQ(server_.registrations(), 1);
  EXPECT_EQ(server_.seen().back().headers.at("authorization"), "Token token=another-token");
}

TEST_F(TusTest, ARefusalIsNoDoubtAndTheUploadStays) {
  for (const int status : {400, 401, 404}) {
    server_.set_faults({{.phase = Phase::registration, .answer = http_answer(status, "no")}});
    const Report report = upload();
    EXPECT_EQ(report.status, Status::failed) << status;
    EXPECT_THAT(report.error->message, Not(HasSubstr("not known")));
    EXPECT_EQ(entry().state, JournalEntry::State::unfinished);
  }
  server_.set_faults({});
  expect_registered(upload());
  EXPECT_EQ(offsets().size(), 3U) << "only the registration came again";
}

TEST_F(TusTest, ARedirectedRegistrationIsUnconfirmed) {
  ScriptedServer other;
  server_.set_faults(
      {{.phase = Phase::registration,
        .answer = http_answer(302, "", fmt::format("Location: {}/\r\n", other.url()))}});
  const Report report = upload();
  EXPECT_EQ(report.status, Status::unconfirmed);
  EXPECT_THAT(report.error->message, HasSubstr("not known"));
  EXPECT_EQ(server_.count(Phase::registration), 1);
  EXPECT_EQ(other.connections(), 0);
}

TEST_F(TusTest, CancelledInMidPatchItCanGoOn) {
  server_.set_faults(
      {{.phase = Phase::patch, .occurrence = 1, .after_payload_bytes = MiB, .then = Then::hold}});
  options_.stall_timeout = 60s;
  auto upload_1 = start(tus());
  ASSERT_TRUE(server_.wait_for(Phase::patch, 2));
  upload_1->cancel();
  const Report report = upload_1->wait();
  EXPECT_EQ(report.status, Status::interrupted);
  EXPECT_TRUE(report.resumable);
  upload_1.reset();
  engine_.reset();
  server_.set_faults({});
  const Report second = upload();
  expect_registered(second);
  EXPECT_EQ(second.resumed_from, part);
}

}  // namespace
}  // namespace sluice
