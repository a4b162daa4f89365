#include "tools/sluice/show_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/base/text.h"
#include "tools/command_line/list_mark.h"
#include "tools/command_line/usage_error.h"
#include "tools/sluice/command_table.h"
#include "tools/sluice/config/apply.h"
#include "tools/sluice/config/shown_option.h"
#include "tools/sluice/display/console.h"
#include "tools/sluice/display/report_text.h"

namespace sluice::cli {
namespace {

using nlohmann::ordered_json;

struct ShownCommand {
  std::string name;
  std::vector<ShownOption> options;
};
struct Shown {
  std::vector<ShownCommand> commands;
  std::vector<Configuration::File> files;
  std::string profile;
};

Error invalid_arguments(CommandTable& table, const CLI::Error& error) {
  std::string text =
      command_line::usage_error(table.app(), error, command_line::UnexpectedWords::shown);
  command_line::erase_marks(text);
  return {.kind = ErrorKind::usage, .message = text};
}

/// Parses `words` as the command line of the command `name`.
Result<void> parse(CommandTable& table, const std::string& name, std::vector<std::string> words) {
  // The command is not run, so its files are not required.
  for (CLI::Option* const option : table.find(name)->app->get_options()) option->required(false);
  words.insert(words.begin(), name);
  std::reverse(words.begin(), words.end());
  try {
    table.app().parse(words);
  } catch (const CLI::CallForHelp&) {
    return {};
  } catch (const CLI::ParseError& error) {
    return invalid_arguments(table, error);
  }
  return {};
}

Result<Shown> load_shown(const ConfigOptions& options) {
  const CommandTable all;
  std::vector<std::string> names;
  if (!options.command.empty()) {
    const std::string name = command_line::unmarked(options.command);
    if (all.find(name) == nullptr)
      return Error{ErrorKind::usage,
                   "'" + name + "' is not a command of sluice; see: sluice --help"};
    names.push_back(name);
  } else {
    for (const Command& command : all.commands()) names.push_back(command.app->get_name());
  }
  Shown shown;
  for (const std::string& name : names) {
    CommandTable table;
    TRY(parse(table, name, options.words));
    ConfigChoice choice = options.choice;
    if (!table.choice().file.empty()) choice.file = table.choice().file;
    if (!table.choice().profile.empty()) choice.profile = table.choice().profile;
    TRY_ASSIGN(const Configuration configuration, Configuration::load(choice, table.known()));
    CLI::App& app = *table.find(name)->app;
    TRY_ASSIGN(const std::vector<ConfiguredOption> applied, apply(app, configuration));
    shown.commands.push_back({name, shown_options(app, applied)});
    shown.files = configuration.files();
    shown.profile = configuration.profile();
  }
  // Omit commands without configurable options.
  std::erase_if(shown.commands,
                [](const ShownCommand& command) { return command.options.empty(); });
  return shown;
}

std::string place_of(const ShownOption& option) {
  std::string text = to_string(option.place);
  if (option.place == ConfigPlace::environment) return option.origin;
  return option.origin.empty() ? text : text + " " + option.origin;
}

std::string config_text(const Shown& shown) {
  std::string text;
  for (const Configuration::File& file : shown.files)
    text += fmt::format("{:<12} {}\n", to_string(file.place),
                        file.path.empty()
                            ? "none: neither XDG_CONFIG_HOME nor HOME is an absolute path"
                            : printable(file.path) + (file.exists ? "" : " (does not exist)"));
  if (!shown.profile.empty())
    text += fmt::format("{:<12} {}\n", "profile", printable(shown.profile));
  for (const ShownCommand& command : shown.commands) {
    std::size_t longest = 0;
    for (const ShownOption& option : command.options)
      longest = std::max(longest, option.option.size());
    text += fmt::format("\nsluice {}\n", command.name);
    for (const ShownOption& option : command.options)
      text += fmt::format("  {:<{}}  {}  ({})\n", option.option, longest,
                          printable(option.value.value_or("none")), place_of(option));
  }
  return text;
}

std::string config_json(const Shown& shown, const Error* error) {
  ordered_json json{{"version", SLUICE_VERSION}, {"files", ordered_json::array()}};
  for (const Configuration::File& file : shown.files)
    json["files"].push_back({{"place", to_string(file.place)},
                             {"path", file.path.empty() ? ordered_json() : ordered_json(file.path)},
                             {"exists", file.exists}});
  json["profile"] = shown.profile.empty() ? ordered_json() : ordered_json(shown.profile);
  json["commands"] = ordered_json::object();
  for (const ShownCommand& command : shown.commands) {
    ordered_json options = ordered_json::object();
    for (const ShownOption& option : command.options)
      options[option.option.substr(2)] = {
          {"value", option.value ? ordered_json(*option.value) : ordered_json()},
          {"place", to_string(option.place)},
          {"file", option.file.empty() ? ordered_json() : ordered_json(option.file)},
          {"line", option.file.empty() ? ordered_json() : ordered_json(option.line)}};
    json["commands"][command.name] = std::move(options);
  }
  json["error"] = nullptr;
  if (error != nullptr)
    json["error"] = {{"kind", to_string(error->kind)}, {"message", printable(error->message)}};
  return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + '\n';
}

}  // namespace

int config(const ConfigOptions& options) {
  Console console({});
  const Result<Shown> shown = load_shown(options);
  if (!shown) console.error(printable(shown.error().message));
  if (options.json)
    console.report(config_json(shown ? *shown : Shown(), shown ? nullptr : &shown.error()));
  else if (shown)
    console.report(config_text(*shown));
  return console.finish(shown ? 0 : exit_code(shown.error()));
}

}  // namespace sluice::cli
