#pragma once

#include <string>
#include <string_view>
#include <vector>

/// Names that look the same and are not: "é" is one character, or an e and an accent that is put on
/// it, and file systems and programs write either (Unicode's normal forms C and D). Pure functions,
/// any thread.
namespace sluice::cli {

bool is_ascii(std::string_view text);

/// `name` in normal form C, to compare names by. As it is if it is not UTF-8.
std::string normal_form(std::string_view name);

/// A sentence for each pair of different names with one normal form: of two that are in `names`, or
/// of one that is and one that is in `there` alone, which are those in the dataset `dataset`.
std::vector<std::string> warn_of_look_alikes(const std::vector<std::string>& names,
                                             const std::vector<std::string>& there,
                                             const std::string& dataset);

}  // namespace sluice::cli
