#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace sluice::command_line {

/// Whether the words that a command did not expect may be printed. They may be secrets.
enum class UnexpectedWords { shown, hidden };

/// What is wrong with a command line, for the message of `error`, which `app` threw. The value of
/// an option that does not exist (--token=VALUE) is never in the text. Control characters are.
std::string usage_error(const CLI::App& app, const CLI::Error& error, UnexpectedWords words);

/// Throws CLI::ValidationError for an option with an empty value behind '=' ("--url=$URL", where
/// URL is not set): CLI11 would take the next word for its value.
void refuse_empty_values(int argc, const char* const* argv);

}  // namespace sluice::command_line
