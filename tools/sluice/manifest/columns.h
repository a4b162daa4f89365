#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

/// The columns of a manifest, which are the keys of its JSON objects. Pure functions, any thread.
namespace sluice::cli {

enum class Column : std::size_t { path, dataset, name, bytes, xxh128, md5, sha256 };

inline constexpr std::array all_columns{Column::path,  Column::dataset, Column::name,
                                        Column::bytes, Column::xxh128,  Column::md5,
                                        Column::sha256};

/// Returns the name in manifests: "path", "dataset" and so on.
const char* to_string(Column column);

/// Returns the column with exactly that name.
std::optional<Column> find_column(std::string_view name);

/// Returns the column that a misspelled name probably means, such as "SHA-256", "md5sum" or "
/// path": compares letters and digits only, ignores case and a "sum" at the end. nullopt for an
/// exact name. Such a name must be an error: ignoring the column would omit a check that the user
/// asked for.
std::optional<Column> similar_column(std::string_view name);

/// Returns "path, dataset, name, ... and sha256".
std::string list_of_columns();

/// An unchecked row: the text of each column; nullopt for a column that is missing or empty.
class Cells {
 public:
  std::optional<std::string_view>& operator[](Column column) {
    return texts_[static_cast<std::size_t>(column)];
  }
  const std::optional<std::string_view>& operator[](Column column) const {
    return texts_[static_cast<std::size_t>(column)];
  }

 private:
  std::array<std::optional<std::string_view>, all_columns.size()> texts_;
};

}  // namespace sluice::cli
