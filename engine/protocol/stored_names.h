#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// The names under which a Data Bank may store a file that is deposited as `name` (passes
/// check_deposit_name()): `name` itself, then what known servers change it into, where that
/// differs. Pure, any thread.
///
/// The phased generation of 2018-08 (CarrierWave) cuts what stands before the last backslash and
/// replaces every character by '_' that is no letter, mark, decimal digit or connector punctuation,
/// and none of '.', '-' and '+'. Older versions of CarrierWave take the letters and digits of ASCII
/// alone; the rest becomes '_' as well.
std::vector<std::string> stored_names(std::string_view name);

}  // namespace sluice
