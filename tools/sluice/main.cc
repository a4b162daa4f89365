// The command line: what `sluice` understands, and which function does it.
#include <fcntl.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <functional>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/text.h"
#include "tools/command_line/help_formatter.h"
#include "tools/command_line/usage_error.h"
#include "tools/sluice/display/report_text.h"
#include "tools/sluice/options.h"
#include "tools/sluice/process/memory.h"
#include "tools/sluice/process/open_files.h"

namespace {

using sluice::cli::CheckOptions;
using sluice::cli::ForgetOptions;
using sluice::cli::ManifestOptions;
using sluice::cli::PutOptions;
using sluice::cli::ResumeOptions;
using sluice::cli::RunOptions;
using sluice::cli::StatusOptions;
using sluice::cli::TokenOptions;
using sluice::cli::VerifyOptions;
using sluice::command_line::UnexpectedWords;
using sluice::command_line::usage_error;

constexpr int usage_code = 2;

/// CLI11 takes "[x]" for a list of values, also where it is a file's name. So such words get a mark
/// in front on their way through it, as do those that start with the mark themselves.
constexpr char mark = '\x01';

std::vector<std::string> masked(int argc, char** argv) {
  std::vector<std::string> words;
  for (int i = argc - 1; i > 0; --i) {  // last first, as CLI11 wants them
    const std::string word = argv[i];
    const bool list = word.size() > 1 && word.front() == '[' && word.back() == ']';
    words.push_back(list || (!word.empty() && word.front() == mark) ? mark + word : word);
  }
  return words;
}

/// Takes the marks away before anything else looks at a value.
void unmask_values(CLI::App& app) {
  const auto unmask = [](std::string& word) {
    if (!word.empty() && word.front() == mark) word.erase(0, 1);
    return std::string();
  };
  for (CLI::Option* const option : app.get_options()) option->transform(CLI::Validator(unmask, ""));
}

/// For what prints with stdio and has no other result.
int written(int code) {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return code;
  std::fputs("sluice: cannot write the result to standard output\n", stderr);
  return code == 0 ? 1 : code;
}

int run(int argc, char** argv) {
  CLI::App app("Uploads files of any size into the Illinois Data Bank.", "sluice");
  app.formatter(std::make_shared<sluice::command_line::HelpFormatter>());
  app.set_version_flag("--version", "sluice " SLUICE_VERSION)
      ->description("Print the version and exit.");
  app.get_help_ptr()->description("Print this help and exit.");
  app.require_subcommand(1);
  app.footer("Options of a command: sluice COMMAND --help. Manual: man sluice");
  std::string command = "sluice";
  const auto what_is_wrong = [&](const CLI::Error& error) -> std::string {
    if (argc < 2) return "a command is required";
    if (command == "sluice" && argv[1][0] != '-')
      return "'" + sluice::printable(argv[1]) + "' is not a command";
    // What follows `token add DATASET` is a token.
    const bool secret = command == "sluice token";
    std::string text =
        usage_error(app, error, secret ? UnexpectedWords::hidden : UnexpectedWords::shown);
    std::erase(text, mark);
    if (secret && dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr)
      text +=
          "; a token cannot be an argument: sluice asks for the token, or reads it from standard "
          "input";
    return sluice::printable(text);
  };
  app.failure_message([&](const CLI::App*, const CLI::Error& error) {
    return "sluice: " + what_is_wrong(error) + "; see " + command + " --help\n";
  });
  PutOptions put;
  RunOptions run;
  ResumeOptions resume;
  StatusOptions status;
  ForgetOptions forget;
  VerifyOptions verify;
  CheckOptions check;
  TokenOptions token;
  ManifestOptions manifest;
  const std::vector<std::pair<CLI::App*, std::function<int()>>> commands{
      {&sluice::cli::add_put(app, put), [&] { return sluice::cli::put(put); }},
      {&sluice::cli::add_run(app, run), [&] { return sluice::cli::run(run); }},
      {&sluice::cli::add_resume(app, resume), [&] { return sluice::cli::resume(resume); }},
      {&sluice::cli::add_status(app, status), [&] { return written(sluice::cli::status(status)); }},
      {&sluice::cli::add_forget(app, forget), [&] { return sluice::cli::forget(forget); }},
      {&sluice::cli::add_verify(app, verify), [&] { return sluice::cli::verify(verify); }},
      {&sluice::cli::add_check(app, check), [&] { return sluice::cli::check(check); }},
      {&sluice::cli::add_token(app, token), [&] { return sluice::cli::token(token); }},
      {&sluice::cli::add_manifest(app, manifest), [&] { return sluice::cli::manifest(manifest); }},
  };
  for (const auto& [subcommand, work] : commands) {
    unmask_values(*subcommand);
    if (argc > 1 && subcommand->get_name() == argv[1]) command += " " + subcommand->get_name();
  }
  try {
    sluice::command_line::refuse_empty_values(argc, argv);
    app.parse(masked(argc, argv));
  } catch (const CLI::ParseError& error) {
    // --help and --version come this way too, with code 0.
    if (app.exit(error) == 0) return written(0);
    if (std::find(argv, argv + argc, std::string_view("--json")) != argv + argc)
      std::puts(
          sluice::cli::json_report(sluice::Error{sluice::ErrorKind::usage, what_is_wrong(error)})
              .c_str());
    return usage_code;
  }
  for (const auto& [subcommand, work] : commands)
    if (subcommand->parsed()) return work();
  return usage_code;
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
