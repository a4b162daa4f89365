#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

/// CLI11 takes "[x]" for a list of values, also where it is a file's name. So such words get a mark
/// in front on their way through it, as do those that start with the mark themselves.
namespace sluice::command_line {

/// `word`, with the mark where it needs one.
std::string marked(std::string word);

/// The words of a command line behind the program's name, marked, last first, as CLI11 wants them.
std::vector<std::string> marked_words(int argc, const char* const* argv);

/// Lets all options of `app` take the marks away before anything else looks at a value.
void unmark_values(CLI::App& app);

/// Takes all marks out of a message of CLI11's.
void erase_marks(std::string& text);

/// `value`, which an option keeps as CLI11 got it, without its mark.
std::string unmarked(std::string value);

}  // namespace sluice::command_line
