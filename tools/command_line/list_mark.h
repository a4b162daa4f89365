#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

/// CLI11 parses "[x]" as a list of values, even if it is the name of a file. To prevent that, these
/// functions put a mark before such words, and before words that start with the mark, while CLI11
/// parses them.
namespace sluice::command_line {

/// Returns `word` with the mark if needed.
std::string marked(std::string word);

/// Returns the marked words of a command line without the program's name, in reverse order, as
/// CLI11 requires.
std::vector<std::string> marked_words(int argc, const char* const* argv);

/// Makes all options of `app` remove the marks before values are checked.
void unmark_values(CLI::App& app);

/// Removes all marks from an error message of CLI11.
void erase_marks(std::string& text);

/// Returns `value`, a result stored in a CLI11 option, without its mark.
std::string unmarked(std::string value);

}  // namespace sluice::command_line
