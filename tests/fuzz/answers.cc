// Any response of a server: the text and the error object read from the response are bounded and
// agree with a JSON parser; quoted text is printable and does not contain the token.
//
// Input: a line "STATUS" or "STATUS cut" or an empty one, and the body.

#include "engine/protocol/answer_text.h"

#include <nlohmann/json.hpp>

#include "engine/base/secret.h"
#include "tests/fuzz/fuzz.h"

namespace {

using namespace sluice;

void check_failure(const Answer& answer) {
  const auto failure = failure_object(answer);
  if (!failure) return;
  FUZZ_CHECK(!answer.truncated);
  const auto json = nlohmann::json::parse(answer.body, nullptr, false);
  FUZZ_CHECK(json.is_object(), answer.body);
  FUZZ_CHECK(!json.at("error").is_null(), answer.body);
  FUZZ_CHECK(is_utf8(failure->error), failure->error);
  const auto progress = json.find("progress");
  FUZZ_CHECK(failure->progress.has_value() ==
             (progress != json.end() && progress->is_number_unsigned()));
  if (failure->progress) FUZZ_CHECK(*failure->progress == *progress);
}

void check_quoted(const std::string& text) {
  const std::string quoted = quote_server_text(text);
  fuzz::check_shown(quoted);
  FUZZ_CHECK(quoted.size() <= 250, quoted);
  fuzz::check_shown("x" + printable(text));

  const std::string token = "7f3d0c9ab1e24586";
  std::string with_token = text;
  with_token.insert(text.size() / 2, token);
  const Secret secret(token);
  FUZZ_CHECK(quote_server_text(secret.redact(with_token)).find(token) == std::string::npos, text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view body = fuzz::text_of(data, size);
  std::string_view line = fuzz::take_until(body, '\n');
  Answer answer;
  answer.status = fuzz::take_number<int>(line);
  answer.truncated = line == "cut";
  answer.body = body;

  const std::string text = answer_text(answer);
  // Decoding a JSON string never makes the text longer: no escape is shorter than its character.
  FUZZ_CHECK(text.size() <= answer.body.size(), text);
  check_failure(answer);
  check_quoted(answer.body);
  check_quoted(text);
  return 0;
}
