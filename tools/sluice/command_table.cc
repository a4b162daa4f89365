#include "tools/sluice/command_table.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>

#include "engine/http/http_proxy.h"
#include "tools/command_line/help_formatter.h"
#include "tools/command_line/list_mark.h"
#include "tools/sluice/config/address.h"
#include "tools/sluice/config/apply.h"

namespace sluice::cli {
namespace {

/// Rejects a password in the --proxy argument: all users of the machine can read command lines.
Result<void> check_given_proxy(CLI::App& command) {
  const CLI::Option* const proxy = command.get_option_no_throw("--proxy");
  if (proxy == nullptr || proxy->count() == 0 || !has_password(proxy->results().back())) return {};
  return Error{
      ErrorKind::usage,
      "--proxy: a password cannot be an argument, which every user of the machine can read "
      "in the process list; set the environment variable SLUICE_PROXY or https_proxy, or "
      "'proxy' in ~/.config/sluice/config.toml"};
}

}  // namespace

CommandTable::CommandTable()
    : app_("Uploads files of any size into the Illinois Data Bank.", "sluice") {
  app_.formatter(std::make_shared<command_line::HelpFormatter>());
  app_.set_version_flag("--version", "sluice " SLUICE_VERSION)
      ->description("Print the version and exit.");
  app_.get_help_ptr()->description("Print this help and exit.");
  app_.require_subcommand(1);
  app_.footer("Options of a command: sluice COMMAND --help. Manual: man sluice");
  add_configuration(app_, choice_);
  // Accepts --config and --profile after the command, too.
  app_.fallthrough();
  commands_ = {
      {&add_put(app_, put_), [this] { return put(put_); }},
      {&add_run(app_, run_), [this] { return run(run_); }},
      {&add_batch(app_, batch_), [this] { return batch(batch_); }},
      {&add_resume(app_, resume_), [this] { return resume(resume_); }},
      {&add_status(app_, status_), [this] { return status(status_); }},
      {&add_forget(app_, forget_), [this] { return forget(forget_); }},
      {&add_verify(app_, verify_), [this] { return verify(verify_); }},
      {&add_check(app_, check_), [this] { return check(check_); }},
      {&add_token(app_, token_), [this] { return token(token_); }},
      {&add_manifest(app_, manifest_), [this] { return manifest(manifest_); }},
      {&add_config(app_, config_), [this] { return config(config_); }},
      {&add_completion(app_, completion_), [this] { return completion(completion_, app_); }},
  };
  for (const Command& command : commands_) command_line::unmark_values(*command.app);
}

const Command* CommandTable::find(std::string_view name) const {
  const auto found = std::find_if(commands_.begin(), commands_.end(), [&](const Command& command) {
    return command.app->get_name() == name;
  });
  return found == commands_.end() ? nullptr : &*found;
}

const Command* CommandTable::parsed() const {
  const auto found = std::find_if(commands_.begin(), commands_.end(),
                                  [](const Command& command) { return command.app->parsed(); });
  return found == commands_.end() ? nullptr : &*found;
}

KnownOptions CommandTable::known() const {
  const auto has = [](const Command& command, std::string_view option) {
    const std::vector<std::string> names = configurable(*command.app);
    return std::find(names.begin(), names.end(), option) != names.end();
  };
  return {.command = [this](std::string_view name) { return find(name) != nullptr; },
          .option =
              [this, has](std::string_view name, std::string_view option) {
                return std::any_of(commands_.begin(), commands_.end(), [&](const Command& command) {
                  return (name.empty() || command.app->get_name() == name) && has(command, option);
                });
              }};
}

Result<void> CommandTable::configure(const Configuration& configuration) {
  token_.server_was_given = !token_.url.empty() || !token_.system.empty();
  config_.words = find("config")->app->remaining();
  TRY(check_given_proxy(*parsed()->app));
  set_server_configured(!configuration.of("put", {"url", "system"}).empty());
  TRY_ASSIGN(const auto applied, apply(*parsed()->app, configuration));
  record_origins(applied);
  batch_.arguments = run_arguments();
  // A limit configured for `run` is also divided among the tasks; otherwise each task would have
  // all of it.
  if (std::string& limit = batch_.run.upload.limit_rate; limit.empty())
    if (const auto setting = configuration.of("run", {"limit-rate"}); !setting.empty())
      limit = setting.front().values.front();
  return {};
}

std::vector<std::string> CommandTable::run_arguments() const {
  const std::vector<std::string> of_run = configurable(*find("run")->app);
  std::vector<std::string> arguments;
  const auto add = [&](const std::string& option, const std::string& value) {
    if (!value.empty()) arguments.insert(arguments.end(), {option, value});
  };
  add("--config", choice_.file);
  add("--profile", choice_.profile);
  for (const CLI::Option* const option : find("batch")->app->get_options()) {
    if (option->count() == 0 || option->get_lnames().empty()) continue;
    const std::string& name = option->get_lnames().front();
    if (std::find(of_run.begin(), of_run.end(), name) == of_run.end()) continue;
    // Options that `batch` sets itself, or that `run` must not have in a shard.
    static constexpr std::array<std::string_view, 11> excluded_options{
        "limit-rate", "retries", "token-wait", "state-dir", "system",  "url",
        "format",     "json",    "quiet",      "verbose",   "progress"};
    if (std::find(excluded_options.begin(), excluded_options.end(), name) != excluded_options.end())
      continue;
    const std::string value = command_line::unmarked(option->results().back());
    if (name == "proxy" && has_password(value)) continue;  // the shards read the configuration, too
    const auto excluded = option->get_excludes();
    if (!is_flag(*option))
      add("--" + name, value);
    else if (value != "false")
      arguments.push_back("--" + name);
    else if (std::none_of(excluded.begin(), excluded.end(),
                          [](const CLI::Option* other) { return other->count() > 0; }))
      arguments.push_back("--" + name + "=false");  // overrides a configured value
  }
  return arguments;
}

void CommandTable::record_origins(const std::vector<ConfiguredOption>& applied) {
  for (NetworkOptions* const network :
       {&put_.upload.network, &run_.upload.network, &batch_.run.upload.network,
        &resume_.upload.network, &forget_.network, &check_.network})
    for (const auto& [option, from] :
         {std::pair("ca-file", &network->ca_file_from), std::pair("ca-dir", &network->ca_dir_from),
          std::pair("proxy", &network->proxy_from)})
      for (const ConfiguredOption& setting : applied)
        if (setting.option == option)
          *from = setting.variable.empty() ? setting.origin() : setting.variable;
}

}  // namespace sluice::cli
