#include "tools/sluice/config/apply.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <set>

#include "engine/base/text.h"
#include "engine/http/http_proxy.h"
#include "tools/command_line/list_mark.h"

namespace sluice::cli {
namespace {

std::string name_of(const CLI::Option& option) {
  return option.get_lnames().empty() ? std::string() : option.get_lnames().front();
}

/// Whether the argument is a comma-separated list: --digest md5,sha256.
bool takes_commas(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  return type == "NAMES" || type == "KINDS";
}

/// Whether the option is a filter, whose order relative to other filters matters.
bool is_filter(const CLI::Option& option) {
  return option.get_trigger_on_parse();
}

/// Whether the option may be repeated, with one value each: --sbatch.
bool is_list(const CLI::Option& option) {
  return option.get_items_expected_max() > 1 && !is_filter(option);
}

Error error_in(const ConfiguredOption& setting, const std::string& what) {
  return {.kind = ErrorKind::usage, .message = setting.origin() + ": " + printable(what)};
}

/// Returns "true" or "false" for the values that CLI11 accepts for a flag, such as "yes".
Result<std::string> flag_value(const ConfiguredOption& setting) {
  const std::string word = setting.values.size() == 1 ? lower_case(setting.values.front()) : "";
  for (const char* const on : {"true", "1", "yes", "on"})
    if (word == on) return std::string("true");
  for (const char* const off : {"false", "0", "no", "off"})
    if (word == off) return std::string("false");
  return error_in(setting, fmt::format("{} is true or false", setting.option));
}

/// Fails if a value with a password comes from a file that other users can read.
Result<void> check_password_is_private(const ConfiguredOption& setting) {
  const bool secret = std::any_of(setting.values.begin(), setting.values.end(), has_password);
  struct stat facts {};
  if (!secret || setting.file.empty() || ::stat(setting.file.c_str(), &facts) != 0 ||
      (facts.st_mode & (S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH)) == 0)
    return {};
  return error_in(setting,
                  fmt::format("other users can read the file, which has the password of the "
                              "proxy; run: chmod 600 {}",
                              shell_argument(printable(setting.file))));
}

class ConfigApplier {
 public:
  ConfigApplier(CLI::App& command, const Configuration& configuration) {
    const std::vector<std::string> names = configurable(command);
    settings_ = configuration.of(command.get_name(), names);
    for (const std::string& name : names) {
      CLI::Option* const option = command.get_option("--" + name);
      options_[name] = option;
      if (option->count() > 0) mark_decided(*option);
    }
  }

  Result<std::vector<ConfiguredOption>> run() {
    for (auto at = settings_.begin(); at != settings_.end();) {
      const auto end = std::find_if(
          at, settings_.end(), [&](const auto& setting) { return setting.place != at->place; });
      TRY(select_from_place({at, end}));
      at = end;
    }
    std::erase_if(selected_,
                  [&](const ConfiguredOption& setting) { return !needs_are_met(setting); });
    for (const ConfiguredOption& setting : selected_) TRY(set_option(setting));
    return std::move(selected_);
  }

 private:
  /// Ignores places of lower precedence for this option, and for those decided together with it.
  void mark_decided(const CLI::Option& option) {
    decided_.insert(&option);
    for (const CLI::Option* const other : option.get_excludes()) decided_.insert(other);
    if (is_filter(option)) filters_decided_ = true;
  }

  bool is_decided(const CLI::Option& option) const {
    return decided_.contains(&option) || (filters_decided_ && is_filter(option));
  }

  /// Applies the settings of one place.
  Result<void> select_from_place(const std::vector<ConfiguredOption>& place) {
    std::vector<ConfiguredOption> accepted;
    for (const ConfiguredOption& setting : place) {
      CLI::Option& option = *options_.at(setting.option);
      if (is_decided(option)) continue;
      ConfiguredOption normalized = setting;
      if (is_flag(option)) {
        TRY_ASSIGN(std::string value, flag_value(setting));
        normalized.values = {std::move(value)};
      }
      accepted.push_back(std::move(normalized));
    }
    for (const ConfiguredOption& setting : accepted) {
      const CLI::Option& option = *options_.at(setting.option);
      // A flag that is off excludes no other option.
      if (is_flag(option) && setting.values.front() == "false") {
        decided_.insert(&option);
        continue;
      }
      for (const ConfiguredOption& other : accepted)
        if (option.get_excludes().contains(options_.at(other.option)) &&
            other.values != std::vector<std::string>{"false"})
          return error_in(other, fmt::format("{} excludes {}, which is in {}", other.option,
                                             setting.option, setting.origin()));
      mark_decided(option);
    }
    selected_.insert(selected_.end(), accepted.begin(), accepted.end());
    return {};
  }

  bool needs_are_met(const ConfiguredOption& setting) const {
    const std::set<CLI::Option*> needs = options_.at(setting.option)->get_needs();
    return std::all_of(needs.begin(), needs.end(), [&](const CLI::Option* const need) {
      return need->count() > 0 ||
             std::any_of(selected_.begin(), selected_.end(), [&](const ConfiguredOption& other) {
               return options_.at(other.option) == need &&
                      other.values != std::vector<std::string>{"false"};
             });
    });
  }

  Result<void> set_option(const ConfiguredOption& setting) const {
    if (setting.option == "proxy") TRY(check_password_is_private(setting));
    CLI::Option& option = *options_.at(setting.option);
    std::vector<std::string> values = setting.values;
    if (setting.boolean && !is_flag(option))
      return error_in(setting, fmt::format("{} takes a value ({}), not true or false",
                                           setting.option, option.get_type_name()));
    if (takes_commas(option) && values.size() > 1) {
      std::string joined = values.front();
      for (std::size_t i = 1; i < values.size(); ++i) joined += ',' + values[i];
      values = {joined};
    }
    if (values.size() > 1 && !is_filter(option) && !is_list(option))
      return error_in(setting, setting.option + " has one value, not several");
    try {
      option.clear();
      for (const std::string& value : values) {
        if (is_filter(option)) option.clear();  // a filter keeps its own list
        option.add_result(is_flag(option) ? value : command_line::marked(value));
        if (is_filter(option)) option.run_callback();
      }
      if (!is_filter(option)) option.run_callback();
    } catch (const CLI::Error& error) {
      std::string text = error.what();
      command_line::erase_marks(text);
      return error_in(setting, text);
    }
    return {};
  }

  std::vector<ConfiguredOption> settings_;
  std::map<std::string, CLI::Option*> options_;
  std::set<const CLI::Option*> decided_;
  bool filters_decided_ = false;
  std::vector<ConfiguredOption> selected_;
};

}  // namespace

bool is_flag(const CLI::Option& option) {
  return option.get_items_expected_max() == 0;
}

std::vector<std::string> configurable(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* const option : command.get_options())
    if (option->nonpositional() && option->get_configurable() && option != command.get_help_ptr())
      names.push_back(name_of(*option));
  return names;
}

Result<std::vector<ConfiguredOption>> apply(CLI::App& command, const Configuration& configuration) {
  return ConfigApplier(command, configuration).run();
}

}  // namespace sluice::cli
