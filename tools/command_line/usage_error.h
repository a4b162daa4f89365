#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace sluice::command_line {

/// Whether unexpected words of a command line may be printed. They may be secrets.
enum class UnexpectedWords { shown, hidden };

/// Returns what is wrong with a command line, from the exception `error` that `app` threw. The
/// value of an unknown option (--token=VALUE) is never in the text. The text may have control
/// characters.
std::string usage_error(const CLI::App& app, const CLI::Error& error, UnexpectedWords words);

/// Throws CLI::ValidationError for an option with an empty value after '=' ("--url=$URL" with URL
/// unset), for which CLI11 would use the next word as the value.
void refuse_empty_values(int argc, const char* const* argv);

}  // namespace sluice::command_line
