// Uploads over tus: bytes that arrive, transient failures, and chunk lengths.
#include <thread>

#include "tests/engine/upload/upload_tus_fixture.h"

namespace sluice::upload_tus_test {
namespace {

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

TEST_F(TusTest, AcceptsRelativeLocation) {
  server_.set_tus_rules({.absolute_locations = false});
  auto asked = tus();
  asked.chunk_bytes = 0;
  const Report report = start(asked)->wait();
  expect_registered(report);
  EXPECT_EQ(report.chunks, 1U);
}

TEST_F(TusTest, RegistersEmptyFile) {
  write("empty", 0);
  expect_registered(upload("empty"), "empty");
  EXPECT_EQ(server_.count(Phase::patch), 0);
}

/// The server keeps the bytes of an incomplete request.
TEST_F(TusTest, CancelReportsSentOffset) {
  server_.set_faults({{.phase = Phase::patch, .after_body_bytes = 100'000, .then = Then::hold}});
  auto asked = tus();
  asked.chunk_bytes = 0;
  auto upload = start(asked);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (upload->progress().sent < 100'000 && std::chrono::steady_clock::now() < deadline)
    std::this_thread::yield();
  upload->cancel();
  const Report report = upload->wait();
  ASSERT_TRUE(report.error);
  EXPECT_EQ(report.error->kind, ErrorKind::interrupted);
  EXPECT_THAT(report.error->message,
              HasSubstr("interrupted at offset " + std::to_string(upload->progress().sent) + ";"));
  EXPECT_GE(upload->progress().sent, 100'000U);
}

class EveryTusStep : public TusTest,
                     public testing::WithParamInterface<std::tuple<Phase, Passing>> {};

TEST_P(EveryTusStep, IsRetriedAndRegistersOnce) {
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
INSTANTIATE_TEST_SUITE_P(All, EveryTusStep,
                         testing::Combine(testing::Values(Phase::create, Phase::patch, Phase::head),
                                          testing::ValuesIn(passing)),
                         [](const auto& param) {
                           return fmt::format("{}_{}", phase_name(std::get<0>(param.param)),
                                              std::get<1>(param.param).name);
                         });

TEST_F(TusTest, ResumesAfterResetInMidPatch) {
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

TEST_F(TusTest, ContinuesAtReportedOffsetWithoutHead) {
  server_.set_faults(
      {{.phase = Phase::patch, .occurrence = 1, .carried_out = true, .keeps = MiB + 5}});
  expect_registered(upload());
  EXPECT_EQ(server_.count(Phase::head), 0);
  EXPECT_EQ(offsets()[2], std::to_string(broken_at));
}

TEST_F(TusTest, AsksForOffsetAfter409) {
  server_.set_faults({{.phase = Phase::patch,
                       .occurrence = 1,
                       .carried_out = true,
                       .answer = http_answer(409, "Upload-Offset header doesn't match")}});
  expect_registered(upload());
  EXPECT_EQ(offsets(), (std::vector<std::string>{"0", "5242880", "10485760"}));
}

TEST_F(TusTest, FailsAfterSecondChecksumMismatch) {
  server_.set_faults({{.phase = Phase::patch, .occurrence = 1, .answer = http_answer(460, "")}});
  expect_registered(upload());
  write("second", length, 3);
  server_.set_faults({{.phase = Phase::patch, .occurrence = -1, .answer = http_answer(460, "")}});
  const Report report = upload("second");
  EXPECT_EQ(report.status, Status::failed);
  EXPECT_EQ(report.error->kind, ErrorKind::integrity);
  EXPECT_EQ(report.retries, 1U);
}

// --- Chunk lengths -------------------------------------------------------------------------------

TEST_F(TusTest, SendsNoPatchSmallerThanServerPart) {
  server_.set_tus_rules({.part_bytes = part});
  auto asked = tus();
  asked.chunk_bytes = MiB;
  expect_registered(start(asked)->wait());
  EXPECT_EQ(patch_lengths(), (std::vector<std::size_t>{part, part, length - 2 * part}));
}

TEST_F(TusTest, DoublesPatchIfOffsetDoesNotMove) {
  server_.set_tus_rules({.part_bytes = part + 1});
  expect_registered(upload());
  EXPECT_EQ(patch_lengths(), (std::vector<std::size_t>{part, 2 * part, length - 2 * part}));
}

TEST_F(TusTest, FailsIfServerKeepsNothing) {
  options_.retry.retries = 100;
  server_.set_faults({{.phase = Phase::patch, .occurrence = -1, .carried_out = true, .keeps = 0}});
  const Report report = upload();
  expect_failed(report, ErrorKind::integrity,
                "bytes twice, but stored none of them; nothing was registered");
  EXPECT_EQ(patch_lengths(), (std::vector<std::size_t>{part, 2 * part, length, length}));
}

TEST_F(TusTest, ShrinksPatchesAfter413DownToPart) {
  auto asked = tus();
  asked.chunk_bytes = 12 * MiB;
  server_.set_faults({{.phase = Phase::patch, .answer = http_answer(413, "")}});
  expect_registered(start(asked)->wait());
  EXPECT_EQ(patch_lengths(), (std::vector<std::size_t>{12 * MiB, 6 * MiB, 6 * MiB, 7}));
}

/// That servers discard less than a part is only an assumption: other servers keep it.
TEST_F(TusTest, TriesLessThanPartAfterRepeated413) {
  auto asked = tus();
  asked.chunk_bytes = 12 * MiB;
  server_.set_faults({{.phase = Phase::patch, .occurrence = 0, .answer = http_answer(413, "")},
                      {.phase = Phase::patch, .occurrence = 1, .answer = http_answer(413, "")}});
  expect_registered(start(asked)->wait());
  EXPECT_EQ(patch_lengths(),
            (std::vector<std::size_t>{12 * MiB, 6 * MiB, 3 * MiB, 3 * MiB, 3 * MiB, 3 * MiB, 7}));
}

TEST_F(TusTest, FailsIfServerDiscardsAcceptedChunks) {
  server_.set_tus_rules({.part_bytes = part});
  auto asked = tus();
  asked.chunk_bytes = 12 * MiB;
  std::vector<Fault> too_large;
  for (const int occurrence : {0, 1, 3})
    too_large.push_back(
        {.phase = Phase::patch, .occurrence = occurrence, .answer = http_answer(413, "")});
  server_.set_faults(too_large);
  const Report report = start(asked)->wait();
  expect_failed(report, ErrorKind::failed,
                "as too large (HTTP 413), but discards chunks of less than");
  EXPECT_EQ(patch_lengths(), (std::vector<std::size_t>{12 * MiB, 6 * MiB, 3 * MiB, 6 * MiB}));
}

}  // namespace
}  // namespace sluice::upload_tus_test
