// The phased protocol with names that the server changes (engine/protocol/stored_names.h).
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/protocol/phased.h"

namespace sluice::phased_names_test {
namespace {

using Step = Request::Step;

constexpr const char* asked = "a b.h5";
constexpr const char* stored = "a_b.h5";
const Answer is_free = {.status = 500, .body = "missing paramter: filesize\n"};
const Answer nothing_staged = {.status = 500,
                               .body = "No such file or directory @ rb_file_s_size - x\n"};

Answer ok(std::string body) {
  return {.status = 200, .body = std::move(body)};
}
Answer taken(const std::string& name) {
  return {.status = 500,
          .body = "File with the name " + name + " already exists in this dataset.\n"};
}
Answer verified(const std::string& name) {
  return ok(name + " successfully uploaded.  Refresh dataset page to see newly uploaded file. x");
}
Answer holds(std::uint64_t bytes) {
  return ok(R"({"error":"x","progress":)" + std::to_string(bytes) + "}");
}

/// Returns the step of the next request and the name in it, for example "ask a b.h5".
std::string next(Phased& protocol) {
  const auto request = protocol.next(10);
  if (!request) return "registered";
  const std::string mark = "name=\"filename\"\r\n\r\n";
  const std::size_t begin = request->head.find(mark) + mark.size();
  const std::string name = request->head.substr(begin, request->head.find("\r\n", begin) - begin);
  switch (request->step) {
    case Step::ask_name:
      return "ask " + name;
    case Step::ask_committed:
      return "find " + name;
    case Step::begin:
      return "begin " + name;
    case Step::finish:
      return "verify " + name;
    default:
      return "send " + name;
  }
}

Deposit deposit(std::uint64_t size = 10) {
  return {.dataset = "IDB-1", .name = asked, .size = size};
}

/// Returns a protocol whose verify is in flight.
Phased verifying() {
  Phased protocol(deposit());
  for (const Answer& answer :
       {is_free, ok("successfully set up x"), ok("successfully added chunk to x"), holds(10)}) {
    protocol.next(10);
    EXPECT_TRUE(protocol.read_answer(answer));
  }
  EXPECT_EQ(next(protocol), "verify a b.h5");
  return protocol;
}

TEST(PhasedNames, NewUploadAsksForNamesThatSetupDoesNotCheck) {
  Phased protocol(deposit());
  EXPECT_EQ(next(protocol), "ask a_b.h5");
  ASSERT_TRUE(protocol.read_answer(is_free));
  EXPECT_EQ(next(protocol), "begin a b.h5");
}

TEST(PhasedNames, DryRunAsksForEachName) {
  Phased protocol(deposit(), {}, {}, Phased::Asks::all_names);
  EXPECT_EQ(next(protocol), "ask a b.h5");
  ASSERT_TRUE(protocol.read_answer(is_free));
  EXPECT_EQ(next(protocol), "ask a_b.h5");
  ASSERT_TRUE(protocol.read_answer(is_free));
  EXPECT_EQ(next(protocol), "begin a b.h5");
}

TEST(PhasedNames, RejectsNameWhoseChangedFormIsTaken) {
  Phased protocol(deposit());
  next(protocol);
  const auto refused = protocol.read_answer(taken(stored));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::name_taken);
  EXPECT_NE(refused.error().message.find("'a_b.h5'"), std::string::npos);
  EXPECT_NE(refused.error().message.find("'a b.h5'"), std::string::npos);
  EXPECT_FALSE(refused.error().retryable);
}

TEST(PhasedNames, AsksForEachNameAfterLostVerify) {
  for (const bool changed : {false, true}) {
    Phased protocol = verifying();
    protocol.recover();
    EXPECT_EQ(next(protocol), "ask a b.h5");
    if (changed) {
      ASSERT_TRUE(protocol.read_answer(is_free));
      EXPECT_FALSE(protocol.is_registered());
      EXPECT_EQ(next(protocol), "ask a_b.h5");
    }
    ASSERT_TRUE(protocol.read_answer(taken(changed ? stored : asked)));
    EXPECT_TRUE(protocol.is_registered());
    EXPECT_EQ(next(protocol), "registered");
    EXPECT_EQ(protocol.registered_name(), changed ? stored : "");
  }
}

/// A later run of sluice reads from the journal that the verify was sent.
TEST(PhasedNames, AsksForEachNameInLaterRun) {
  Phased protocol(deposit(), {}, Resumption{10, true});
  EXPECT_EQ(next(protocol), "ask a b.h5");
  ASSERT_TRUE(protocol.read_answer(is_free));
  EXPECT_EQ(next(protocol), "ask a_b.h5");
  ASSERT_TRUE(protocol.read_answer(taken(stored)));
  EXPECT_EQ(next(protocol), "registered");
  EXPECT_EQ(protocol.registered_name(), stored);
}

TEST(PhasedNames, AskingAgainStartsWithTheFirstName) {
  Phased protocol = verifying();
  protocol.recover();
  next(protocol);
  ASSERT_TRUE(protocol.read_answer(is_free));
  EXPECT_EQ(next(protocol), "ask a_b.h5");
  protocol.ask_registered();
  EXPECT_EQ(next(protocol), "ask a b.h5");
}

TEST(PhasedNames, SetsUpAgainOnlyWhenAllNamesAreFree) {
  Phased protocol = verifying();
  protocol.recover();
  next(protocol);
  ASSERT_TRUE(protocol.read_answer(is_free));
  next(protocol);
  ASSERT_TRUE(protocol.read_answer(is_free));
  EXPECT_EQ(next(protocol), "find a b.h5");
  EXPECT_FALSE(protocol.read_answer(nothing_staged));
  protocol.recover();
  EXPECT_EQ(next(protocol), "begin a b.h5") << "the caller waits before sending it";
}

TEST(PhasedNames, UsesTheNameInTheVerifyResponse) {
  Phased protocol = verifying();
  ASSERT_TRUE(protocol.read_answer(verified(stored)));
  EXPECT_EQ(next(protocol), "registered");
  EXPECT_EQ(protocol.registered_name(), stored);
}

/// The server may have changed the name even if its response repeats the requested name.
TEST(PhasedNames, AsksForNameIfVerifyRepeatsTheRequestedOne) {
  for (const bool changed : {false, true}) {
    Phased protocol = verifying();
    ASSERT_TRUE(protocol.read_answer(verified(asked)));
    EXPECT_TRUE(protocol.is_registered());
    EXPECT_EQ(next(protocol), "ask a b.h5");
    if (changed) {
      ASSERT_TRUE(protocol.read_answer(is_free));
      EXPECT_EQ(next(protocol), "ask a_b.h5");
    }
    ASSERT_TRUE(protocol.read_answer(taken(changed ? stored : asked)));
    EXPECT_EQ(next(protocol), "registered");
    EXPECT_EQ(protocol.registered_name(), changed ? stored : "");
  }
}

TEST(PhasedNames, StaysRegisteredWhateverTheNameQuestionReturns) {
  for (const Answer& answer :
       {Answer{.status = 401, .body = "HTTP Token: Access denied.\n"},
        Answer{.status = 404, .body = "Dataset Not Found"}, Answer{.status = 503, .body = ""},
        ok("<html>"),
        Answer{.status = 500, .body = R"({"status":500,"error":"Internal Server Error"})"}}) {
    Phased protocol = verifying();
    ASSERT_TRUE(protocol.read_answer(verified(asked)));
    next(protocol);
    EXPECT_TRUE(protocol.read_answer(answer)) << answer.status;
    EXPECT_EQ(next(protocol), "registered");
    EXPECT_EQ(protocol.registered_name(), "");
  }
  Phased lost = verifying();
  ASSERT_TRUE(lost.read_answer(verified(asked)));
  next(lost);
  lost.recover();
  EXPECT_EQ(next(lost), "registered");
}

/// The server of 2018-08 answers the verify of an empty file with 500, and registers the file.
TEST(PhasedNames, AsksForNameAfterFailedVerifyOfEmptyFile) {
  Phased protocol(deposit(0));
  for (const Answer& answer : {is_free, ok("successfully set up x")}) {
    protocol.next(10);
    ASSERT_TRUE(protocol.read_answer(answer));
  }
  EXPECT_EQ(next(protocol), "verify a b.h5");
  const auto failed = protocol.read_answer(
      {.status = 500, .body = R"({"status":500,"error":"Internal Server Error"})"});
  ASSERT_FALSE(failed);
  EXPECT_TRUE(failed.error().retryable);
  protocol.recover();
  EXPECT_EQ(next(protocol), "ask a b.h5");
  ASSERT_TRUE(protocol.read_answer(is_free));
  EXPECT_EQ(next(protocol), "ask a_b.h5");
  ASSERT_TRUE(protocol.read_answer(taken(stored)));
  EXPECT_EQ(next(protocol), "registered");
}

}  // namespace
}  // namespace sluice::phased_names_test
