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

/// Whether several values in its one argument have commas between them: --digest md5,sha256.
bool takes_commas(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  return type == "NAMES" || type == "KINDS";
}

/// Whether it may be given several times: the filters.
bool is_filter(const CLI::Option& option) {
  return option.get_trigger_on_parse();
}

/// Whether it keeps each value that it is given: --sbatch.
bool is_list(const CLI::Option& option) {
  return option.get_items_expected_max() > 1 && !is_filter(option);
}

Error refused(const ConfiguredOption& said, const std::string& what) {
  return {.kind = ErrorKind::usage, .message = said.origin() + ": " + printable(what)};
}

/// "yes" and the like, as CLI11 takes them for a flag.
Result<std::string> switched(const ConfiguredOption& said) {
  const std::string word = said.values.size() == 1 ? lower_case(said.values.front()) : "";
  for (const char* const on : {"true", "1", "yes", "on"})
    if (word == on) return std::string("true");
  for (const char* const off : {"false", "0", "no", "off"})
    if (word == off) return std::string("false");
  return refused(said, fmt::format("{} is true or false", said.option));
}

/// A file with a password must not be readable by others.
Result<void> check_secrecy(const ConfiguredOption& said) {
  const bool secret = std::any_of(said.values.begin(), said.values.end(), has_password);
  struct stat facts {};
  if (!secret || said.file.empty() || ::stat(said.file.c_str(), &facts) != 0 ||
      (facts.st_mode & (S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH)) == 0)
    return {};
  return refused(said, fmt::format("other users can read the file, which has the password of the "
                                   "proxy; run: chmod 600 {}",
                                   shell_argument(printable(said.file))));
}

class Application {
 public:
  Application(CLI::App& command, const Configuration& configuration) {
    const std::vector<std::string> names = configurable(command);
    said_ = configuration.of(command.get_name(), names);
    for (const std::string& name : names) {
      CLI::Option* const option = command.get_option("--" + name);
      options_[name] = option;
      if (option->count() > 0) decide(*option);
    }
  }

  Result<std::vector<ConfiguredOption>> run() {
    for (auto at = said_.begin(); at != said_.end();) {
      const auto end =
          std::find_if(at, said_.end(), [&](const auto& said) { return said.place != at->place; });
      TRY(choose({at, end}));
      at = end;
    }
    std::erase_if(chosen_, [&](const ConfiguredOption& said) { return !needs_are_met(said); });
    for (const ConfiguredOption& said : chosen_) TRY(give(said));
    return std::move(chosen_);
  }

 private:
  /// No lower place says anything more of it, nor of what goes together with it.
  void decide(const CLI::Option& option) {
    decided_.insert(&option);
    for (const CLI::Option* const other : option.get_excludes()) decided_.insert(other);
    if (is_filter(option)) filters_decided_ = true;
  }

  bool is_decided(const CLI::Option& option) const {
    return decided_.contains(&option) || (filters_decided_ && is_filter(option));
  }

  /// Chooses from what one place says.
  Result<void> choose(const std::vector<ConfiguredOption>& place) {
    std::vector<ConfiguredOption> taken;
    for (const ConfiguredOption& said : place) {
      CLI::Option& option = *options_.at(said.option);
      if (is_decided(option)) continue;
      ConfiguredOption fit = said;
      if (is_flag(option)) {
        TRY_ASSIGN(std::string value, switched(said));
        fit.values = {std::move(value)};
      }
      taken.push_back(std::move(fit));
    }
    for (const ConfiguredOption& said : taken) {
      const CLI::Option& option = *options_.at(said.option);
      // What is switched off is in nobody's way.
      if (is_flag(option) && said.values.front() == "false") {
        decided_.insert(&option);
        continue;
      }
      for (const ConfiguredOption& other : taken)
        if (option.get_excludes().contains(options_.at(other.option)) &&
            other.values != std::vector<std::string>{"false"})
          return refused(other, fmt::format("{} excludes {}, which is in {}", other.option,
                                            said.option, said.origin()));
      decide(option);
    }
    chosen_.insert(chosen_.end(), taken.begin(), taken.end());
    return {};
  }

  bool needs_are_met(const ConfiguredOption& said) const {
    const std::set<CLI::Option*> needs = options_.at(said.option)->get_needs();
    return std::all_of(needs.begin(), needs.end(), [&](const CLI::Option* const need) {
      return need->count() > 0 ||
             std::any_of(chosen_.begin(), chosen_.end(), [&](const ConfiguredOption& other) {
               return options_.at(other.option) == need &&
                      other.values != std::vector<std::string>{"false"};
             });
    });
  }

  Result<void> give(const ConfiguredOption& said) const {
    if (said.option == "proxy") TRY(check_secrecy(said));
    CLI::Option& option = *options_.at(said.option);
    std::vector<std::string> values = said.values;
    if (said.boolean && !is_flag(option))
      return refused(said, fmt::format("{} takes a value ({}), not true or false", said.option,
                                       option.get_type_name()));
    if (takes_commas(option) && values.size() > 1) {
      std::string joined = values.front();
      for (std::size_t i = 1; i < values.size(); ++i) joined += ',' + values[i];
      values = {joined};
    }
    if (values.size() > 1 && !is_filter(option) && !is_list(option))
      return refused(said, said.option + " has one value, not several");
    try {
      option.clear();
      for (const std::string& value : values) {
        if (is_filter(option)) option.clear();  // which keeps its own list
        option.add_result(is_flag(option) ? value : command_line::marked(value));
        if (is_filter(option)) option.run_callback();
      }
      if (!is_filter(option)) option.run_callback();
    } catch (const CLI::Error& error) {
      std::string text = error.what();
      command_line::erase_marks(text);
      return refused(said, text);
    }
    return {};
  }

  std::vector<ConfiguredOption> said_;
  std::map<std::string, CLI::Option*> options_;
  std::set<const CLI::Option*> decided_;
  bool filters_decided_ = false;
  std::vector<ConfiguredOption> chosen_;
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
  return Application(command, configuration).run();
}

}  // namespace sluice::cli
