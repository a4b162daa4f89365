#include "tools/command_line/help_formatter.h"

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

namespace sluice::command_line {
namespace {

constexpr std::size_t page_width = 80;
constexpr std::size_t text_column = 26;

/// Wraps `text` at blanks into lines that end before page_width, indented by `indent` blanks.
std::string wrapped(const std::string& text, std::size_t indent) {
  std::istringstream words(text);
  std::string lines;
  std::string line;
  for (std::string word; words >> word;) {
    if (!line.empty() && indent + line.size() + 1 + word.size() > page_width) {
      lines += std::string(indent, ' ') + line + '\n';
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
  }
  if (!line.empty()) lines += std::string(indent, ' ') + line + '\n';
  return lines;
}

/// Returns " NAME TEXT", with the text on new lines if the name is too long for its column.
std::string entry(const std::string& name, const std::string& text) {
  std::string lines = wrapped(text, text_column);
  if (lines.empty() || name.size() + 4 > text_column) return "  " + name + '\n' + lines;
  lines.replace(2, name.size(), name);
  return lines;
}

}  // namespace

HelpFormatter::HelpFormatter() {
  label("SUBCOMMAND", "COMMAND");
  label("Positionals", "Arguments");
}

std::string HelpFormatter::make_help(const CLI::App* app, std::string name,
                                     CLI::AppFormatMode mode) const {
  return make_description(app) + make_usage(app, std::move(name)) + make_positionals(app) +
         make_options(*app) + make_subcommands(app, mode) + '\n' + make_footer(app);
}

std::string HelpFormatter::make_options(const CLI::App& app) const {
  constexpr std::size_t short_help = 16;
  const std::vector<const CLI::Option*> options =
      app.get_options([](const CLI::Option* option) { return option->nonpositional(); });
  const auto title = [&](const CLI::Option* option) {
    return options.size() <= short_help ? "Options" : option->get_group();
  };
  std::vector<std::string> titles;
  for (const CLI::Option* const option : options)
    if (std::find(titles.begin(), titles.end(), title(option)) == titles.end())
      titles.push_back(title(option));
  // The group of --help is the first; move it to the end.
  std::rotate(titles.begin(), titles.begin() + 1, titles.end());
  std::string text;
  for (const std::string& wanted : titles) {
    text += '\n' + wanted + ":\n";
    for (const CLI::Option* const option : options)
      if (title(option) == wanted) text += make_option(option, false);
  }
  return text;
}

std::string HelpFormatter::make_option(const CLI::Option* option, bool is_positional) const {
  std::string name = option->get_name(is_positional, !is_positional);
  // CLI11 writes "-q,--quiet"; the usual form is "-q, --quiet".
  if (const std::size_t comma = name.find(','); comma != std::string::npos)
    name.insert(comma + 1, " ");
  if (!is_positional && option->get_type_size() != 0) name += ' ' + option->get_type_name();
  if (is_positional && option->get_expected_max() == CLI::detail::expected_max_vector_size)
    name += "...";
  std::string text = option->get_description();
  if (!option->get_default_str().empty()) text += " Default: " + option->get_default_str() + ".";
  return entry(name, text);
}

std::string HelpFormatter::make_subcommand(const CLI::App* command) const {
  return entry(command->get_name(), command->get_description());
}

std::string HelpFormatter::make_description(const CLI::App* app) const {
  return wrapped(app->get_description(), 0) + '\n';
}

}  // namespace sluice::command_line
