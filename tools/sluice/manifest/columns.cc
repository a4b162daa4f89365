#include "tools/sluice/manifest/columns.h"

#include <cctype>

namespace sluice::cli {

const char* to_string(Column column) {
  switch (column) {
    case Column::path:
      return "path";
    case Column::dataset:
      return "dataset";
    case Column::name:
      return "name";
    case Column::bytes:
      return "bytes";
    case Column::xxh128:
      return "xxh128";
    case Column::md5:
      return "md5";
    case Column::sha256:
      return "sha256";
  }
  return "path";
}

std::optional<Column> find_column(std::string_view name) {
  for (const Column column : all_columns)
    if (name == to_string(column)) return column;
  return {};
}

std::optional<Column> similar_column(std::string_view name) {
  if (find_column(name)) return {};
  std::string plain;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    // ASCII only: the program uses the C locale.
    if (std::isalnum(byte)) plain += static_cast<char>(std::tolower(byte));
  }
  for (const Column column : all_columns) {
    const std::string known = to_string(column);
    if (plain == known || plain == known + "sum") return column;
  }
  return {};
}

std::string list_of_columns() {
  std::string text;
  for (const Column column : all_columns) {
    if (column == all_columns.back())
      text += " and ";
    else if (!text.empty())
      text += ", ";
    text += to_string(column);
  }
  return text;
}

}  // namespace sluice::cli
