#include "engine/protocol/answer_text.h"

#include <gtest/gtest.h>

namespace sluice::answer_text_test {
namespace {

Answer answer(std::string body) {
  return {.status = 200, .body = std::move(body)};
}

TEST(AnswerText, IsTrimmedAndUnquoted) {
  EXPECT_EQ(answer_text(answer("successfully set up x\n")), "successfully set up x");
  EXPECT_EQ(answer_text(answer("\"successfully \\\"set\\\" up\"")), "successfully \"set\" up");
  EXPECT_EQ(answer_text(answer("\"not closed")), "\"not closed");
  EXPECT_EQ(answer_text(answer(" \r\n")), "");
  EXPECT_EQ(answer_text(answer("")), "");
}

TEST(AnswerText, RecognisesPageByTypeOrFirstCharacter) {
  Answer typed = answer("");
  EXPECT_FALSE(is_page(typed));
  typed.headers = {{"content-type", "TEXT/html;charset=utf-8"}};
  EXPECT_TRUE(is_page(typed));
  EXPECT_TRUE(is_page(answer(" \r\n<html>")));
  for (const char* body : {"Dataset Not Found", "{\"error\":\"<b>\"}", "a < b"})
    EXPECT_FALSE(is_page(answer(body))) << body;
}

TEST(AnswerText, ReadsFailureAndProgress) {
  const auto failure = failure_object(answer(R"( {"error":"no\n","progress":3,"status":500})"));
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->error, "no\n");
  EXPECT_EQ(failure->progress, 3U);
}

TEST(AnswerText, IgnoresInvalidProgress) {
  for (const char* progress :
       {"-1", "1.5", "\"3\"", "null", "1e300", "99999999999999999999999", "[]"}) {
    const auto failure =
        failure_object(answer(std::string(R"({"error":"no","progress":)") + progress + "}"));
    ASSERT_TRUE(failure) << progress;
    EXPECT_FALSE(failure->progress) << progress;
  }
}

TEST(AnswerText, AcceptsErrorsOfOtherJsonTypes) {
  EXPECT_EQ(failure_object(answer(R"({"error":{"a":1}})"))->error, R"({"a":1})");
  EXPECT_EQ(failure_object(answer(R"({"error":true})"))->error, "true");
}

TEST(AnswerText, RejectsOtherBodiesAsFailureObject) {
  for (const char* body :
       {"", "text", "[1]", "\"error\"", "{\"status\":200}", "{\"error\":null}", "{\"error\":\"cut",
        "{\"error\":\"x\"} trailing", "{\"error\":\"\xFF\"}", "<html>"})
    EXPECT_FALSE(failure_object(answer(body))) << body;
  Answer cut = answer(R"({"error":"x"})");
  cut.truncated = true;
  EXPECT_FALSE(failure_object(cut));
}

TEST(AnswerText, RejectsDeepNesting) {
  const auto nested = [](int depth) {
    return std::string("{\"error\":") + std::string(static_cast<std::size_t>(depth), '[') +
           std::string(static_cast<std::size_t>(depth), ']') + "}";
  };
  EXPECT_TRUE(failure_object(answer(nested(8))));
  EXPECT_FALSE(failure_object(answer(nested(30000))));
}

}  // namespace
}  // namespace sluice::answer_text_test
