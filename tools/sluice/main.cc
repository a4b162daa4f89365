// The program's entry point: parses the command line and runs the command.
#include <fcntl.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <system_error>

#include "engine/base/text.h"
#include "tools/command_line/list_mark.h"
#include "tools/command_line/usage_error.h"
#include "tools/sluice/command_table.h"
#include "tools/sluice/display/report_text.h"
#include "tools/sluice/process/memory.h"
#include "tools/sluice/process/open_files.h"

namespace {

using sluice::command_line::UnexpectedWords;
using sluice::command_line::usage_error;

constexpr int usage_code = 2;

/// Returns `code`, or an error code if the output of stdio could not be written.
int flush_stdout(int code) {
  errno = 0;
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return code;
  // Without an errno, an earlier write has failed.
  const std::string why = errno == 0 ? "" : ": " + std::system_category().message(errno);
  std::fprintf(stderr, "sluice: cannot write the result to standard output%s\n", why.c_str());
  return code == 0 ? 1 : code;
}

/// Reports an error that occurred before the command ran, also as JSON with --json. `advice`: what
/// to do, for text output.
int fail_with_usage_error(const std::string& message, const std::string& advice, bool json) {
  const std::string text = sluice::printable(message);
  std::fprintf(stderr, "sluice: %s%s\n", text.c_str(), advice.c_str());
  if (json)
    std::puts(sluice::cli::json_report(sluice::Error{sluice::ErrorKind::usage, text}).c_str());
  return usage_code;
}

int run(int argc, char** argv) {
  sluice::cli::CommandTable table;
  CLI::App& app = table.app();
  const bool json = std::find(argv, argv + argc, std::string_view("--json")) != argv + argc;
  const auto command = [&]() -> std::string {
    if (const sluice::cli::Command* const parsed = table.parsed()) return parsed->app->get_name();
    return argc > 1 && table.find(argv[1]) != nullptr ? argv[1] : "";
  };
  const auto error_text = [&](const CLI::Error& error) -> std::string {
    if (argc < 2) return "a command is required";
    if (command().empty() && argv[1][0] != '-')
      return "'" + std::string(argv[1]) + "' is not a command";
    // The argument after `token add DATASET` may be a token: do not print it.
    const bool hide_words = command() == "token";
    std::string text =
        usage_error(app, error, hide_words ? UnexpectedWords::hidden : UnexpectedWords::shown);
    sluice::command_line::erase_marks(text);
    if (hide_words && dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr)
      text +=
          "; a token cannot be an argument: sluice asks for the token, or reads it from standard "
          "input";
    return text;
  };
  try {
    sluice::command_line::refuse_empty_values(argc, argv);
    app.parse(sluice::command_line::marked_words(argc, argv));
  } catch (const CLI::Success& success) {  // --help and --version
    app.exit(success);
    return flush_stdout(0);
  } catch (const CLI::ParseError& error) {
    const std::string name = command();
    return fail_with_usage_error(
        error_text(error), "; see sluice " + (name.empty() ? "" : name + " ") + "--help", json);
  }
  // Completion scripts are installed before anything is configured, and must not depend on a
  // configuration.
  if (table.parsed()->app->get_name() == "completion") return flush_stdout(table.parsed()->work());
  const auto configuration = sluice::cli::Configuration::load(table.choice(), table.known());
  if (!configuration) return fail_with_usage_error(configuration.error().message, "", json);
  if (const auto configured = table.configure(*configuration); !configured)
    return fail_with_usage_error(configured.error().message, "", json);
  return flush_stdout(table.parsed()->work());
}

/// Opens /dev/null for standard streams that the parent process closed. Otherwise a socket or file
/// would get their number, and messages to the user would be written into it.
void open_missing_standard_streams() {
  for (int fd = 0; fd <= 2; ++fd)
    // open() returns the lowest free number, which is the missing one.
    if (fcntl(fd, F_GETFD) < 0) static_cast<void>(open("/dev/null", O_RDWR));
}

}  // namespace

int main(int argc, char** argv) {
  open_missing_standard_streams();
  sluice::cli::prepare_for_low_memory();
  sluice::cli::raise_open_files_limit();
  signal(SIGTTOU, SIG_IGN);  // a background job may write to the terminal despite `stty tostop`
  signal(SIGXFSZ, SIG_IGN);  // a limit on file sizes is an error of the write, not the end of the
                             // process
  try {
    return run(argc, argv);
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "sluice: %s; list unfinished uploads with: sluice status\n",
                 sluice::cli::out_of_memory_error().message.c_str());
    return 1;
  } catch (const std::exception& bug) {
    // Exceptions are bugs or exhausted resources; all other errors are values.
    std::fprintf(stderr,
                 "sluice: internal error: %s; list unfinished uploads with: sluice status\n",
                 bug.what());
    return 1;
  }
}
