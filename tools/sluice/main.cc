// The command line: what `sluice` understands, and which function does it.
#include <fcntl.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tools/sluice/put.h"
#include "tools/sluice/report_text.h"
#include "tools/sluice/verify.h"

namespace {

using sluice::ReadMode;
using sluice::cli::ProgressMode;
using sluice::cli::PutOptions;

constexpr int usage_error = 2;

/// An option that takes one of some words. CLI11's own would show the numbers behind them.
template <class Value>
CLI::Option* add_choice(CLI::App& app, const std::string& name, Value& value,
                        const std::vector<std::pair<std::string, Value>>& choices,
                        const std::string& description) {
  return app.add_option(
      name,
      [&value, choices, name](const CLI::results_t& words) {
        for (const auto& [word, meaning] : choices)
          if (word == words.back()) {
            value = meaning;
            return true;
          }
        std::string known;
        for (const auto& [word, meaning] : choices) known += (known.empty() ? "" : ", ") + word;
        throw CLI::ValidationError(name, "'" + words.back() + "' is none of " + known);
      },
      description);
}

/// A value from an unset shell variable is not the same as none: --url "" must not mean production.
const CLI::Validator not_empty(
    [](std::string& value) {
      return value.empty() ? std::string("an empty value") : std::string();
    },
    "");

void add_put(CLI::App& app, PutOptions& options) {
  CLI::App* const put = app.add_subcommand("put", "Upload files into a draft dataset");
  put->add_option("DATASET", options.dataset, "Key of the draft dataset, for example IDB-1234567")
      ->required();
  put->add_option("FILE", options.files, "Files to upload, one after the other")->required();

  auto* const system =
      put->add_option("--system", options.system, "production (default), demo or local")
          ->check(CLI::IsMember({"production", "demo", "local"}).description(""))
          ->type_name("NAME");
  put->add_option("--url", options.url, "Address of another Data Bank (or SLUICE_URL)")
      ->type_name("URL")
      ->check(not_empty)
      ->excludes(system);
  put->add_option(
         "--token-file", options.token_file,
         "File with the dataset's token, readable by you only; - is stdin (or SLUICE_TOKEN)")
      ->type_name("PATH")
      ->check(not_empty);
  put->add_option("--name", options.name, "Deposit under this name (one FILE)")
      ->type_name("NAME")
      ->check(not_empty);
  put->add_option("--protocol", "auto or phased, which are the same for now")
      ->check(CLI::IsMember({"auto", "phased"}).description(""))
      ->type_name("NAME");
  add_choice<ReadMode>(*put, "--read", options.read_mode,
                       {{"auto", ReadMode::automatic},
                        {"direct", ReadMode::direct},
                        {"mmap", ReadMode::mmap},
                        {"buffered", ReadMode::buffered}},
                       "auto (default), direct (O_DIRECT), mmap or buffered")
      ->type_name("MODE");
  put->add_option("--pool", options.pool, "Memory for all blocks together (64M)")
      ->type_name("SIZE");
  put->add_option("--block", options.block, "Bytes read and checked at a time (4M)")
      ->type_name("SIZE");
  put->add_option("--chunk", options.chunk, "Bytes of the file in one request (64M)")
      ->type_name("SIZE");
  put->add_option("--limit-rate", options.limit_rate, "Bytes a second at most, for example 50M")
      ->type_name("RATE")
      ->check(not_empty);
  put->add_option("--stall-timeout", options.stall_timeout,
                  "Give up after so many seconds without a byte moving (60)")
      ->check(CLI::Range(1U, 86400U))
      ->type_name("SECONDS");
  put->add_option("--response-timeout", options.response_timeout,
                  "Give up after so many seconds without an answer (120, and 600 to register)")
      ->check(CLI::Range(1U, 86400U))
      ->type_name("SECONDS");
  put->add_flag("--insecure-http", options.insecure_http,
                "Allow http to another machine: everyone on the way sees the token");
  put->add_flag("--json", options.json, "The report as one JSON object on stdout");
  add_choice<ProgressMode>(
      *put, "--progress", options.console.progress,
      {{"auto", ProgressMode::automatic},
       {"always", ProgressMode::always},
       {"never", ProgressMode::never}},
      "auto (a live line on a terminal, else a line now and then), always live, or never")
      ->type_name("WHEN");
  auto* const quiet = put->add_flag("-q,--quiet", options.console.quiet, "Errors only");
  put->add_flag("-v,--verbose", options.console.verbose, "Say what is chosen, and why")
      ->excludes(quiet);
  put->add_flag("--dry-run", options.dry_run, "Check all that can be checked, and send no file");
  put->footer(
      "SIZE and RATE: 65536, 64M, 64MiB (powers of 1024) or 64MB (powers of 1000).\n"
      "Exit codes: 0 all registered, 1 failed, 2 usage, 3 token refused, 4 no such draft dataset,\n"
      "5 name taken, 6 local file, 7 server or network unreachable, 8 integrity.");
}

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

void unmask(std::string& word) {
  if (!word.empty() && word.front() == mark) word.erase(0, 1);
}

void unmask(PutOptions& options) {
  for (std::string* const word :
       {&options.dataset, &options.system, &options.url, &options.token_file, &options.name,
        &options.pool, &options.block, &options.chunk, &options.limit_rate})
    unmask(*word);
  for (std::string& file : options.files) unmask(file);
}

int run(int argc, char** argv) {
  CLI::App app("Uploads files of any size into the Illinois Data Bank.", "sluice");
  app.set_version_flag("--version", "sluice " SLUICE_VERSION);
  app.require_subcommand(1);
  app.failure_message([](const CLI::App* program, const CLI::Error& error) {
    std::string command = "sluice ";
    for (const CLI::App* const known : program->get_subcommands())
      command += known->get_name() + " ";
    return std::string("sluice: ") + error.what() + "; see " + command + "--help\n";
  });
  PutOptions options;
  add_put(app, options);
  sluice::cli::VerifyOptions verify_options;
  const CLI::App* const verify = sluice::cli::add_verify(app, verify_options);
  try {
    app.parse(masked(argc, argv));
  } catch (const CLI::ParseError& error) {
    // --help and --version come this way too, with code 0.
    if (app.exit(error) == 0) return 0;
    if (std::find(argv, argv + argc, std::string_view("--json")) != argv + argc)
      std::puts(sluice::cli::json_report({}, sluice::Error{sluice::ErrorKind::usage, error.what()})
                    .c_str());
    return usage_error;
  }
  if (verify->parsed()) {
    unmask(verify_options.receipt);
    unmask(verify_options.file);
    return sluice::cli::verify(verify_options);
  }
  unmask(options);
  return sluice::cli::put(options);
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
  try {
    return run(argc, argv);
  } catch (const std::exception& bug) {
    // Errors are values everywhere; what comes here is a bug or an exhausted machine.
    std::fprintf(stderr, "sluice: internal error: %s; nothing was registered unless said above\n",
                 bug.what());
    return 1;
  }
}
