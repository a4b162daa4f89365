// The command line: what `sluice` understands, and which function does it.
#include <fcntl.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <new>
#include <string>
#include <string_view>

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

/// `code`, unless what was printed with stdio could not be written.
int written(int code) {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return code;
  std::fputs("sluice: cannot write the result to standard output\n", stderr);
  return code == 0 ? 1 : code;
}

/// Says what is wrong before anything was done, to a reader of --json too. `advice`: what to do,
/// for a person.
int refused(const std::string& message, const std::string& advice, bool json) {
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
  const auto what_is_wrong = [&](const CLI::Error& error) -> std::string {
    if (argc < 2) return "a command is required";
    if (command().empty() && argv[1][0] != '-')
      return "'" + std::string(argv[1]) + "' is not a command";
    // What follows `token add DATASET` is a token.
    const bool secret = command() == "token";
    std::string text =
        usage_error(app, error, secret ? UnexpectedWords::hidden : UnexpectedWords::shown);
    sluice::command_line::erase_marks(text);
    if (secret && dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr)
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
    return written(0);
  } catch (const CLI::ParseError& error) {
    const std::string name = command();
    return refused(what_is_wrong(error),
                   "; see sluice " + (name.empty() ? "" : name + " ") + "--help", json);
  }
  // It is installed where nothing is configured yet, and must not depend on that.
  if (table.parsed()->app->get_name() == "completion") return written(table.parsed()->work());
  const auto configuration = sluice::cli::Configuration::load(table.choice(), table.known());
  if (!configuration) return refused(configuration.error().message, "", json);
  if (const auto configured = table.configure(*configuration); !configured)
    return refused(configured.error().message, "", json);
  return written(table.parsed()->work());
}

/// Some programs start others with these closed. The next socket or file would get the number, and
/// what is meant for a person would go into an upload.
void fill_standard_streams() {
  for (int fd = 0; fd <= 2; ++fd)
    // The lowest free number is the one that is missing.
    if (fcntl(fd, F_GETFD) < 0) static_cast<void>(open("/dev/null", O_RDWR));
}

}  // namespace

int main(int argc, char** argv) {
  fill_standard_streams();
  sluice::cli::prepare_for_little_memory();
  sluice::cli::raise_open_files_limit();
  signal(SIGTTOU, SIG_IGN);  // `stty tostop` does not stop a background job that says something
  signal(SIGXFSZ, SIG_IGN);  // a limit on file sizes is an error of the journal's, not the end
  try {
    return run(argc, argv);
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "sluice: %s; list unfinished uploads with: sluice status\n",
                 sluice::cli::out_of_memory_error().message.c_str());
    return 1;
  } catch (const std::exception& bug) {
    // Errors are values everywhere; what comes here is a bug or an exhausted machine.
    std::fprintf(stderr,
                 "sluice: internal error: %s; list unfinished uploads with: sluice status\n",
                 bug.what());
    return 1;
  }
}
