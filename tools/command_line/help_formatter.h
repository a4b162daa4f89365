#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace sluice::command_line {

/// The look of --help: 80 columns, one entry for each option, its text indented beside it, and the
/// option's default as the last sentence ("Default: 64M."). The options of a short help are one
/// group, whatever groups they name. tests/docs compares these texts with the man pages.
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
