#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/protocol/protocol.h"

/// What headers of a tus server's answers say. Pure; any thread.
namespace sluice {

/// 200 to 299.
bool is_success(const Answer& answer);

/// The values of the headers of that name (lower case), as often as they are there; they live as
/// long as `answer` does.
std::vector<std::string_view> values_of(const Answer& answer, std::string_view name);

/// The only value of that header, which may be repeated; nothing where it is not there, or values
/// differ.
std::optional<std::string_view> only_value(const Answer& answer, std::string_view name);

/// A decimal number without sign or blanks, below 2^64; nothing for anything else.
std::optional<std::uint64_t> number_in(std::optional<std::string_view> text);

/// Upload-Offset: how many bytes the server says that it has.
std::optional<std::uint64_t> offset_of(const Answer& answer);

}  // namespace sluice
