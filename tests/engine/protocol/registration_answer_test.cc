#include "engine/protocol/registration_answer.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::registration_answer_test {
namespace {

using Verdict = RegistrationAnswer::Verdict;

constexpr RegistrationForm both_forms[] = {RegistrationForm::upload, RegistrationForm::verify};

Answer answer(int status, std::string body) {
  return {.status = status, .body = std::move(body)};
}
Verdict verdict(const Answer& given, RegistrationForm form = RegistrationForm::upload) {
  return read_registration_answer(given, form).verdict;
}
std::string uploaded(const std::string& name) {
  return "successfully uploaded " + name +
         "\nsee in dataset at https://bank.example.org/datasets/IDB-1 \n";
}
std::string verified(const std::string& name) {
  return name +
         " successfully uploaded.  Refresh dataset page to see newly uploaded file. "
         "https://bank.example.org/datasets/IDB-1/edit";
}

TEST(RegistrationAnswer, RecognisesRefusalsOfTheDataBank) {
  const std::pair<Answer, Verdict> refusals[] = {
      {answer(401, "HTTP Token: Access denied.\n"), Verdict::token_refused},
      {answer(404, "Dataset Not Found"), Verdict::no_such_dataset},
      {answer(404, "\"Dataset Not Found\""), Verdict::no_such_dataset},
      {answer(404, R"({"status":404,"error":"Dataset Not Found"})"), Verdict::no_such_dataset},
      {answer(400, "Invalid TUS upload reference"), Verdict::no_such_upload},
      {answer(500, " invalid request\n"), Verdict::no_such_request},
  };
  for (const auto& [given, expected] : refusals)
    for (const RegistrationForm form : both_forms) {
      EXPECT_EQ(verdict(given, form), expected) << given.status;
      EXPECT_TRUE(refuses_registration(given)) << given.status;
    }
}

/// A reverse proxy can answer after the Data Bank has registered the file.
TEST(RegistrationAnswer, ReverseProxyResponseIsInDoubtWithAnyStatus) {
  for (int status = 200; status < 600; ++status)
    for (const char* body :
         {"", "no", "OK", "{}", "null", "[", "<html><title>Blocked</title></html>",
          "\x1f\x8b\x08 compressed", "Access denied", "Not Found", "Invalid request",
          "<p>Dataset Not Found</p>", "invalid request: busy", "Unauthorized"})
      for (const RegistrationForm form : both_forms) {
        EXPECT_EQ(verdict(answer(status, body), form), Verdict::in_doubt) << status << ' ' << body;
        EXPECT_FALSE(refuses_registration(answer(status, body))) << status << ' ' << body;
      }
}

TEST(RegistrationAnswer, KnownTextWithAnotherStatusIsInDoubt) {
  for (const char* text : {"HTTP Token: Access denied.\n", "Dataset Not Found",
                           "Invalid TUS upload reference", "invalid request"})
    for (const int status : {200, 302, 403, 429, 502}) {
      EXPECT_EQ(verdict(answer(status, text)), Verdict::in_doubt) << status << ' ' << text;
      EXPECT_FALSE(refuses_registration(answer(status, text))) << status << ' ' << text;
    }
  for (const int status : {201, 204, 302, 400, 429, 500, 504}) {
    EXPECT_EQ(verdict(answer(status, uploaded("a"))), Verdict::in_doubt) << status;
    EXPECT_EQ(verdict(answer(status, verified("a")), RegistrationForm::verify), Verdict::in_doubt)
        << status;
  }
}

TEST(RegistrationAnswer, TruncatedResponseIsInDoubt) {
  for (Answer given : {answer(404, "Dataset Not Found"), answer(200, uploaded("a"))}) {
    given.truncated = true;
    EXPECT_EQ(verdict(given), Verdict::in_doubt) << given.status;
    EXPECT_FALSE(refuses_registration(given));
  }
}

TEST(RegistrationAnswer, ReadsRegisteredName) {
  for (const char* name : {"a.h5", "a b.h5", " ", " a ", "b successfully uploaded.bin",
                           "successfully uploaded x", "\xC3\xA9 \xE2\x80\x93.bin", "<b>"}) {
    const auto upload =
        read_registration_answer(answer(200, uploaded(name)), RegistrationForm::upload);
    EXPECT_EQ(upload.verdict, Verdict::registered) << name;
    EXPECT_EQ(upload.name, name);
    const auto verify =
        read_registration_answer(answer(200, verified(name)), RegistrationForm::verify);
    EXPECT_EQ(verify.verdict, Verdict::registered) << name;
    EXPECT_EQ(verify.name, name);
  }
  const std::string quoted = R"("successfully uploaded a.h5\nsee in dataset at http://x \n")";
  EXPECT_EQ(read_registration_answer(answer(200, quoted), RegistrationForm::upload).name, "a.h5");
}

TEST(RegistrationAnswer, IgnoresInvalidNames) {
  for (const std::string& name :
       {std::string(256, 'x'), std::string("a/b"), std::string("a\x1b[2J"), std::string("\xFF"),
        std::string(), std::string("..")})
    for (const RegistrationForm form : both_forms) {
      const bool upload = form == RegistrationForm::upload;
      const auto read =
          read_registration_answer(answer(200, upload ? uploaded(name) : verified(name)), form);
      EXPECT_EQ(read.name, "") << name;
    }
  // The response ends within the name, or just after it.
  const auto cut =
      read_registration_answer(answer(200, "successfully uploaded a.h"), RegistrationForm::upload);
  EXPECT_EQ(cut.verdict, Verdict::registered);
  EXPECT_EQ(cut.name, "");
}

TEST(RegistrationAnswer, SuccessOfAnotherFormIsInDoubt) {
  EXPECT_EQ(verdict(answer(200, verified("a"))), Verdict::in_doubt);
  EXPECT_EQ(verdict(answer(200, uploaded("a")), RegistrationForm::verify), Verdict::in_doubt);
  EXPECT_EQ(verdict(answer(200, "<p>Your file was successfully uploaded.</p>")), Verdict::in_doubt);
  EXPECT_EQ(
      verdict(answer(200, "<p>Your file was successfully uploaded.</p>"), RegistrationForm::verify),
      Verdict::in_doubt);
}

}  // namespace
}  // namespace sluice::registration_answer_test
