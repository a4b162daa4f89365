#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// How wide text is on a terminal. Pure functions, any thread, independent of the locale.
namespace sluice::cli {

/// Returns the columns that a terminal needs for `text`, UTF-8 without control characters: 2 for
/// CJK characters and emoji, 0 for combining characters. Counts too many rather than too few where
/// terminals differ (emoji that are joined). A byte that is not UTF-8 counts as one column.
std::size_t text_width(std::string_view text);

/// Returns `text` if it fits into `columns`, else its beginning and its end with an ellipsis
/// (U+2026, one column) between them. Never wider than `columns`, and never cuts inside a
/// user-perceived character (an extended grapheme cluster of Unicode's UAX #29). Empty for 0
/// columns.
std::string shorten(std::string_view text, std::size_t columns);

/// Returns how many rows of a terminal of that width (1 or more) `text` takes, at least 1: a
/// character of two columns that does not fit into the end of a row goes into the next one.
std::size_t wrapped_rows(std::string_view text, std::size_t columns);

}  // namespace sluice::cli
