#include "engine/protocol/one_shot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace sluice::one_shot_test {
namespace {

using Step = Request::Step;
using testing::HasSubstr;
using testing::Not;

constexpr const char* token = "0123456789abcdef";
constexpr const char* page = "https://bank.example.org/datasets/IDB-1";

Deposit deposit(std::uint64_t size = 10, const std::string& name = "a b.h5") {
  return {.dataset = "IDB-1", .name = name, .size = size};
}
OneShot one_shot(std::uint64_t size = 10) {
  return {deposit(size), page, Secret(token)};
}
Answer answer(int status, std::string body = {}) {
  return {.status = status, .body = std::move(body)};
}

Error error_for(const Answer& given) {
  OneShot protocol = one_shot();
  protocol.next(1);
  const auto result = protocol.read_answer(given);
  EXPECT_FALSE(result) << "accepted the response: " << given.status << " " << given.body;
  EXPECT_EQ(protocol.committed(), 0U);
  EXPECT_TRUE(protocol.next(1)) << "counted as registered";
  if (result) return {};
  EXPECT_THAT(result.error().message, Not(HasSubstr(token)));
  return result.error();
}

TEST(OneShot, SendsWholeFileInOneRequest) {
  OneShot protocol = one_shot();
  const Request request = protocol.next(3).value();
  EXPECT_EQ(request.step, Step::whole);
  EXPECT_EQ(request.method, Request::Method::post);
  EXPECT_EQ(request.path, "/api/dataset/IDB-1/datafile");
  EXPECT_EQ(request.payload, (ByteRange{0, 10}));
  EXPECT_THAT(request.head, HasSubstr("name=\"binary\"; filename=\"a b.h5\""));
  EXPECT_TRUE(request.head.ends_with("\r\n\r\n"));
  EXPECT_TRUE(request.tail.starts_with("\r\n--"));
  EXPECT_FALSE(request.repeatable);
  EXPECT_EQ(request.connection, Request::Connection::recent);
  ASSERT_TRUE(protocol.read_answer(
      answer(200, "successfully uploaded a b.h5\nsee in dataset at x/datasets/IDB-1 \n")));
  EXPECT_FALSE(protocol.next(3));
  EXPECT_EQ(protocol.committed(), 10U);
}

TEST(OneShot, SendsEmptyFile) {
  OneShot protocol = one_shot(0);
  EXPECT_EQ(protocol.next(3)->payload.size(), 0U);
  ASSERT_TRUE(protocol.read_answer(answer(200, "\"successfully uploaded a b.h5\"")));
  EXPECT_FALSE(protocol.next(3));
}

TEST(OneShot, RejectsFilesOver4GiB) {
  EXPECT_TRUE(OneShot::check(deposit(std::uint64_t{4} << 30)));
  const auto refused = OneShot::check(deposit((std::uint64_t{4} << 30) + 1));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::usage);
  EXPECT_THAT(refused.error().message, HasSubstr("4294967297"));
}

TEST(OneShot, RejectsNamesThatServersDecodeDifferently) {
  for (const char* name : {"a\"b", "a\\b", "a%22b", "\"", "%"})
    EXPECT_FALSE(OneShot::check(deposit(1, name))) << name;
  for (const char* name : {"a b", "\xC3\xA9.h5", "a;b", "a'b", "=?x?="})
    EXPECT_TRUE(OneShot::check(deposit(1, name))) << name;
}

TEST(OneShot, ReportsRefusals) {
  EXPECT_EQ(error_for(answer(401, "HTTP Token: Access denied.\n")).kind, ErrorKind::token_refused);
  EXPECT_EQ(error_for(answer(404, "Dataset Not Found")).kind, ErrorKind::no_such_dataset);
  const Error other = error_for(answer(500, "invalid request"));
  EXPECT_EQ(other.kind, ErrorKind::failed);
  EXPECT_FALSE(other.retryable);
  EXPECT_THAT(other.message, HasSubstr("--protocol"));
  EXPECT_FALSE(error_for(answer(400)).retryable);
}

/// After token_refused, the file is sent again with another token. So only a response that proves
/// that nothing was registered may have that kind.
TEST(OneShot, RefusalOfReverseProxyIsNotTokenRefused) {
  for (const Answer& given : {answer(401), answer(401, std::string("you sent ") + token),
                              answer(401, "<html>Unauthorized</html>"), answer(403),
                              answer(404, "<html>nginx</html>"), answer(499)}) {
    const Error error = error_for(given);
    EXPECT_EQ(error.kind, ErrorKind::failed) << given.status;
    EXPECT_FALSE(error.retryable) << given.status;
  }
}

TEST(OneShot, ReportsRegisteredName) {
  for (const auto& [says, name] : {std::pair("a_b.h5", "a_b.h5"), {"a b.h5", ""}, {"a/b", ""}}) {
    OneShot protocol = one_shot();
    protocol.next(1);
    ASSERT_TRUE(protocol.read_answer(
        answer(200, std::string("successfully uploaded ") + says + "\nsee in dataset at x")));
    EXPECT_TRUE(protocol.is_registered());
    EXPECT_EQ(protocol.registered_name(), name);
  }
}

TEST(OneShot, UnclearResponseIsNotRetryable) {
  for (const Answer& given :
       {answer(500, "boom"), answer(500), answer(200), answer(200, "<html>portal</html>"),
        answer(200, "success"), answer(201, "created"), answer(599)}) {
    const Error error = error_for(given);
    EXPECT_EQ(error.kind, ErrorKind::failed) << given.status;
    EXPECT_FALSE(error.retryable) << given.status;
  }
}

/// The caller knows whether the server had received the whole request.
TEST(OneShot, TransientFailuresAreRetryable) {
  for (const int status : {408, 429, 502, 503, 504}) {
    const Error error = error_for(answer(status, std::string("busy ") + token));
    EXPECT_EQ(error.kind, ErrorKind::unreachable);
    EXPECT_TRUE(error.retryable);
  }
  EXPECT_FALSE(one_shot().can_ask_registered());
  EXPECT_FALSE(one_shot().keeps_parts_of_chunks());
  EXPECT_THAT(one_shot().doubt(), HasSubstr(page));
  EXPECT_THAT(one_shot().doubt(), HasSubstr(" 'a b.h5'"));
}

}  // namespace
}  // namespace sluice::one_shot_test
