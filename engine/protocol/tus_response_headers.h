#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/protocol/protocol.h"

/// Readers of the headers in a tus server's responses. Pure functions, any thread.
namespace sluice {

/// Returns whether the status is 200 to 299.
bool is_success(const Answer& answer);

/// Returns the value of each header called `name`, in lower case, in the order received. The views
/// are valid as long as `answer`.
std::vector<std::string_view> values_of(const Answer& answer, std::string_view name);

/// Returns the value of the header `name`, which may be repeated with the same value. Returns
/// nullopt if the header is missing or its values differ.
std::optional<std::string_view> only_value(const Answer& answer, std::string_view name);

/// Returns `text` as a decimal number below 2^64, without sign or blanks; nullopt for any other
/// text.
std::optional<std::uint64_t> number_in(std::optional<std::string_view> text);

/// Returns Upload-Offset: how many bytes the server says that it holds. nullopt if missing or
/// invalid.
std::optional<std::uint64_t> offset_of(const Answer& answer);

}  // namespace sluice
