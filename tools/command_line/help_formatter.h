#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace sluice::command_line {

/// The format of --help: 80 columns; an entry for each option with an indented text, which ends
/// with the default ("Default: 64M."). If a help has few options, they form one group. tests/docs
/// compares these texts with the man pages.
class HelpFormatter : public CLI::Formatter {
 public:
  HelpFormatter();
  std::string make_help(const CLI::App* app, std::string name,
                        CLI::AppFormatMode mode) const override;
  std::string make_option(const CLI::Option* option, bool is_positional) const override;
  std::string make_subcommand(const CLI::App* command) const override;
  std::string make_description(const CLI::App* app) const override;

 private:
  std::string make_options(const CLI::App& app) const;
};

}  // namespace sluice::command_line
