#pragma once

#include <string>
#include <string_view>

namespace sluice::databankd {

/// Returns the name under which the Data Bank of 2018-08 registers a file: what CarrierWave makes
/// of the name. Only what follows the last `/` or `\` is left of it, and every character but
/// Unicode letters, marks and digits, connecting punctuation such as `_`, and `.`, `-` and `+`
/// becomes `_`. `name`: UTF-8.
std::string carrierwave_name(std::string_view name);

}  // namespace sluice::databankd
