#include "tests/simulation/form.h"

namespace sluice::sim {
namespace {

/// The value of `key="value"` in a header line.
std::optional<std::string> parameter(std::string_view line, std::string_view key) {
  const std::string mark = "; " + std::string(key) + "=\"";
  const std::size_t begin = line.find(mark);
  if (begin == std::string_view::npos) return {};
  const std::size_t end = line.find('"', begin + mark.size());
  if (end == std::string_view::npos) return {};
  return std::string(line.substr(begin + mark.size(), end - begin - mark.size()));
}

}  // namespace

std::optional<std::vector<Field>> parse_form(std::string_view content_type, std::string_view body) {
  constexpr std::string_view mark = "boundary=";
  const std::size_t at = content_type.find(mark);
  if (at == std::string_view::npos) return {};
  const std::string line = "--" + std::string(content_type.substr(at + mark.size()));
  std::vector<Field> fields;
  if (!body.starts_with(line)) return {};
  body.remove_prefix(line.size());
  while (body.starts_with("\r\n")) {
    body.remove_prefix(2);
    const std::size_t head_end = body.find("\r\n\r\n");
    const std::size_t end = body.find("\r\n" + line, head_end + 4);
    if (head_end == std::string_view::npos || end == std::string_view::npos) return {};
    const std::string_view head = body.substr(0, head_end);
    const auto name = parameter(head, "name");
    const auto filename = parameter(head, "filename");
    if (!name) return {};
    // An empty part has its end where its head ends.
    fields.push_back({*name, filename.has_value(), filename.value_or(""),
                      std::string(body.substr(head_end + 4, end - head_end - 4))});
    body.remove_prefix(end + 2 + line.size());
  }
  if (!body.starts_with("--")) return {};
  return fields;
}

const Field* find_field(const std::vector<Field>& fields, std::string_view name) {
  for (const Field& field : fields)
    if (field.name == name) return &field;
  return nullptr;
}

}  // namespace sluice::sim
