#include "tools/sluice/command_table.h"

#include <algorithm>
#include <cstdio>
#include <memory>

#include "tools/command_line/help_formatter.h"
#include "tools/command_line/list_mark.h"

namespace sluice::cli {

CommandTable::CommandTable()
    : app_("Uploads files of any size into the Illinois Data Bank.", "sluice") {
  app_.formatter(std::make_shared<command_line::HelpFormatter>());
  app_.set_version_flag("--version", "sluice " SLUICE_VERSION)
      ->description("Print the version and exit.");
  app_.get_help_ptr()->description("Print this help and exit.");
  app_.require_subcommand(1);
  app_.footer("Options of a command: sluice COMMAND --help. Manual: man sluice");
  commands_ = {
      {&add_put(app_, put_), [this] { return put(put_); }},
      {&add_run(app_, run_), [this] { return run(run_); }},
      {&add_resume(app_, resume_), [this] { return resume(resume_); }},
      {&add_status(app_, status_), [this] { return status(status_); }},
      {&add_forget(app_, forget_), [this] { return forget(forget_); }},
      {&add_verify(app_, verify_), [this] { return verify(verify_); }},
      {&add_check(app_, check_), [this] { return check(check_); }},
      {&add_token(app_, token_), [this] { return token(token_); }},
      {&add_manifest(app_, manifest_), [this] { return manifest(manifest_); }},
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

}  // namespace sluice::cli
