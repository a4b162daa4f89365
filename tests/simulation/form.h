#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::sim {

/// One field of a multipart form.
struct Field {
  std::string name;
  bool is_file = false;  ///< it came with a filename
  std::string filename;
  std::string data;
};

/// The fields of a body; nothing where it is malformed.
std::optional<std::vector<Field>> parse_form(std::string_view content_type, std::string_view body);

/// The field of that name; null for none.
const Field* find_field(const std::vector<Field>& fields, std::string_view name);

}  // namespace sluice::sim
