#include "engine/protocol/tus_response_headers.h"

#include <algorithm>
#include <charconv>

namespace sluice {

bool is_success(const Answer& answer) {
  return answer.status >= 200 && answer.status < 300;
}

std::vector<std::string_view> values_of(const Answer& answer, std::string_view wanted) {
  std::vector<std::string_view> values;
  for (const auto& [name, value] : answer.headers)
    if (name == wanted) values.push_back(value);
  return values;
}

std::optional<std::string_view> only_value(const Answer& answer, std::string_view name) {
  const std::vector<std::string_view> values = values_of(answer, name);
  if (values.empty() || std::any_of(values.begin(), values.end(),
                                    [&](std::string_view value) { return value != values[0]; }))
    return {};
  return values[0];
}

std::optional<std::uint64_t> number_in(std::optional<std::string_view> text) {
  std::uint64_t value = 0;
  if (!text) return {};
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || end != text->data() + text->size()) return {};
  return value;
}

std::optional<std::uint64_t> offset_of(const Answer& answer) {
  return number_in(only_value(answer, "upload-offset"));
}

}  // namespace sluice
