// A file in parts over tus: a single part, and the join.
#include "tests/engine/protocol/tus_fixture.h"

namespace sluice::tus_steps::tus_parts_test {
namespace {

TEST(TusPart, EndsWithoutRegistration) {
  Tus::Setting part_of = setting();
  part_of.role = Tus::Role::part;
  At at(Step::begin, part_of);
  EXPECT_TRUE(has_header(at.request, "Upload-Concat: partial"));
  ASSERT_TRUE(at.protocol.read_answer(created()));
  while (const auto request = at.protocol.next(part)) {
    ASSERT_EQ(request->step, Step::chunk);
    ASSERT_TRUE(at.protocol.read_answer(at_offset(request->payload.end)));
  }
  EXPECT_EQ(at.protocol.committed(), file_size);
}

Tus::Setting joined() {
  Tus::Setting whole = setting();
  whole.role = Tus::Role::joined;
  return whole;
}

TEST(TusJoined, NamesPartsAsksForOffsetAndRegisters) {
  Tus protocol(joined());
  protocol.join({{"https://bank.example.org/1", 7 * MiB}, {"https://bank.example.org/2", part}});
  const Request join = protocol.next(part).value();
  EXPECT_EQ(join.step, Step::join);
  EXPECT_FALSE(join.repeatable) << "of two joins the second finds the parts gone";
  EXPECT_EQ(join.connection, Request::Connection::own) << "else curl may repeat it";
  EXPECT_TRUE(has_header(
      join, "Upload-Concat: final;https://bank.example.org/1 https://bank.example.org/2"));
  for (const std::string& header : join.headers)
    EXPECT_THAT(header, Not(HasSubstr("Upload-Length")));
  ASSERT_TRUE(protocol.read_answer(created()));
  EXPECT_EQ(protocol.next(part)->step, Step::ask_committed);
  const auto not_yet = protocol.read_answer(held(part));
  ASSERT_FALSE(not_yet);
  EXPECT_TRUE(not_yet.error().retryable);
  protocol.recover();
  EXPECT_EQ(protocol.next(part)->step, Step::ask_committed);
  ASSERT_TRUE(protocol.read_answer(held(file_size)));
  EXPECT_EQ(protocol.next(part)->step, Step::finish);
}

/// In tus 1.0 the server sends the offset of a joined upload once the join is complete.
TEST(TusJoined, RetriesWithoutOffsetUntilJoinIsComplete) {
  At at(Step::ask_committed, joined());
  const Headers unfinished = {{"tus-resumable", "1.0.0"},
                              {"upload-length", std::to_string(file_size)}};
  const Error not_yet = at.error_and_retry(answer(200, unfinished));
  EXPECT_EQ(not_yet.kind, ErrorKind::unreachable);
  EXPECT_THAT(not_yet.message, HasSubstr("has joined 0 of"));
  EXPECT_EQ(at.request.step, Step::ask_committed);
  // For an upload that is not joined, and without Tus-Resumable, the offset is required.
  EXPECT_EQ(At(Step::ask_committed, resumed(part)).error_for(answer(200, unfinished)).kind,
            ErrorKind::failed);
  EXPECT_EQ(at.error_and_retry(answer(200)).kind, ErrorKind::failed);
  ASSERT_TRUE(at.protocol.read_answer(held(file_size)));
  EXPECT_EQ(at.next(), Step::finish);
}

using Anew = Protocol::Anew;

/// Returns a protocol whose join of two parts is in flight.
At joining(std::uint64_t first = 7 * MiB) {
  At at(Step::join, joined());
  at.protocol.join(
      {{"https://bank.example.org/1", first}, {"https://bank.example.org/2", file_size - first}});
  at.ask();
  return at;
}
Answer has(std::uint64_t bytes) {
  return held(bytes, bytes);
}

TEST(TusJoined, AsksForPartsBeforeRetryOfLostJoin) {
  At at = joining();
  EXPECT_FALSE(at.protocol.may_be_joining()) << "the first join waits for nothing";
  at.protocol.recover();
  EXPECT_TRUE(at.protocol.may_be_joining());
  ASSERT_EQ(at.next(), Step::ask_parts);
  EXPECT_EQ(at.request.method, Request::Method::head);
  EXPECT_EQ(at.request.url, "https://bank.example.org/1");
  ASSERT_TRUE(at.protocol.read_answer(has(7 * MiB)));
  ASSERT_EQ(at.next(), Step::ask_parts);
  EXPECT_EQ(at.request.url, "https://bank.example.org/2");
  // The join locks the part.
  EXPECT_EQ(at.error_and_retry(own(423)).kind, ErrorKind::unreachable);
  ASSERT_EQ(at.request.step, Step::ask_parts);
  ASSERT_TRUE(at.protocol.read_answer(has(part)));
  EXPECT_TRUE(at.protocol.may_be_joining())
      << "some servers lock no part, and delete the parts at the end of the join";
  ASSERT_EQ(at.next(), Step::join);
  ASSERT_TRUE(at.protocol.read_answer(created()));
  EXPECT_FALSE(at.protocol.may_be_joining());
  EXPECT_EQ(at.next(), Step::ask_committed);
}

TEST(TusJoined, MissingPartsEndTheRun) {
  for (const Answer& gone : {own(410), has(7 * MiB - 1), own(404)}) {
    SCOPED_TRACE(gone.status);
    At at = joining();
    at.protocol.recover();
    at.ask();
    if (gone.status == 404) at.error_and_retry(gone);
    const auto result = at.protocol.read_answer(gone);
    ASSERT_FALSE(result);
    EXPECT_FALSE(result.error().retryable);
    EXPECT_EQ(result.error().kind, ErrorKind::failed);
    EXPECT_THAT(result.error().message, HasSubstr("part 1 of 2"));
    EXPECT_EQ(at.protocol.anew(), Anew::what_is_missing);
  }
  // A reverse proxy's 404 is not believed.
  At at = joining();
  at.protocol.recover();
  at.ask();
  for (int i = 0; i < 100; ++i) at.error_and_retry(answer(404, {}, "<html>"));
  ASSERT_TRUE(at.protocol.read_answer(has(7 * MiB)));
}

/// S3 behind tus-ruby-server.
TEST(TusJoined, TooShortPartsFailAtOnce) {
  const char* const s3 = "Your proposed upload is smaller than the minimum allowed object size.";
  At told = joining();
  const auto result = told.protocol.read_answer(answer(500, {}, s3));
  ASSERT_FALSE(result);
  EXPECT_FALSE(result.error().retryable);
  EXPECT_EQ(result.error().kind, ErrorKind::failed);
  EXPECT_THAT(result.error().message, HasSubstr("minimum allowed object size"));
  EXPECT_EQ(told.protocol.anew(), Anew::whole);
  // In production Rails hides S3's text. Journals of earlier versions contain such parts.
  for (const std::uint64_t first : {part - 1, part}) {
    SCOPED_TRACE(first);
    At silent = joining(first);
    const auto refused =
        silent.protocol.read_answer(answer(500, {}, "{\"error\":\"Internal Server Error\"}"));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().retryable, first == part);
    EXPECT_EQ(silent.protocol.anew(), first == part ? Anew::nothing : Anew::whole);
  }
  // The last part may be shorter.
  At last = joining(file_size - 1);
  EXPECT_TRUE(last.protocol.read_answer(answer(500)).error().retryable);
}

/// Returns the error for `refusal`, its code replaced by anew(). If the error is retryable, answers
/// that all parts are there, so that the join is in flight again.
Error next_refusal(At& at, const Answer& refusal) {
  const auto result = at.protocol.read_answer(refusal);
  if (result) return {};
  const Anew anew = at.protocol.anew();
  Error error = result.error();
  if (error.retryable) {
    at.protocol.recover();
    for (const std::uint64_t size : {7 * MiB, part}) {
      EXPECT_EQ(at.next(), Step::ask_parts);
      EXPECT_TRUE(at.protocol.read_answer(has(size)));
    }
    EXPECT_EQ(at.next(), Step::join);
  }
  error.code = static_cast<int>(anew);
  return error;
}

TEST(TusJoined, JoinFailsAfterThreeRefusals) {
  for (const int status : {400, 403, 404, 409, 410, 413}) {
    SCOPED_TRACE(status);
    At at = joining();
    for (int i = 1; i <= 3; ++i) {
      const Error error = next_refusal(at, own(status, {}, "no such part"));
      EXPECT_FALSE(at.protocol.may_be_joining());
      EXPECT_EQ(error.retryable, i < 3);
      EXPECT_EQ(error.code, static_cast<int>(i < 3 ? Anew::what_is_missing : Anew::whole));
      EXPECT_THAT(error.message, HasSubstr("refused to join the parts"));
    }
  }
  // A 500 is transient, and retried as the retry budget allows. If the retries end with it, the
  // file is uploaded in one piece.
  At at = joining();
  for (int i = 1; i <= 10; ++i) {
    const Error error = next_refusal(at, answer(500, {}, "boom"));
    EXPECT_TRUE(error.retryable);
    EXPECT_EQ(error.code, static_cast<int>(i < 3 ? Anew::nothing : Anew::whole)) << i;
  }
}

TEST(TusJoined, ReverseProxyResponseToJoinIsNotARefusal) {
  for (const int status : {403, 404, 410, 429, 499, 500, 502, 504}) {
    SCOPED_TRACE(status);
    At at = joining();
    for (int i = 0; i < 10; ++i) {
      const Error error = next_refusal(at, answer(status, {}, "<html>"));
      EXPECT_TRUE(error.retryable);
      EXPECT_EQ(error.code, static_cast<int>(Anew::nothing));
      EXPECT_TRUE(at.protocol.may_be_joining());
    }
  }
  // An exception: the URLs of all parts may make a header too long for the proxy.
  At at = joining();
  for (int i = 1; i <= 3; ++i)
    EXPECT_EQ(next_refusal(at, answer(431, {}, "<html>")).code,
              static_cast<int>(i < 3 ? Anew::nothing : Anew::whole));
}

/// The server copies the whole file. A deadline that the user has set for all responses may be too
/// short for that.
TEST(TusJoined, JoinDeadlineGrowsWithFileSize) {
  EXPECT_EQ(joining().request.least_response_timeout, std::chrono::seconds(30));
  Tus::Setting large = joined();
  large.deposit.size = std::uint64_t{200} << 30;
  const At at(Step::join, large);
  EXPECT_EQ(at.request.least_response_timeout, std::chrono::seconds(30 + 1073));
  EXPECT_GT(at.request.response_timeout, at.request.least_response_timeout);
  EXPECT_EQ(At(Step::ask_committed, joined()).request.least_response_timeout.count(), 0);
}

TEST(TusJoined, SendsWholeFileAgainIfJoinedUploadIsLost) {
  At lost(Step::ask_committed, joined());
  EXPECT_EQ(lost.protocol.anew(), Anew::nothing);
  const auto gone = lost.protocol.read_answer(own(410));
  ASSERT_FALSE(gone);
  EXPECT_FALSE(gone.error().retryable);
  EXPECT_EQ(lost.protocol.anew(), Anew::all);
}

}  // namespace
}  // namespace sluice::tus_steps::tus_parts_test
