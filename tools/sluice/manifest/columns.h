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

/// "path", "dataset" and so on, as manifests write it.
const char* to_string(Column column);

/// The column of exactly that name.
std::optional<Column> find_column(std::string_view name);

/// The column that somebody meant who wrote "SHA-256", "md5sum" or " path": the same letters and
/// digits but for case, perhaps with "sum" behind. Nothing for a column's exact name. To ignore
/// such a column would leave out a check that was asked for.
std::optional<Column> similar_column(std::string_view name);

/// "path, dataset, name, ... and sha256".
std::string list_of_columns();

/// One row, before any check: the text of each column; nothing for a column that the row lacks or
/// leaves empty.
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
