#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::sim {

/// One field of a multipart form.
struct Field {
  std::string name;
  bool is_file = false;  ///< the field has a filename
  std::string filename;
  std::string data;
};

/// Returns the fields of a multipart body; nullopt if the body is malformed.
std::optional<std::vector<Field>> parse_form(std::string_view content_type, std::string_view body);

/// Returns the field of that name, which points into `fields`; null if there is none.
const Field* find_field(const std::vector<Field>& fields, std::string_view name);

}  // namespace sluice::sim
