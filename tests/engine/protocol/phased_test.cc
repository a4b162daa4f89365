#include "engine/protocol/phased.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::phased_test {
namespace {

using Step = Request::Step;
using testing::HasSubstr;
using testing::Not;

constexpr const char* token_500 = R"({"status":500,"error":"Internal Server Error"})";

constexpr const char* verified =
    "a-b.h5 successfully uploaded.  Refresh dataset page to see newly uploaded file. "
    "http://localhost/datasets/IDB-1/edit";

Answer ok(std::string body) {
  return {.status = 200, .body = std::move(body)};
}
Answer status(int code, std::string body) {
  return {.status = code, .body = std::move(body)};
}
Answer progress(std::uint64_t held, const std::string& expected = "0") {
  return ok(R"({"error":"Unexpected previous_size value.  Expected: )" + std::to_string(held) +
            ", Recieved: " + expected + R"(\n","progress":)" + std::to_string(held) +
            R"(,"status":500})");
}
const Answer name_is_free = status(500, "missing paramter: filesize\n");

/// Returns the value of a field in a multipart body.
std::string field(const Request& request, const std::string& name) {
  const std::string mark = "name=\"" + name + "\"\r\n\r\n";
  const std::size_t at = request.head.find(mark);
  if (at == std::string::npos) return "(absent)";
  const std::size_t begin = at + mark.size();
  return request.head.substr(begin, request.head.find("\r\n", begin) - begin);
}

Deposit deposit(std::uint64_t size) {
  return {.dataset = "IDB-1", .name = "a-b.h5", .size = size};
}

/// A protocol whose request of the step `step` is in flight, after successful responses to all
/// earlier ones. Begins with the question for the name.
struct At {
  explicit At(Step step, std::uint64_t size = 10, std::uint64_t chunk = 4)
      : protocol(deposit(size), {}, {}, Phased::Asks::all_names) {
    request = *protocol.next(chunk);
    while (request.step != step) {
      EXPECT_TRUE(protocol.read_answer(success()));
      request = *protocol.next(chunk);
    }
  }
  Answer success() const {
    switch (request.step) {
      case Step::ask_name:
        return name_is_free;
      case Step::begin:
        return ok("successfully set up a-b.h5");
      case Step::chunk:
        return ok("successfully added chunk to a-b.h5");
      case Step::ask_committed:
        return progress(protocol.committed(), "-1");
      case Step::ask_parts:
      case Step::join:
      case Step::whole:
        ADD_FAILURE() << "no step of this protocol";
        break;
      case Step::finish:
        return ok(verified);
    }
    return {};
  }
  ErrorKind error_for(const Answer& answer) {
    const auto result = protocol.read_answer(answer);
    EXPECT_FALSE(result) << "accepted the response: " << answer.status << " " << answer.body;
    if (result) return ErrorKind::failed;
    message = result.error().message;
    EXPECT_TRUE(protocol.next(1)) << "counted as registered";
    return result.error().kind;
  }

  Phased protocol;
  Request request;
  std::string message;
};

constexpr Step all_steps[] = {Step::ask_name, Step::begin, Step::chunk, Step::ask_committed,
                              Step::finish};

TEST(Phased, SetsUpSendsConfirmsAndVerifies) {
  Phased protocol(deposit(10));
  std::vector<std::string> seen;
  while (auto request = protocol.next(4)) {
    EXPECT_EQ(request->path, "/api/dataset/IDB-1/datafile");
    EXPECT_EQ(field(*request, "filename"), "a-b.h5");
    seen.push_back(field(*request, "phase") + " filesize=" + field(*request, "filesize") +
                   " previous_size=" + field(*request, "previous_size") +
                   " payload=" + std::to_string(request->payload.begin) + "-" +
                   std::to_string(request->payload.end));
    Answer answer;
    switch (request->step) {
      case Step::ask_name:
        answer = name_is_free;
        break;
      case Step::begin:
        answer = ok("successfully set up a-b.h5");
        break;
      case Step::chunk:
        answer = ok("successfully added chunk to a-b.h5");
        break;
      case Step::ask_committed:
        answer = progress(10, "-1");
        break;
      case Step::ask_parts:
      case Step::join:
      case Step::whole:
        ADD_FAILURE() << "no step of this protocol";
        break;
      case Step::finish:
        answer = ok(verified);
        break;
    }
    ASSERT_TRUE(protocol.read_answer(answer)) << describe(request->step, "file");
  }
  EXPECT_EQ(protocol.committed(), 10U);
  EXPECT_EQ(seen, (std::vector<std::string>{
                      "setup filesize=10 previous_size=(absent) payload=0-0",
                      "transfer filesize=(absent) previous_size=0 payload=0-4",
                      "transfer filesize=(absent) previous_size=4 payload=4-8",
                      "transfer filesize=(absent) previous_size=8 payload=8-10",
                      "transfer filesize=(absent) previous_size=-1 payload=0-0",
                      "verify filesize=(absent) previous_size=(absent) payload=0-0"}));
}

// Setup checks the file's own name before it changes anything (section 1.5).
TEST(Phased, RefusesNameThatSetupFindsTaken) {
  Phased protocol(deposit(10));
  EXPECT_EQ(protocol.next(4)->step, Step::begin);
  const auto refused = protocol.read_answer(
      status(500, "File with the name a-b.h5 already exists in this dataset.\n"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::name_taken);
  EXPECT_FALSE(refused.error().retryable);
}

TEST(Phased, PipelinesFirstChunkDuringSetup) {
  Phased protocol(deposit(10));
  const Request setup = *protocol.next(4);
  const auto chunk = protocol.after(setup, 4);
  ASSERT_TRUE(chunk);
  EXPECT_EQ(chunk->payload, (ByteRange{0, 4}));
  EXPECT_EQ(protocol.after(*chunk, 4)->payload, (ByteRange{4, 8}));
  ASSERT_TRUE(protocol.read_answer(ok("successfully set up a-b.h5")));
  protocol.follows(*chunk);
  ASSERT_TRUE(protocol.read_answer(ok("successfully added chunk to a-b.h5")));
  EXPECT_EQ(protocol.committed(), 4U);
}

TEST(Phased, PipelinesNothingForEmptyFile) {
  Phased protocol(deposit(0));
  EXPECT_FALSE(protocol.after(*protocol.next(4), 4));
}

TEST(Phased, EmptyFileHasNoTransfer) {
  At at(Step::begin, 0);
  ASSERT_TRUE(at.protocol.read_answer(at.success()));
  EXPECT_EQ(at.protocol.next(4)->step, Step::finish);
}

TEST(Phased, OnlyVerifyIsNotIdempotent) {
  for (const Step step : all_steps) {
    EXPECT_EQ(At(step).request.repeatable, step != Step::finish);
    EXPECT_EQ(At(step).request.connection,
              step == Step::finish ? Request::Connection::recent : Request::Connection::any);
  }
}

TEST(Phased, OffsetQuestionCarriesOneByteAsFilePart) {
  const Request request = At(Step::ask_committed).request;
  EXPECT_NE(request.head.find("name=\"bytechunk\"; filename=\""), std::string::npos);
  EXPECT_TRUE(request.head.ends_with("\r\n\r\n?"));
}

TEST(Phased, SendsFileOfMaximumSize) {
  Phased protocol(deposit(2199023255552));
  EXPECT_EQ(field(*protocol.next(1), "filesize"), "2199023255552");
  ASSERT_TRUE(protocol.read_answer(ok("successfully set up a-b.h5")));
  EXPECT_EQ(protocol.next(1ULL << 62)->payload, (ByteRange{0, 2199023255552}));
  ASSERT_TRUE(protocol.read_answer(ok("successfully added chunk to a-b.h5")));
  protocol.next(1);
  // For a file of the maximum size, the server says "too large" before it compares offsets. Only
  // its progress counts.
  EXPECT_TRUE(protocol.read_answer(ok(
      R"({"error":"File too large. Max file size: 2TB.\n","progress":2199023255552,"status":500})")));
}

TEST(Phased, CommonErrorsHaveSameKindAtEveryStep) {
  for (const Step step : all_steps) {
    EXPECT_EQ(At(step).error_for(status(401, "HTTP Token: Access denied.\n")),
              ErrorKind::token_refused);
    // A verify that fails this way may have registered the file: that of an empty file does.
    EXPECT_EQ(At(step).error_for(status(500, token_500)),
              step == Step::finish ? ErrorKind::failed : ErrorKind::token_refused);
    EXPECT_EQ(At(step).error_for(status(404, "Dataset Not Found")), ErrorKind::no_such_dataset);
    // After the server has spoken phased, a page comes from a reverse proxy and is transient.
    EXPECT_EQ(At(step).error_for(status(404, "<html>nginx</html>")),
              step == Step::ask_name ? ErrorKind::no_such_dataset : ErrorKind::unreachable);
    EXPECT_EQ(At(step).error_for(status(503, "<html><title>Busy</title></html>")),
              ErrorKind::unreachable);
    EXPECT_EQ(At(step).error_for(status(502, "")), ErrorKind::unreachable);
    EXPECT_EQ(At(step).error_for(status(504, "")), ErrorKind::unreachable);
    EXPECT_EQ(At(step).error_for(status(429, "slow down")), ErrorKind::unreachable);
    EXPECT_EQ(At(step).error_for(status(413, "")), ErrorKind::failed);
    EXPECT_EQ(At(step).error_for(status(302, "")), ErrorKind::failed);
    EXPECT_EQ(At(step).error_for(status(500, "invalid request")), ErrorKind::failed);
    EXPECT_EQ(At(step).error_for(status(400, "invalid phase parameter: x")), ErrorKind::failed);
  }
}

TEST(Phased, RetriesAPageAtTheFirstStepOfAServerKnownToSpeakPhased) {
  const auto error_of = [](std::optional<Resumption> earlier, bool proven, const Answer& answer) {
    Phased protocol(deposit(10), {}, earlier, Phased::Asks::names_that_setup_does_not_check,
                    proven);
    EXPECT_TRUE(protocol.next(4));
    const auto result = protocol.read_answer(answer);
    EXPECT_FALSE(result);
    return result ? Error{} : result.error();
  };
  for (const Answer& answer :
       {status(404, "<html>nginx</html>"), status(499, "<html>nginx</html>"), ok("<html>")}) {
    EXPECT_FALSE(error_of({}, false, answer).retryable) << answer.status;
    EXPECT_TRUE(error_of({}, true, answer).retryable) << answer.status;
    EXPECT_TRUE(error_of(Resumption{.sent = 4}, false, answer).retryable) << answer.status;
  }
  EXPECT_EQ(error_of({}, true, status(404, "Dataset Not Found")).kind, ErrorKind::no_such_dataset);
  EXPECT_FALSE(error_of({}, true, status(500, "invalid request")).retryable);
}

TEST(Phased, RejectsInvalidResponsesAtEveryStep) {
  const std::string huge(70000, 'x');
  for (const Step step : all_steps)
    for (const int code : {200, 201, 204, 301, 400, 403, 418, 500, 599})
      for (const std::string& body :
           {std::string(), std::string("OK"), std::string("<html><title>successfully</title>"),
            huge, std::string("\xFF\xFE\x00", 3), std::string("null"), std::string("{}"),
            std::string("["), std::string("{\"error\":"), std::string("\"\""),
            std::string("success")})
        At(step).error_for(status(code, body));
}

TEST(Phased, RejectsTruncatedSuccess) {
  EXPECT_EQ(At(Step::chunk).error_for(ok("successfully add")), ErrorKind::failed);
  EXPECT_EQ(At(Step::finish).error_for(ok("a-b.h5 successfully upl")), ErrorKind::failed);
}

TEST(Phased, RejectsSuccessOfAnotherStep) {
  At setup(Step::begin);
  EXPECT_EQ(setup.error_for(ok("successfully added chunk to a-b.h5")), ErrorKind::failed);
  EXPECT_EQ(At(Step::chunk).error_for(ok("successfully set up a-b.h5")), ErrorKind::failed);
  EXPECT_EQ(At(Step::ask_name).error_for(ok("successfully set up a-b.h5")), ErrorKind::failed);
  EXPECT_EQ(At(Step::finish).error_for(ok("successfully added chunk to a-b.h5")),
            ErrorKind::failed);
}

TEST(Phased, ReportsTakenNameBeforeSendingBytes) {
  At at(Step::ask_name);
  EXPECT_EQ(
      at.error_for(status(500, "File with the name a-b.h5 already exists in this dataset.\n")),
      ErrorKind::name_taken);
  EXPECT_NE(at.message.find("a-b.h5"), std::string::npos);
  // The name can also be taken between the question and the setup.
  EXPECT_EQ(
      At(Step::begin)
          .error_for(status(500, "File with the name a-b.h5 already exists in this dataset.\n")),
      ErrorKind::name_taken);
}

TEST(Phased, FailsIfServerReportsFileTooLarge) {
  EXPECT_EQ(At(Step::begin).error_for(status(500, "File too large. Max file size: 2TB.\n")),
            ErrorKind::failed);
}

TEST(Phased, FailsAfter200WithError) {
  At at(Step::chunk);
  EXPECT_EQ(at.error_for(progress(3)), ErrorKind::integrity);
  EXPECT_NE(at.message.find("holds 3 bytes"), std::string::npos) << at.message;
  EXPECT_EQ(at.protocol.committed(), 0U);
  EXPECT_EQ(
      At(Step::chunk).error_for(ok(R"({"error":"missing bytechunk\n","progress":0,"status":500})")),
      ErrorKind::failed);
  EXPECT_EQ(At(Step::chunk).error_for(ok(R"({"error":"disk on fire"})")), ErrorKind::failed);
}

TEST(Phased, ReportsLostStaging) {
  At at(Step::chunk);
  EXPECT_EQ(at.error_for(status(500, "No such file or directory @ rb_file_s_size - /x/a-b.h5\n")),
            ErrorKind::integrity);
}

TEST(Phased, SendsVerifyOnlyIfServerHoldsExactlyTheFile) {
  for (const std::uint64_t held : {0U, 9U, 11U}) {
    At at(Step::ask_committed);
    EXPECT_EQ(at.error_for(progress(held, "-1")), ErrorKind::integrity) << held;
    EXPECT_THAT(at.message, HasSubstr(held > 10 ? "holds 11 bytes, but sluice sent at most 10"
                                                : fmt::format("holds only {} of the 10", held)));
    if (held > 10) {
      EXPECT_THAT(at.message, HasSubstr("nothing was registered"));
    }
  }
  // A server that does not compare offsets has appended the byte of the question.
  EXPECT_EQ(At(Step::ask_committed).error_for(ok("successfully added chunk to a-b.h5")),
            ErrorKind::integrity);
  for (const char* count : {"-1", "\"10\"", "10.5", "null"})
    EXPECT_EQ(At(Step::ask_committed)
                  .error_for(ok(std::string(R"({"error":"x","progress":)") + count + "}")),
              ErrorKind::failed)
        << count;
}

TEST(Phased, AsksForNameAfterUndecidedVerify) {
  for (const Answer& answer :
       {status(502, ""), ok(""), status(500, "boom"), ok(R"({"error":"boom"})"), status(401, ""),
        status(404, "<html>nginx</html>"), status(403, ""), status(302, ""), status(413, ""),
        status(500, token_500), status(400, "bad"),
        status(500, "No such file or directory @ rb_file_s_size - /x/a-b.h5\n")}) {
    At at(Step::finish);
    const auto result = at.protocol.read_answer(answer);
    ASSERT_FALSE(result);
    EXPECT_TRUE(result.error().retryable) << answer.status << ": the server is asked next";
    at.protocol.recover();
    EXPECT_EQ(at.protocol.next(4)->step, Step::ask_name) << answer.status;
  }
  const std::string doubt = Phased(deposit(1)).doubt();
  EXPECT_THAT(doubt, HasSubstr("is unconfirmed"));
  EXPECT_THAT(doubt, HasSubstr("look at the page of dataset IDB-1"));
  // These are refusals of the Data Bank itself, which then has registered nothing.
  for (const Answer& answer : {status(401, "HTTP Token: Access denied.\n"),
                               status(404, "Dataset Not Found"), status(500, "invalid request")}) {
    At refused(Step::finish);
    refused.error_for(answer);
    EXPECT_THAT(refused.message, Not(HasSubstr("perhaps from a reverse proxy")));
  }
}

// Successes repeat the file's name, which can be any text, even that of a server's error.
TEST(Phased, AcceptsNamesThatLookLikeErrors) {
  for (const std::string& name :
       {std::string("File too large.txt"), std::string("No such file or directory.txt"),
        std::string("File with the name x already exists in this dataset.txt")}) {
    Phased protocol({.dataset = "IDB-1", .name = name, .size = 1});
    while (protocol.next(4)->step == Step::ask_name) {
      ASSERT_TRUE(protocol.read_answer(name_is_free));
    }
    ASSERT_TRUE(protocol.read_answer(ok("successfully set up " + name))) << name;
    protocol.next(4);
    ASSERT_TRUE(protocol.read_answer(ok("successfully added chunk to " + name))) << name;
    protocol.next(4);
    ASSERT_TRUE(protocol.read_answer(progress(1, "-1"))) << name;
    protocol.next(4);
    ASSERT_TRUE(protocol.read_answer(
        ok(name + " successfully uploaded.  Refresh dataset page to see newly uploaded file. x")))
        << name;
    EXPECT_TRUE(protocol.is_registered());
  }
}

// curl repeats a chunk if the kept connection breaks before the response (section 1.2).
TEST(Phased, CommitsChunkThatServerAlreadyHolds) {
  At at(Step::chunk, 10, 4);
  ASSERT_TRUE(at.protocol.read_answer(progress(4)));
  EXPECT_EQ(at.protocol.committed(), 4U);
  EXPECT_EQ(at.protocol.next(4)->payload, (ByteRange{4, 8}));
}

TEST(Phased, NeverQuotesEchoedToken) {
  const std::string token = "0123456789abcdef";
  for (const std::string& body :
       {"you sent " + token, std::string(190, 'x') + " " + token,
        R"({"error":"\u0030123456789abcdef"})" + std::string(), "<title>" + token + "</title>"}) {
    Phased protocol(deposit(1), Secret(token));
    protocol.next(4);
    const auto refused = protocol.read_answer(status(500, body));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message.find("0123456"), std::string::npos)
        << refused.error().message;
  }
}

TEST(Phased, AcceptsQuotedResponses) {
  Phased protocol(deposit(1), {}, {}, Phased::Asks::all_names);
  protocol.next(4);
  ASSERT_TRUE(protocol.read_answer(status(500, "\"missing paramter: filesize\"")));
  protocol.next(4);
  EXPECT_TRUE(protocol.read_answer(ok("\"successfully set up a-b.h5\"")));
}

TEST(Phased, MessagesContainNoControlCharacters) {
  for (const Step step : all_steps) {
    At at(step);
    at.error_for(status(500, "\033[2J\033]0;owned\007"));
    for (const char c : at.message)
      EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) << at.message;
  }
}

// --- Resume and recovery

/// Returns the step of the next request, or "registered". Changes no state.
std::string step_name(Phased& protocol) {
  const auto request = protocol.next(4);
  return request ? describe(request->step, "file") : "registered";
}

const std::string asking = describe(Step::ask_name, "file");
const std::string beginning = describe(Step::begin, "file");
const std::string sending = describe(Step::chunk, "file");
const std::string finding = describe(Step::ask_committed, "file");
const std::string finishing = describe(Step::finish, "file");

TEST(PhasedResumed, AsksForOffsetAndNeverSetsUp) {
  for (const std::uint64_t held : {0U, 3U, 4U, 9U, 10U}) {
    Phased protocol(deposit(10), {}, Resumption{10, false});
    EXPECT_EQ(step_name(protocol), asking);
    ASSERT_TRUE(protocol.read_answer(name_is_free));
    EXPECT_EQ(step_name(protocol), finding);
    ASSERT_TRUE(protocol.read_answer(progress(held, "-1")));
    EXPECT_EQ(protocol.committed(), held);
    const auto request = protocol.next(4);
    if (held == 10) {
      EXPECT_EQ(request->step, Step::finish);
    } else {
      EXPECT_EQ(request->step, Step::chunk);
      EXPECT_EQ(request->payload, (ByteRange{held, std::min<std::uint64_t>(held + 4, 10)}));
    }
  }
}

TEST(PhasedResumed, SetsUpOnlyIfNothingIsStaged) {
  Phased protocol(deposit(10), {}, Resumption{10, false});
  step_name(protocol);
  ASSERT_TRUE(protocol.read_answer(name_is_free));
  step_name(protocol);
  ASSERT_TRUE(
      protocol.read_answer(status(500, "No such file or directory @ rb_file_s_size - x\n")));
  EXPECT_EQ(step_name(protocol), beginning);
  EXPECT_EQ(protocol.committed(), 0U);
}

TEST(PhasedResumed, RejectsMoreBytesThanWereSent) {
  for (const std::uint64_t held : {7U, 10U, 11U}) {
    Phased protocol(deposit(10), {}, Resumption{6, false});
    step_name(protocol);
    ASSERT_TRUE(protocol.read_answer(name_is_free));
    step_name(protocol);
    const auto result = protocol.read_answer(progress(held, "-1"));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::integrity);
    EXPECT_FALSE(result.error().retryable);
  }
}

TEST(PhasedResumed, AsksForNameIfVerifyMayHaveSucceeded) {
  Phased done(deposit(10), {}, Resumption{10, true});
  EXPECT_EQ(step_name(done), asking);
  const Answer taken = status(500, "File with the name a-b.h5 already exists in this dataset.\n");
  ASSERT_TRUE(done.read_answer(taken));
  EXPECT_EQ(step_name(done), "registered");

  Phased not_done(deposit(10), {}, Resumption{10, true});
  step_name(not_done);
  ASSERT_TRUE(not_done.read_answer(name_is_free));
  EXPECT_EQ(step_name(not_done), finding);
  ASSERT_TRUE(not_done.read_answer(progress(10, "-1")));
  EXPECT_EQ(step_name(not_done), finishing);

  // Without a verify, a taken name belongs to another file.
  Phased other(deposit(10), {}, Resumption{10, false});
  step_name(other);
  EXPECT_FALSE(other.read_answer(taken));
}

TEST(PhasedRecovers, QueriesStateBeforeRetryAtEachStep) {
  const auto after = [](Step step) {
    At at(step);
    at.protocol.recover();
    return step_name(at.protocol);
  };
  EXPECT_EQ(after(Step::ask_name), asking);
  EXPECT_EQ(after(Step::begin), beginning);
  EXPECT_EQ(after(Step::chunk), finding);
  EXPECT_EQ(after(Step::ask_committed), finding);
  EXPECT_EQ(after(Step::finish), asking);
}

TEST(PhasedRecovers, RepeatsVerifyOnlyIfNameIsFreeAndBytesComplete) {
  At at(Step::finish);
  at.protocol.recover();
  step_name(at.protocol);
  ASSERT_TRUE(at.protocol.read_answer(name_is_free));
  EXPECT_EQ(step_name(at.protocol), finding);
  ASSERT_TRUE(at.protocol.read_answer(progress(10, "-1")));
  EXPECT_EQ(step_name(at.protocol), finishing);
}

TEST(PhasedRecovers, ResumesFromOffsetThatServerFellBackTo) {
  At at(Step::ask_committed);
  EXPECT_EQ(at.error_for(progress(7, "-1")), ErrorKind::integrity);
  EXPECT_EQ(at.protocol.committed(), 10U) << "not before recover()";
  at.protocol.recover();
  EXPECT_EQ(at.protocol.committed(), 7U);
  EXPECT_EQ(step_name(at.protocol), finding);
  ASSERT_TRUE(at.protocol.read_answer(progress(7, "-1")));
  EXPECT_EQ(step_name(at.protocol), sending);
}

TEST(PhasedRecovers, SetsUpAgainAfterServerLostAllBytes) {
  for (const Step step : {Step::chunk, Step::ask_committed}) {
    At at(step);
    if (step == Step::chunk) {  // the second chunk, so that the server holds bytes to lose
      ASSERT_TRUE(at.protocol.read_answer(at.success()));
      at.request = *at.protocol.next(4);
    }
    const auto lost =
        at.protocol.read_answer(status(500, "No such file or directory @ rb_file_s_size - x\n"));
    ASSERT_FALSE(lost);
    EXPECT_TRUE(lost.error().retryable);
    at.protocol.recover();
    EXPECT_EQ(at.protocol.committed(), 0U);
    EXPECT_EQ(step_name(at.protocol), beginning);
  }
}

/// The caller finds out whether the token is the cause.
TEST(PhasedRecovers, ReportsPossibleTokenErrorAsTokenRefused) {
  for (const Step step : {Step::ask_name, Step::chunk}) {
    At at(step);
    const auto result = at.protocol.read_answer(status(500, token_500));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::token_refused);
  }
}

}  // namespace
}  // namespace sluice::phased_test
