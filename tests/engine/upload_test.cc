#include "engine/upload.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/text.h"
#include "tests/engine/upload_fixture.h"
#include "tests/support/scripted_server.h"
#include "tests/support/temp_dir.h"

/// The engine as a program uses it, against servers that do the protocol well and badly.
namespace sluice {
namespace {

using testing::AnyOf;
using testing::HasSubstr;
using testing::Not;

TEST_F(UploadTest, TheWholeConversationOnOneConnectionAndVerifyOnItsOwn) {
  expect_registered(upload());
  const auto seen = server_.seen();
  std::vector<Phase> phases;
  std::uint64_t offset = 0;
  for (const auto& one : seen) {
    phases.push_back(one.phase);
    EXPECT_EQ(one.target, "/api/dataset/IDB-1234567/datafile");
    EXPECT_EQ(one.headers.at("authorization"), std::string("Token token=") + token);
    EXPECT_EQ(one.field("filename"), "scan.h5");
    if (one.phase != Phase::transfer) continue;
    EXPECT_EQ(one.field("previous_size"), std::to_string(offset));
    EXPECT_EQ(one.payload_size, std::min<std::uint64_t>(chunk, file_size - offset));
    offset += one.payload_size;
  }
  std::vector<Phase> expected{Phase::ask, Phase::setup};
  expected.insert(expected.end(), chunks, Phase::transfer);
  expected.push_back(Phase::probe);
  expected.push_back(Phase::verify);
  EXPECT_EQ(phases, expected);
  EXPECT_EQ(seen[1].field("filesize"), std::to_string(file_size));
  EXPECT_EQ(server_.connections(), 2);
  EXPECT_EQ(server_.registrations(), 1);
}

TEST_F(UploadTest, EverySizeAroundBlocksAndChunksWithEverySource) {
  for (const auto mode :
       {ReadMode::automatic, ReadMode::direct, ReadMode::mmap, ReadMode::buffered})
    for (const std::uint64_t chunk_bytes :
         {std::uint64_t{1000}, std::uint64_t{2 * block}, chunk, std::uint64_t{1} << 40})
      for (const std::uint64_t size :
           {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{block - 1}, std::uint64_t{block},
            std::uint64_t{block + 1}, 2 * block - std::uint64_t{1}, std::uint64_t{2 * block},
            2 * block + std::uint64_t{1}, chunk, 3 * chunk, 3 * chunk + 1}) {
        SCOPED_TRACE(fmt::format("{} of {} in {}", to_string(mode), size, chunk_bytes));
        const std::string name = fmt::format("{}-{}-{}", to_string(mode), size, chunk_bytes);
        write(name, size);
        auto asked = request(name);
        asked.read_mode = mode;
        asked.chunk_bytes = chunk_bytes;
        const Report report = start(asked)->wait();
        expect_registered(report, name);
        EXPECT_EQ(report.chunks, (size + chunk_bytes - 1) / chunk_bytes);
      }
}

TEST_F(UploadTest, AnEmptyFileIsSetUpAndRegisteredAndNothingElse) {
  write("empty", 0);
  expect_registered(start(request("empty"))->wait(), "empty");
  EXPECT_EQ(server_.count(Phase::transfer), 0);
  EXPECT_EQ(server_.count(Phase::setup), 1);
  EXPECT_EQ(server_.count(Phase::verify), 1);
}

TEST_F(UploadTest, ADryRunAsksForTheNameAndChangesNothing) {
  auto asked = request();
  asked.dry_run = true;
  const Report report = start(asked)->wait();
  EXPECT_EQ(report.status, Status::skipped);
  EXPECT_FALSE(report.error);
  EXPECT_EQ(server_.count(Phase::any), 1);
  EXPECT_EQ(server_.count(Phase::ask), 1);
}

TEST_F(UploadTest, ATakenNameIsFoundOutBeforeAnythingIsTransferred) {
  server_.add_file("scan.h5", "theirs");
  const Report report = upload();
  ASSERT_TRUE(report.error);
  EXPECT_EQ(report.error->kind, ErrorKind::name_taken);
  EXPECT_THAT(report.error->message, HasSubstr("scan.h5"));
  EXPECT_EQ(server_.count(Phase::any), 1);
  EXPECT_EQ(server_.registered("scan.h5"), "theirs");
}

/// Every phase, and every way to fail that means the same in each.
struct Trouble {
  const char* name;
  Fault fault;  ///< but for the phase
  ErrorKind kind;
  const char* says;
  bool decides = false;  ///< answered before anything was done
};

void PrintTo(const Trouble& trouble, std::ostream* out) {
  *out << trouble.name;
}

class EveryPhase : public UploadTest,
                   public testing::WithParamInterface<std::tuple<Phase, Trouble>> {
 protected:
  static const char* name_of(Phase phase) {
    switch (phase) {
      case Phase::ask:
        return "ask";
      case Phase::setup:
        return "setup";
      case Phase::transfer:
        return "transfer";
      case Phase::probe:
        return "probe";
      default:
        return "verify";
    }
  }

 public:
  static std::string test_name(const testing::TestParamInfo<ParamType>& info) {
    return fmt::format("{}_{}", name_of(std::get<0>(info.param)), std::get<1>(info.param).name);
  }
};

TEST_P(EveryPhase, EndsCleanly) {
  const auto& [phase, trouble] = GetParam();
  Fault fault = trouble.fault;
  fault.phase = phase;
  if (phase == Phase::transfer && fault.occurrence == 0)
    fault.occurrence = 1;  // not the first chunk
  const Report report = upload_against(fault);
  const int sent = server_.count(Phase::any);
  const int first_verifies = verifies();
  // After these nobody can know whether it is registered.
  const bool unknown = phase == Phase::verify && !trouble.decides;
  const bool says_why =
      trouble.kind == ErrorKind::token_refused || trouble.kind == ErrorKind::no_such_dataset;
  if (unknown) {
    EXPECT_EQ(report.status, Status::unconfirmed);
    EXPECT_THAT(report.error->message, HasSubstr("is not known"));
    expect_ended(report, says_why ? trouble.kind : ErrorKind::unconfirmed, trouble.says);
  } else {
    expect_failed(report, trouble.kind, trouble.says);
  }

  // Nothing follows the failure, but for the next upload.
  const auto seen = server_.seen();
  EXPECT_EQ(seen[static_cast<std::size_t>(sent) - 1].phase, phase);
  EXPECT_EQ(first_verifies, phase == Phase::verify ? 1 : 0);
}

const Trouble troubles[] = {
    // A kept connection that dies is tried anew, except for verify: a second death is final.
    {"closes", {.occurrence = -1, .then = Then::close}, ErrorKind::unreachable, ""},
    {"resets", {.occurrence = -1, .then = Then::reset}, ErrorKind::unreachable, ""},
    {"cut_short",
     {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nsuccessfully", .then = Then::close},
     ErrorKind::unreachable,
     ""},
    {"cut_in_the_headers",
     {.answer = "HTTP/1.1 200 OK\r\nContent-Le", .then = Then::close},
     ErrorKind::unreachable,
     "within its headers"},
    {"endless",
     {.answer = "HTTP/1.1 200 OK\r\n\r\nsuccess", .endless = true},
     ErrorKind::failed,
     "longer than"},
    {"denied",
     {.answer = http_answer(401, "HTTP Token: Access denied.\n")},
     ErrorKind::token_refused,
     "401",
     true},
    {"expired",
     {.answer = http_answer(500, R"({"status":500,"error":"Internal Server Error"})")},
     ErrorKind::token_refused,
     "3 days"},
    {"no_dataset",
     {.answer = http_answer(404, "Dataset Not Found")},
     ErrorKind::no_such_dataset,
     "Dataset Not Found",
     true},
    {"bad_gateway",
     {.answer = http_answer(502, "<html><title>502 Bad Gateway</title></html>")},
     ErrorKind::unreachable,
     "502 Bad Gateway"},
    {"unavailable", {.answer = http_answer(503, "")}, ErrorKind::unreachable, "503"},
    {"gateway_timeout", {.answer = http_answer(504, "")}, ErrorKind::unreachable, "504"},
    {"too_many", {.answer = http_answer(429, "slow down")}, ErrorKind::unreachable, "429"},
    {"redirects_elsewhere",
     {.answer = http_answer(307, "", "Location: http://127.0.0.1:9/\r\n")},
     ErrorKind::failed,
     "redirect"},
    {"html",
     {.answer = http_answer(200, "<!doctype html><title>Sign in</title>")},
     ErrorKind::failed,
     "'Sign in'"},
    {"empty", {.answer = http_answer(200, "")}, ErrorKind::failed, "nothing"},
    {"not_utf8", {.answer = http_answer(500, "\xff\xfe\x80 caf\xe9")}, ErrorKind::failed, "caf?"},
    {"escape_sequences",
     {.answer = http_answer(500,
                            "\x1b[2J\x1b]0;owned\x07\xc2\x9b"
                            "2K")},
     ErrorKind::failed,
     "owned"},
    {"echoes_the_token",
     {.answer = "HTTP/1.1 500 No\r\n\r\nyou sent {token}", .then = Then::close},
     ErrorKind::failed,
     "you sent Token token=[token]"},
    {"another_protocol",
     {.answer = http_answer(500, "invalid request")},
     ErrorKind::failed,
     "does not speak the phased protocol"},
    {"deep_json", {.answer = http_answer(200, std::string(60'000, '['))}, ErrorKind::failed, ""},
    {"no_http",
     {.occurrence = -1, .answer = "220 mail ESMTP\r\n", .then = Then::close},
     ErrorKind::unreachable,
     ""},
};

INSTANTIATE_TEST_SUITE_P(All, EveryPhase,
                         testing::Combine(testing::Values(Phase::ask, Phase::setup, Phase::transfer,
                                                          Phase::probe, Phase::verify),
                                          testing::ValuesIn(troubles)),
                         EveryPhase::test_name);

// --- What is particular to one phase -------------------------------------------------------------

TEST_F(UploadTest, AChunkThatIsRefusedUnderStatus200Fails) {
  for (const auto& [body, kind] :
       {std::pair(R"({"error":"disk full","progress":12281,"status":500})", ErrorKind::failed),
        std::pair(R"({"error":"Unexpected previous_size value.","progress":3,"status":500})",
                  ErrorKind::integrity),
        std::pair(R"({"error":{"odd":[1,"\u001b[2J"]},"progress":-1})", ErrorKind::failed)}) {
    expect_failed(
        upload_against(
            {.phase = Phase::transfer, .occurrence = 1, .answer = http_answer(200, body)}),
        kind, "chunk of 'scan.h5' at offset 12281");
    EXPECT_EQ(verifies(), 0);
  }
}

/// Messages quote a server's first words; half a token at their end is most of a token.
TEST_F(UploadTest, ATokenThatIsEchoedIsNotShownInPartEither) {
  for (const std::size_t before : {170U, 180U, 185U, 190U, 195U}) {
    server_.set_faults({{.phase = Phase::ask,
                         .answer = "HTTP/1.1 500 No\r\n\r\n" + std::string(before, 'x') + "{token}",
                         .then = Then::close}});
    const Report report = upload();
    ASSERT_TRUE(report.error);
    EXPECT_THAT(report.error->message, Not(HasSubstr("s3c")));
  }
}

TEST_F(UploadTest, AServerThatKeepsFewerBytesThanItAcknowledgesIsFoundOut) {
  // Not the last chunk: its next one does not fit any more.
  expect_failed(upload_against(
                    {.phase = Phase::transfer, .occurrence = 1, .carried_out = true, .keeps = 100}),
                ErrorKind::integrity, "holds");
  EXPECT_EQ(verifies(), 0);
  // The last one: nothing but the question before verify can tell.
  expect_failed(
      upload_against(
          {.phase = Phase::transfer, .occurrence = chunks - 1, .carried_out = true, .keeps = 1}),
      ErrorKind::integrity, "acknowledged");
  EXPECT_EQ(verifies(), 0);
}

TEST_F(UploadTest, VerifyIsNotSentForAnyAnswerButExactlyTheSize) {
  const auto progress = [](const std::string& number) {
    return http_answer(200, R"({"error":"Unexpected previous_size value.","progress":)" + number +
                                R"(,"status":500})");
  };
  for (const std::string& answer :
       {progress("36986"), progress("36988"), progress("0"), progress("-1"), progress("36987.0"),
        progress("\"36987\""), progress("null"), progress("1e99"), progress("99999999999999999999"),
        http_answer(200, R"({"progress":36987})"), http_answer(200, "36987"),
        http_answer(200, "successfully added chunk to scan.h5"),
        http_answer(500, "No such file or directory @ rb_file_s_size - /x\n")}) {
    static_assert(file_size == 36987);
    SCOPED_TRACE(answer);
    const Report report = upload_against({.phase = Phase::probe, .answer = answer});
    EXPECT_EQ(report.status, Status::failed);
    EXPECT_EQ(verifies(), 0);
    EXPECT_FALSE(server_.registered("scan.h5"));
  }
  expect_next_upload_works();
}

TEST_F(UploadTest, AChunkThatDiesWithAKeptConnectionIsSentAgainAndLandsOnce) {
  for (const bool carried_out : {false, true})
    for (const auto then : {Then::close, Then::reset})
      for (const std::optional<std::size_t> after :
           {std::optional<std::size_t>(), std::optional<std::size_t>(5000)}) {
        if (carried_out && after) continue;
        SCOPED_TRACE(fmt::format("carried out {}, reset {}, after {}", carried_out,
                                 then == Then::reset, after.value_or(0)));
        const std::string name =
            fmt::format("file-{}-{}-{}", carried_out, then == Then::reset, after.has_value());
        write(name, file_size);
        // An answer is kept back, so the bank may hold the chunk already: it says so when it comes
        // again.
        server_.set_faults({{.phase = Phase::transfer,
                             .occurrence = 1,
                             .after_body_bytes = after,
                             .carried_out = carried_out,
                             .answer = "",
                             .then = then}});
        expect_registered(start(request(name))->wait(), name);
      }
  expect_next_upload_works();
}

TEST_F(UploadTest, AConnectionThatIsClosedAfterEveryAnswerIsNoTrouble) {
  server_.set_faults(
      {{.phase = Phase::any, .occurrence = -1, .carried_out = true, .then = Then::close}});
  // verify, too: it goes over a connection of its own, as nobody can tell a kept one that is about
  // to die.
  expect_registered(upload());
  EXPECT_EQ(server_.registrations(), 1);
}

TEST_F(UploadTest, VerifyIsSentOnceEvenIfItsKeptConnectionDies) {
  for (const bool carried_out : {false, true})
    for (const auto then : {Then::close, Then::reset}) {
      SCOPED_TRACE(fmt::format("carried out {}, reset {}", carried_out, then == Then::reset));
      const std::string name = fmt::format("file-{}-{}", carried_out, then == Then::reset);
      write(name, file_size);
      server_.set_faults(
          {{.phase = Phase::verify, .carried_out = carried_out, .answer = "", .then = then}});
      const int verified = server_.count(Phase::verify);
      const Report report = start(request(name))->wait();
      EXPECT_EQ(report.status, Status::unconfirmed);
      ASSERT_TRUE(report.error);
      EXPECT_EQ(report.error->kind, ErrorKind::unconfirmed);
      EXPECT_THAT(report.error->message,
                  HasSubstr("whether '" + name + "' is registered is not known"));
      EXPECT_THAT(report.error->message, Not(HasSubstr("nothing was registered")));
      EXPECT_EQ(server_.count(Phase::verify), verified + 1);
      EXPECT_EQ(report.xxh128, "");
    }
  expect_next_upload_works();
}

TEST_F(UploadTest, AnEarlyRefusalInTheMiddleOfAChunkIsReadAndObeyed) {
  write("scan.h5", 24 << 20);
  const auto refuse = [](int status) {
    return Fault{.phase = Phase::transfer,
                 .after_body_bytes = 10'000,
                 .answer = http_answer(status, "no", "Connection: close\r\n"),
                 .then = Then::close};
  };
  auto asked = request();
  asked.chunk_bytes = 24 << 20;
  server_.set_faults({refuse(401)});
  expect_failed(start(asked)->wait(), ErrorKind::token_refused, "401");
  EXPECT_EQ(verifies(), 0);
  // 413 names a bound: what is smaller goes through, without that counting as a failure.
  server_.set_faults({refuse(413)});
  const Report report = start(asked)->wait();
  expect_registered(report);
  EXPECT_EQ(report.chunks, 2U);
  EXPECT_EQ(report.retries, 0U);
}

TEST_F(UploadTest, AServerThatFindsEveryChunkTooLargeIsNotAskedForEver) {
  server_.set_faults(
      {{.phase = Phase::transfer, .occurrence = -1, .answer = http_answer(413, "no")}});
  const Report report = upload();
  EXPECT_LE(server_.count(Phase::transfer), 20);
  expect_failed(report, ErrorKind::failed, "413");
}

TEST_F(UploadTest, AnswersInTheOddFormsOfHttpAreAnswers) {
  const auto chunked = [](const std::string& body) {
    return fmt::format(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{}\r\n0\r\n\r\n", body.size(),
        body);
  };
  server_.set_faults({
      {.phase = Phase::ask,
       .answer = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n" +
                 http_answer(500, "missing paramter: filesize\n")},
      {.phase = Phase::setup,
       .carried_out = true,
       .answer = chunked("successfully set up scan.h5"),
       .byte_by_byte = true},
      {.phase = Phase::transfer,
       .carried_out = true,
       .answer = "HTTP/1.0 200 OK\r\n\r\n\"successfully added chunk to scan.h5\"\n",
       .then = Then::close},
      {.phase = Phase::transfer, .occurrence = 1, .carried_out = true, .byte_by_byte = true},
  });
  expect_registered(upload());
}

// --- Time ----------------------------------------------------------------------------------------

class SilentPhase : public UploadTest, public testing::WithParamInterface<Phase> {};

TEST_P(SilentPhase, AnAnswerThatNeverComesEndsTheUpload) {
  options_.response_timeout = 1s;
  const Report report = upload_against({.phase = GetParam(), .then = Then::hold});
  const int first_verifies = verifies();
  EXPECT_EQ(first_verifies, GetParam() == Phase::verify ? 1 : 0);
  engine_.reset();
  options_.response_timeout = 0s;  // the next upload is not in a hurry
  if (GetParam() == Phase::verify) {
    EXPECT_EQ(report.status, Status::unconfirmed);
    expect_ended(report, ErrorKind::unconfirmed, "not answered for 1 s");
  } else {
    expect_failed(report, ErrorKind::unreachable, "not answered for 1 s");
  }
}

TEST_P(SilentPhase, CancelEndsTheUpload) {
  server_.set_faults({{.phase = GetParam(), .then = Then::hold}});
  auto upload = start(request());
  ASSERT_TRUE(server_.wait_for(GetParam()));
  upload->cancel();
  upload->cancel();
  const Report report = upload->wait();
  const int sent = server_.count(Phase::any);
  EXPECT_EQ(server_.seen().back().phase, GetParam());
  upload->cancel();  // it is over
  EXPECT_EQ(upload->wait().status, Status::interrupted);
  EXPECT_EQ(server_.count(Phase::any), sent);
  EXPECT_THAT(report.error->message,
              HasSubstr(GetParam() == Phase::verify ? "is not known" : "nothing was registered"));
  upload.reset();
  expect_failed(report, ErrorKind::interrupted, "interrupted at byte");
}

TEST_P(SilentPhase, DestroyingTheHandleEndsTheUpload) {
  server_.set_faults({{.phase = GetParam(), .then = Then::hold}});
  auto upload = start(request());
  ASSERT_TRUE(server_.wait_for(GetParam()));
  upload.reset();
  EXPECT_FALSE(server_.registered("scan.h5"));
  expect_next_upload_works();
}

INSTANTIATE_TEST_SUITE_P(All, SilentPhase,
                         testing::Values(Phase::ask, Phase::setup, Phase::transfer, Phase::probe,
                                         Phase::verify));

TEST_F(UploadTest, AServerThatStopsReadingAChunkEndsTheUpload) {
  options_.stall_timeout = 1s;
  write("scan.h5", 24 << 20);
  server_.set_faults({{.phase = Phase::transfer, .after_body_bytes = 1, .then = Then::hold}});
  auto asked = request();
  asked.chunk_bytes = 24 << 20;
  const Report report = start(asked)->wait();
  engine_.reset();
  options_.stall_timeout = 60s;
  expect_failed(report, ErrorKind::unreachable, "no byte could be sent for 1 s");
}

TEST_F(UploadTest, CancelInTheMiddleOfAChunkEndsTheUpload) {
  write("scan.h5", 24 << 20);
  server_.set_faults({{.phase = Phase::transfer, .after_body_bytes = 100'000, .then = Then::hold}});
  auto asked = request();
  asked.chunk_bytes = 24 << 20;
  auto upload = start(asked);
  ASSERT_TRUE(server_.wait_for(Phase::transfer));
  upload->cancel();
  expect_failed(upload->wait(), ErrorKind::interrupted, "interrupted at byte 0");
}

TEST_F(UploadTest, CancelAtOnceSendsNothingThatChangesAnything) {
  auto upload = start(request());
  upload->cancel();
  const Report report = upload->wait();
  upload.reset();
  EXPECT_EQ(server_.count(Phase::verify), 0);
  expect_failed(report, ErrorKind::interrupted);
}

TEST_F(UploadTest, NobodyListens) {
  auto asked = request();
  asked.base_url = ScriptedServer().url();
  expect_failed(start(asked)->wait(), ErrorKind::unreachable, asked.base_url);
}

// --- The file ------------------------------------------------------------------------------------

class ChangingFile : public UploadTest, public testing::WithParamInterface<ReadMode> {
 protected:
  /// Uploads while `change` is done to the file before the answer to that request.
  Report upload_while(Phase phase, std::function<void()> change) {
    server_.set_faults({{.phase = phase, .before = std::move(change), .carried_out = true}});
    auto asked = request();
    asked.read_mode = GetParam();
    return start(asked)->wait();
  }
};

TEST_P(ChangingFile, AFileThatShrinksIsAnErrorWithItsNameAndOffset) {
  // Two blocks are in memory, and the rest is gone before it is read.
  const Report report = upload_while(
      Phase::transfer, [this] { std::filesystem::resize_file(directory_ / "scan.h5", block); });
  EXPECT_EQ(verifies(), 0);
  expect_failed(report, ErrorKind::local_file, "shrank to 4096 bytes");
  EXPECT_THAT(report.error->message, HasSubstr("offset"));
}

TEST_P(ChangingFile, AFileThatIsWrittenToIsNotRegistered) {
  const Report report = upload_while(Phase::probe, [this] {
    const timespec times[2] = {{0, UTIME_OMIT}, {1'000'000'000, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, (directory_ / "scan.h5").c_str(), times, 0), 0);
  });
  EXPECT_EQ(verifies(), 0);
  expect_failed(report, ErrorKind::local_file, "changed while it was being uploaded");
}

TEST_P(ChangingFile, AFileThatGrowsIsNotRegistered) {
  const Report report = upload_while(Phase::probe, [this] {
    std::filesystem::resize_file(directory_ / "scan.h5", file_size + 1);
  });
  EXPECT_EQ(verifies(), 0);
  expect_failed(report, ErrorKind::local_file, "from 36987 to 36988 bytes");
}

TEST_P(ChangingFile, AFileThatIsReplacedByAnotherGoesOnAsItWas) {
  const std::string before = content("scan.h5");
  const Report report = upload_while(Phase::transfer, [this] {
    write("new", file_size, 99);
    std::filesystem::rename(directory_ / "new", directory_ / "scan.h5");
  });
  EXPECT_EQ(report.status, Status::registered) << report.error->message;
  EXPECT_TRUE(server_.registered("scan.h5") == before);
  EXPECT_EQ(report.xxh128, xxh128(before));
}

TEST_P(ChangingFile, TheErrorIsFitForATerminalWhateverTheFileIsCalled) {
  const std::string odd = "\x1b[2J\n\xff";
  write(odd, file_size);
  server_.set_faults({{.phase = Phase::setup,
                       .before = [&] { std::filesystem::resize_file(directory_ / odd, 100); },
                       .carried_out = true}});
  auto asked = request();
  asked.path = directory_ / odd;
  asked.read_mode = GetParam();
  expect_failed(start(asked)->wait(), ErrorKind::local_file, "?[2J??");
  asked.path += "-missing";
  const auto missing = engine().start(asked);
  ASSERT_FALSE(missing);
  EXPECT_EQ(printable(missing.error().message), missing.error().message);
}

/// A chunk goes out again after the file was changed in place, size and time as they were: only the
/// checksums of the first time can tell.
TEST_P(ChangingFile, BytesThatChangedBeforeTheyAreSentAgainAreFoundOut) {
  server_.set_faults({{.phase = Phase::transfer,
                       .occurrence = 1,
                       .before =
                           [this] {
                             const int fd = ::open((directory_ / "scan.h5").c_str(), O_WRONLY);
                             struct stat was {};
                             ::fstat(fd, &was);
                             // Both blocks that the second chunk's first bytes can be in.
                             const std::string other(2 * block, '!');
                             EXPECT_EQ(::pwrite(fd, other.data(), other.size(), 3 * block),
                                       2 * ssize_t{block});
                             const timespec times[2] = {was.st_atim, was.st_mtim};
                             ::futimens(fd, times);
                             ::close(fd);
                           },
                       .then = Then::close}});
  auto asked = request();
  asked.read_mode = GetParam();
  const Report report = start(asked)->wait();
  EXPECT_EQ(verifies(), 0);
  expect_failed(report, ErrorKind::local_file, "changed");
}

INSTANTIATE_TEST_SUITE_P(All, ChangingFile,
                         testing::Values(ReadMode::direct, ReadMode::mmap, ReadMode::buffered),
                         [](const auto& mode) { return std::string(to_string(mode.param)); });

// --- Several at once, and the handle
// ---------------------------------------------------------------

TEST_F(UploadTest, SeveralUploadsShareOneEngine) {
  options_.pool_bytes = 16 * block;
  std::vector<std::unique_ptr<Upload>> uploads;
  for (std::size_t i = 0; i < 8; ++i) {
    const std::string name = fmt::format("file-{}", i);
    write(name, file_size + i * 1000, i);
    auto asked = request(name);
    asked.dataset = fmt::format("IDB-{}", i);  // one at a time in each dataset (protocol, 1.4)
    asked.chunk_bytes = 1000 * (i + 1);
    uploads.push_back(start(asked));
  }
  for (std::size_t i = 0; i < uploads.size(); ++i)
    expect_registered(uploads[i]->wait(), fmt::format("file-{}", i));
  EXPECT_EQ(server_.registrations(), 8);
}

/// Each upload holds blocks that it read ahead; with fewer than that in the pool they must still
/// all end.
// Whoever waits for another report first must not find the pool in the hands of an upload that is
// over.
TEST_F(UploadTest, AnUploadThatFailedLeavesThePoolToTheOthersBeforeAnybodyAsksForItsReport) {
  server_.set_faults({{.phase = Phase::transfer, .answer = http_answer(500, "boom")}});
  write("bad", file_size, 1);
  write("good", file_size, 2);
  auto bad = start(request("bad"));
  ASSERT_TRUE(bad->wait_until(std::chrono::steady_clock::now() + 60s));
  auto asked = request("good");
  asked.dataset = "IDB-2";
  expect_registered(start(asked)->wait(), "good");
  EXPECT_EQ(bad->wait().status, Report::Status::failed);
}

TEST_F(UploadTest, SeveralUploadsShareTheSmallestPool) {
  std::vector<std::unique_ptr<Upload>> uploads;
  for (std::size_t i = 0; i < 4; ++i) {
    const std::string name = fmt::format("file-{}", i);
    write(name, file_size, i);
    auto asked = request(name);
    asked.dataset = fmt::format("IDB-{}", i);
    uploads.push_back(start(asked));
  }
  for (std::size_t i = 0; i < uploads.size(); ++i)
    expect_registered(uploads[i]->wait(), fmt::format("file-{}", i));
}

TEST_F(UploadTest, OneThatFailsDoesNotDisturbAnother) {
  options_.pool_bytes = 8 * block;
  server_.set_faults(
      {{.phase = Phase::transfer, .occurrence = 3, .answer = http_answer(500, "no")}});
  std::vector<std::unique_ptr<Upload>> uploads;
  for (std::size_t i = 0; i < 3; ++i) {
    const std::string name = fmt::format("file-{}", i);
    write(name, file_size, i);
    auto asked = request(name);
    asked.dataset = fmt::format("IDB-{}", i);
    uploads.push_back(start(asked));
  }
  int failed = 0;
  for (std::size_t i = 0; i < uploads.size(); ++i) {
    const Report report = uploads[i]->wait();
    if (report.status == Status::failed)
      ++failed;
    else
      expect_registered(report, fmt::format("file-{}", i));
  }
  EXPECT_EQ(failed, 1);
  expect_next_upload_works();
}

TEST_F(UploadTest, ProgressReachesTheSizeAndNeverPassesIt) {
  server_.set_faults({{.phase = Phase::transfer, .occurrence = 1, .then = Then::hold}});
  auto upload = start(request());
  EXPECT_FALSE(upload->wait_until(std::chrono::steady_clock::now()));
  ASSERT_TRUE(server_.wait_for(Phase::transfer, 2));
  Progress progress = upload->progress();
  EXPECT_EQ(progress.total, file_size);
  EXPECT_EQ(progress.committed, chunk);
  EXPECT_GE(progress.sent, chunk);
  EXPECT_LE(progress.sent, 2 * chunk);
  server_.release();
  expect_registered(upload->wait());
  EXPECT_TRUE(upload->wait_until(std::chrono::steady_clock::now()));
  progress = upload->progress();
  EXPECT_EQ(progress.sent, file_size);
  EXPECT_EQ(progress.committed, file_size);
}

TEST_F(UploadTest, TheHandleMayBeUsedFromSeveralThreads) {
  auto upload = start(request());
  std::vector<std::thread> threads;
  std::atomic<int> registered{0};
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      while (!upload->wait_until(std::chrono::steady_clock::now() + 1ms)) {
        const Progress progress = upload->progress();
        EXPECT_LE(progress.sent, progress.total);
        EXPECT_LE(progress.committed, progress.total);
      }
      if (upload->wait().status == Status::registered) ++registered;
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(registered, 4);
}

TEST_F(UploadTest, CancelsFromManyThreadsWhileItRunsEndItOnce) {
  for (int round = 0; round < 20; ++round) {
    auto upload = start(request());
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i) threads.emplace_back([&] { upload->cancel(); });
    const Report report = upload->wait();
    for (std::thread& thread : threads) thread.join();
    if (report.status == Status::registered) break;  // it was faster, and the name is taken now
    EXPECT_EQ(report.status, Status::interrupted);
  }
  expect_next_upload_works();
}

// --- What is refused before a byte is sent
// ---------------------------------------------------------

TEST_F(UploadTest, RequestsThatCannotBeAreRefusedAtOnce) {
  const auto refused = [&](auto change, ErrorKind kind) {
    UploadRequest asked = request();
    change(asked);
    const auto upload = engine().start(asked);
    ASSERT_FALSE(upload);
    EXPECT_STREQ(to_string(upload.error().kind), to_string(kind)) << upload.error().message;
    EXPECT_THAT(upload.error().message, Not(HasSubstr(token)));
    EXPECT_THAT(upload.error().message, Not(HasSubstr("\n")));
  };
  for (const char* key : {"", "IDB-1/../x", "IDB-1?x", "IDB-1#", "a%2fb", "a b", "é"})
    refused([&](UploadRequest& asked) { asked.dataset = key; }, ErrorKind::usage);
  for (const char* name : {"", ".", "..", "a/b", "/", "a\nb", "\xff"})
    refused([&](UploadRequest& asked) { asked.name = name; }, ErrorKind::usage);
  for (const char* secret : {"", "a b", "a\r\nX: y", "\"", "\xff"})
    refused([&](UploadRequest& asked) { asked.token = Secret(secret); }, ErrorKind::usage);
  for (const char* url :
       {"", "databank", "ftp://host", "http://u:p@host", "https://host/?q", "file:///etc"})
    refused([&](UploadRequest& asked) { asked.base_url = url; }, ErrorKind::usage);
  refused([](UploadRequest& asked) { asked.lookahead = 17; }, ErrorKind::usage);
  refused([&](UploadRequest& asked) { asked.path = directory_ / "missing"; },
          ErrorKind::local_file);
  refused([&](UploadRequest& asked) { asked.path = directory_.path(); }, ErrorKind::local_file);
  ASSERT_EQ(::mkfifo((directory_ / "fifo").c_str(), 0600), 0);
  refused([&](UploadRequest& asked) { asked.path = directory_ / "fifo"; }, ErrorKind::local_file);
  refused([&](UploadRequest& asked) { asked.path = "/dev/null"; }, ErrorKind::local_file);
  EXPECT_EQ(server_.connections(), 0);
}

TEST(EngineOptionsTest, OptionsOutOfRangeAreRefused) {
  for (const auto& [pool, block_bytes] : {std::pair<std::size_t, std::size_t>{8192, 0},
                                          {8192, 1},
                                          {8192, 4095},
                                          {100'000, 4097},
                                          {4096, 4096},
                                          {8191, 4096},
                                          {0, 4096},
                                          {std::size_t{8} << 30, std::size_t{2} << 30}}) {
    EngineOptions options;
    options.pool_bytes = pool;
    options.block_bytes = block_bytes;
    const auto engine = Engine::create(options);
    ASSERT_FALSE(engine) << pool << " " << block_bytes;
    EXPECT_EQ(engine.error().kind, ErrorKind::usage);
  }
}

TEST_F(UploadTest, TheLogSaysHowTheFileIsReadAndNeverTheToken) {
  std::vector<std::string> lines;
  options_.log = [&](LogLevel, const std::string& line) { lines.push_back(line); };
  expect_registered(upload());
  ASSERT_FALSE(lines.empty());
  EXPECT_THAT(lines[0], HasSubstr("buffered"));
  for (const std::string& line : lines) EXPECT_THAT(line, Not(HasSubstr(token)));
}

}  // namespace
}  // namespace sluice
