// The end and the error message of an upload after a failure of server or network, without retries.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <tuple>
#include <utility>

#include "tests/engine/upload/upload_fixture.h"
#include "tests/support/scripted_server.h"

namespace sluice::upload_failure_test {
namespace {

using testing::HasSubstr;
using testing::Not;

/// A failure that has the same meaning in every phase.
struct Trouble {
  const char* name;
  Fault fault;  ///< without the phase
  ErrorKind kind;
  const char* says;
  bool decides = false;  ///< the answer says that nothing was done
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
  if (phase == Phase::transfer && fault.occurrence == 0) fault.occurrence = 1;  // the second chunk
  server_.set_faults({fault});
  UploadRequest asking = request();
  if (phase == Phase::ask) asking.name = asked_name;
  const Report report = start(asking)->wait();
  const int sent = server_.count(Phase::any);
  const int first_verifies = verifies();
  // After these failures the registration is in doubt.
  const bool unknown = phase == Phase::verify && !trouble.decides;
  if (unknown) {
    EXPECT_EQ(report.status, Status::unconfirmed);
    const std::string& message = report.error->message;
    EXPECT_THAT(message, HasSubstr("is unconfirmed"));
    EXPECT_EQ(message.find("is unconfirmed"), message.rfind("is unconfirmed")) << message;
    expect_ended(report, ErrorKind::unconfirmed, trouble.says);
  } else {
    expect_failed(report, trouble.kind, trouble.says);
    EXPECT_THAT(report.error->message, Not(HasSubstr("is unconfirmed")));
  }

  // Only the next upload follows the failure.
  const auto seen = server_.seen();
  EXPECT_EQ(seen[static_cast<std::size_t>(sent) - 1].phase, phase);
  EXPECT_EQ(first_verifies, phase == Phase::verify ? 1 : 0);
}

const Trouble troubles[] = {
    // Except for verify, curl retries once on a new connection after a reused connection died; the
    // second failure is final.
    {"closes", {.occurrence = -1, .then = Then::close}, ErrorKind::unreachable, ""},
    {"resets", {.occurrence = -1, .then = Then::reset}, ErrorKind::unreachable, ""},
    {"cut_short",
     {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nsuccessfully", .then = Then::close},
     ErrorKind::unreachable,
     ""},
    {"cut_in_the_headers",
     {.answer = "HTTP/1.1 200 OK\r\nContent-Le", .then = Then::close},
     ErrorKind::unreachable,
     "within the headers of the response"},
    {"endless",
     {.answer = "HTTP/1.1 200 OK\r\n\r\nsuccess", .endless = true},
     ErrorKind::failed,
     "longer than"},
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
     "307"},
    {"html",
     {.answer = http_answer(200, "<!doctype html><title>Sign in</title>")},
     ErrorKind::failed,
     "'Sign in'"},
    {"empty", {.answer = http_answer(200, "")}, ErrorKind::failed, "no text"},
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
     "does not speak the phased protocol",
     true},
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

// --- Failures of one phase -----------------------------------------------------------------------

TEST_F(UploadTest, FailsOnErrorInStatus200) {
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

/// Messages quote the beginning of an answer, which may end within the token.
TEST_F(UploadTest, RedactsPartOfEchoedToken) {
  for (const std::size_t before : {170U, 180U, 185U, 190U, 195U}) {
    server_.set_faults({{.phase = Phase::ask,
                         .answer = "HTTP/1.1 500 No\r\n\r\n" + std::string(before, 'x') + "{token}",
                         .then = Then::close}});
    auto asking = request();
    asking.name = asked_name;
    const Report report = start(asking)->wait();
    ASSERT_TRUE(report.error);
    EXPECT_THAT(report.error->message, Not(HasSubstr("s3c")));
  }
}

TEST_F(UploadTest, DetectsServerThatLosesAcknowledgedBytes) {
  // Not the last chunk: the offset of the next chunk does not match.
  expect_failed(upload_against(
                    {.phase = Phase::transfer, .occurrence = 1, .carried_out = true, .keeps = 100}),
                ErrorKind::integrity, "holds");
  EXPECT_EQ(verifies(), 0);
  // The last chunk: only the question before verify shows the loss.
  expect_failed(
      upload_against(
          {.phase = Phase::transfer, .occurrence = chunks - 1, .carried_out = true, .keeps = 1}),
      ErrorKind::integrity, "acknowledged");
  EXPECT_EQ(verifies(), 0);
}

TEST_F(UploadTest, SendsVerifyOnlyIfServerHasExactSize) {
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

TEST_F(UploadTest, ResendsChunkAfterReusedConnectionDies) {
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
        // The answer is lost, so the server may hold the chunk already, and reports that when the
        // chunk is sent again.
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

TEST_F(UploadTest, AcceptsCloseAfterEveryAnswer) {
  server_.set_faults(
      {{.phase = Phase::any, .occurrence = -1, .carried_out = true, .then = Then::close}});
  // Also for verify, which uses a connection of its own, because an idle connection may be about to
  // close.
  expect_registered(upload());
  EXPECT_EQ(server_.registrations(), 1);
}

TEST_F(UploadTest, SendsVerifyOnceIfReusedConnectionDies) {
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
                  HasSubstr("the registration of '" + name + "' is unconfirmed"));
      EXPECT_THAT(report.error->message, Not(HasSubstr("nothing was registered")));
      EXPECT_EQ(server_.count(Phase::verify), verified + 1);
      EXPECT_EQ(report.xxh128, "");
    }
  expect_next_upload_works();
}

TEST_F(UploadTest, ReadsEarlyRefusalInMidChunk) {
  write("scan.h5", 24 << 20);
  const auto refuse = [](int status) {
    return Fault{.phase = Phase::transfer,
                 .after_body_bytes = 10'000,
                 .answer = http_answer(status, "no", "Connection: close\r\n"),
                 .then = Then::close};
  };
  auto asked = request();
  asked.chunk_bytes = 24 << 20;
  server_.set_faults(token_refused(refuse(401), 0));
  expect_failed(start(asked)->wait(), ErrorKind::token_refused, "401");
  EXPECT_EQ(verifies(), 0);
  // After a 413, smaller chunks succeed, and the 413 does not count as a failure.
  server_.set_faults({refuse(413)});
  const Report report = start(asked)->wait();
  expect_registered(report);
  EXPECT_EQ(report.chunks, 2U);
  EXPECT_EQ(report.retries, 0U);
}

TEST_F(UploadTest, FailsIfEveryChunkIsTooLarge) {
  server_.set_faults(
      {{.phase = Phase::transfer, .occurrence = -1, .answer = http_answer(413, "no")}});
  const Report report = upload();
  EXPECT_LE(server_.count(Phase::transfer), 20);
  expect_failed(report, ErrorKind::failed, "413");
}

TEST_F(UploadTest, AcceptsUnusualHttpAnswers) {
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
  auto asking = request();
  asking.name = asked_name;
  EXPECT_EQ(start(asking)->wait().status, Status::registered);
  EXPECT_EQ(server_.count(Phase::ask), 2) << "one before the setup, one after the verify";
  EXPECT_TRUE(server_.registered(asked_name) == content("scan.h5"));
}

// --- Silence -------------------------------------------------------------------------------------

class SilentPhase : public UploadTest, public testing::WithParamInterface<Phase> {
 protected:
  UploadRequest asking() {
    UploadRequest asking = request();
    if (GetParam() == Phase::ask) asking.name = asked_name;
    return asking;
  }
};

TEST_P(SilentPhase, CancelEndsUpload) {
  server_.set_faults({{.phase = GetParam(), .then = Then::hold}});
  auto upload = start(asking());
  ASSERT_TRUE(server_.wait_for(GetParam()));
  upload->cancel();
  upload->cancel();
  const Report report = upload->wait();
  const int sent = server_.count(Phase::any);
  EXPECT_EQ(server_.seen().back().phase, GetParam());
  upload->cancel();  // no effect: the upload has ended
  EXPECT_EQ(upload->wait().status, Status::interrupted);
  EXPECT_EQ(server_.count(Phase::any), sent);
  EXPECT_THAT(report.error->message,
              HasSubstr(GetParam() == Phase::verify ? "is unconfirmed" : "nothing was registered"));
  upload.reset();
  expect_failed(report, ErrorKind::interrupted, "interrupted at offset");
}

TEST_P(SilentPhase, DestroyedHandleEndsUpload) {
  server_.set_faults({{.phase = GetParam(), .then = Then::hold}});
  auto upload = start(asking());
  ASSERT_TRUE(server_.wait_for(GetParam()));
  upload.reset();
  EXPECT_FALSE(server_.registered("scan.h5"));
  expect_next_upload_works();
}

INSTANTIATE_TEST_SUITE_P(All, SilentPhase,
                         testing::Values(Phase::ask, Phase::setup, Phase::transfer, Phase::probe,
                                         Phase::verify));

TEST_F(UploadTest, FailsWhenConnectionIsRefused) {
  auto asked = request();
  asked.base_url = ScriptedServer().url();
  expect_failed(start(asked)->wait(), ErrorKind::unreachable, asked.base_url);
}

}  // namespace
}  // namespace sluice::upload_failure_test
