#pragma once

#include <string>
#include <string_view>

namespace sluice::databankd {

/// Returns the name under which the Data Bank of 2018-08 registers a file, as sanitised by
/// CarrierWave: only the part after the last `/` or `\`, with every character replaced by `_`
/// except Unicode letters, marks and digits, connecting punctuation such as `_`, and `.`, `-` and
/// `+`. `name`: UTF-8.
std::string carrierwave_name(std::string_view name);

}  // namespace sluice::databankd
