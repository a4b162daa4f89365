#pragma once

#include <string>
#include <string_view>
#include <vector>

/// Detects names that differ but look the same: "é" is one character, or an "e" with a combining
/// accent, and file systems and programs write either (Unicode normalization forms NFC and NFD).
/// Pure functions, any thread.
namespace sluice::cli {

bool is_ascii(std::string_view text);

/// Returns `name` in NFC, for comparing names. Returns it unchanged if it is not UTF-8.
std::string normal_form(std::string_view name);

/// Returns a sentence for each pair of different names with the same NFC: two in `names`, or one in
/// `names` and one only in `there`, the names in dataset `dataset`.
std::vector<std::string> warn_of_look_alikes(const std::vector<std::string>& names,
                                             const std::vector<std::string>& names_in_dataset,
                                             const std::string& dataset);

}  // namespace sluice::cli
