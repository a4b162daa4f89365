#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// The width of text on a terminal. Pure functions, any thread, independent of the locale.
namespace sluice::cli {

/// Returns the columns that `text` takes, which must be UTF-8 without control characters: 2 for CJK
/// characters and emoji, 0 for combining characters. Overestimates where terminals differ (joined
/// emoji). An invalid byte counts as one column.
std::size_t text_width(std::string_view text);

/// Returns `text` if it fits into `columns`; else its beginning and end with an ellipsis (U+2026,
/// one column) between them. Never wider than `columns`. Does not split an extended grapheme
/// cluster (Unicode UAX #29). Empty for 0 columns.
std::string shorten(std::string_view text, std::size_t columns);

/// Returns the number of rows that `text` takes on a terminal of `columns` columns (at least 1): at
/// least 1. A character of two columns that does not fit at the end of a row goes to the next row.
std::size_t wrapped_rows(std::string_view text, std::size_t columns);

}  // namespace sluice::cli
