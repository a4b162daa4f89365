#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// Returns the names under which a Data Bank may store a file deposited as `name`: first `name`,
/// then each different name that a known server version makes of it. `name` passes
/// check_deposit_name(). Pure, any thread.
///
/// The phased generation of 2018-08 (CarrierWave) removes everything up to the last backslash. It
/// replaces each character by '_' except letters, marks, decimal and letter numbers (Unicode Nd,
/// Nl), connector punctuation, '.', '-' and '+'. Older versions of CarrierWave keep only ASCII
/// letters and digits, '_', '.', '-' and '+'.
std::vector<std::string> stored_names(std::string_view name);

}  // namespace sluice
