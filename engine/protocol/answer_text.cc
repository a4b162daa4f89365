#include "engine/protocol/answer_text.h"

#include <strings.h>

#include <nlohmann/json.hpp>
#include <string_view>

#include "engine/base/bounded_json.h"

namespace sluice {
namespace {

using nlohmann::json;

/// The deepest JSON nesting that is parsed. No Data Bank sends deeper JSON.
constexpr int max_depth = 16;

constexpr char space[] = " \t\r\n";

}  // namespace

std::string answer_text(const Answer& answer) {
  const std::size_t begin = answer.body.find_first_not_of(space);
  if (begin == std::string::npos) return {};
  std::string text = answer.body.substr(begin, answer.body.find_last_not_of(space) - begin + 1);
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"')
    if (const json value = parse_bounded(text, max_depth); value.is_string())
      return value.get<std::string>();
  return text;
}

bool is_page(const Answer& answer) {
  const std::string_view type = answer.header("content-type").value_or("");
  constexpr std::string_view html = "text/html";
  if (type.size() >= html.size() && ::strncasecmp(type.data(), html.data(), html.size()) == 0)
    return true;
  const std::size_t begin = answer.body.find_first_not_of(space);
  return begin != std::string::npos && answer.body[begin] == '<';
}

bool is_away(const Answer& answer) {
  const int status = answer.status;
  return status == 408 || status == 429 || (status >= 502 && status <= 504);
}

std::optional<FailureObject> failure_object(const Answer& answer) {
  const std::size_t begin = answer.body.find_first_not_of(space);
  if (begin == std::string::npos || answer.body[begin] != '{' || answer.truncated) return {};
  const json value = parse_bounded(answer.body, max_depth);
  if (!value.is_object()) return {};
  const auto error = value.find("error");
  if (error == value.end() || error->is_null()) return {};

  FailureObject failure;
  failure.error = error->is_string() ? error->get<std::string>()
                                     : error->dump(-1, ' ', true, json::error_handler_t::replace);
  if (const auto progress = value.find("progress");
      progress != value.end() && progress->is_number_unsigned())
    failure.progress = progress->get<std::uint64_t>();
  return failure;
}

}  // namespace sluice
