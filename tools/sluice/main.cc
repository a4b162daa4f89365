// The command line: what `sluice` understands, and which function does it.
#include <fcntl.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <functional>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tools/sluice/check.h"
#include "tools/sluice/forget.h"
#include "tools/sluice/memory.h"
#include "tools/sluice/open_files.h"
#include "tools/sluice/put.h"
#include "tools/sluice/report_text.h"
#include "tools/sluice/resume.h"
#include "tools/sluice/status.h"
#include "tools/sluice/verify.h"

namespace {

using sluice::ProtocolKind;
using sluice::ReadMode;
using sluice::VerifyChunks;
using sluice::cli::CheckOptions;
using sluice::cli::ForgetOptions;
using sluice::cli::ProgressMode;
using sluice::cli::PutOptions;
using sluice::cli::ResumeOptions;
using sluice::cli::StatusOptions;
using sluice::cli::TokenFileMode;
using sluice::cli::UploadOptions;
using sluice::cli::VerifyOptions;

constexpr int usage_error = 2;

constexpr const char* exit_codes =
    "Exit codes: 0 all registered, 1 failed, 2 usage, 3 token refused, 4 no such draft dataset,\n"
    "5 name taken, 6 local file, 7 server or network unreachable, 8 integrity,\n"
    "128 and the number of the signal that stopped it: 130 Ctrl-C, 143 SIGTERM, 138 SIGUSR1,\n"
    "140 SIGUSR2, 152 SIGXCPU.";

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

CLI::Option* add_text(CLI::App& app, const std::string& name, std::string& value,
                      const std::string& type, const std::string& description) {
  return app.add_option(name, value, description)->type_name(type)->check(not_empty);
}

void add_state_dir(CLI::App& app, std::string& value) {
  add_text(app, "--state-dir", value, "DIR",
           "Where the journal is ($XDG_STATE_HOME/sluice, or ~/.local/state/sluice)");
}

void add_ca_file(CLI::App& app, std::string& value) {
  add_text(app, "--ca-file", value, "FILE",
           "Trust the certificate authorities in this PEM file, and no others (or SSL_CERT_FILE)");
}

void add_token_file_mode(CLI::App& app, TokenFileMode& value) {
  add_choice<TokenFileMode>(
      app, "--token-file-mode", value,
      {{"strict", TokenFileMode::strict}, {"any", TokenFileMode::any}},
      "strict (default): not one that all users of the machine can read; any: a warning")
      ->type_name("WHICH");
}

/// The options of put and of resume.
void add_upload_options(CLI::App& app, UploadOptions& options) {
  add_text(app, "--token-file", options.token_file, "PATH",
           "File with the dataset's token, readable by you only; - is stdin (or SLUICE_TOKEN)");
  add_token_file_mode(app, options.token_file_mode);
  add_text(app, "--token-wait", options.token_wait, "TIME",
           "When the token is refused, wait so long for another one in --token-file: 90s, 12h (0)");
  app.add_option("--retries", options.retries,
                 "Failures in a row, without a new byte at the server, that are survived (10)")
      ->check(CLI::Range(0U, 1000000U))
      ->type_name("N");
  add_choice<ReadMode>(app, "--read", options.read_mode,
                       {{"auto", ReadMode::automatic},
                        {"direct", ReadMode::direct},
                        {"mmap", ReadMode::mmap},
                        {"buffered", ReadMode::buffered}},
                       "auto (default), direct (O_DIRECT), mmap or buffered")
      ->type_name("MODE");
  add_text(app, "--pool", options.pool, "SIZE", "Memory for all blocks together (64M)");
  add_text(app, "--block", options.block, "SIZE", "Bytes read and checked at a time (4M)");
  add_text(app, "--chunk", options.chunk, "SIZE",
           "Bytes of the file in one request, or auto: as many as make it faster (auto)");
  add_text(app, "--lookahead", options.lookahead, "N",
           "Chunks that are sent ahead of the one that the server is at, 0 to 16, or auto (auto)");
  add_text(app, "--lanes", options.lanes, "N",
           "tus: parts of a file that travel side by side, 0 to 16, or auto (auto)");
  add_choice<VerifyChunks>(
      app, "--verify-chunks", options.verify_chunks,
      {{"auto", VerifyChunks::automatic}, {"on", VerifyChunks::on}, {"off", VerifyChunks::off}},
      "tus: a checksum with each chunk, on, off, or auto (auto)")
      ->type_name("WHEN");
  app.add_option("--transfers", options.transfers,
                 "Files that are uploaded at a time, 1 to 64; phased: one a dataset (4)")
      ->check(CLI::Range(1U, 64U))
      ->type_name("N");
  add_text(app, "--limit-rate", options.limit_rate, "RATE",
           "Bytes a second at most, for example 50M");
  app.add_option("--stall-timeout", options.stall_timeout,
                 "A request has failed after so many seconds without a byte moving (60)")
      ->check(CLI::Range(1U, 86400U))
      ->type_name("SECONDS");
  app.add_option("--response-timeout", options.response_timeout,
                 "... or without an answer (120, and 600 to register)")
      ->check(CLI::Range(1U, 86400U))
      ->type_name("SECONDS");
  add_text(
      app, "--register-wait", options.register_wait, "TIME",
      "After a lost answer to the registration, or to the joining of parts: how long the server "
      "may still be at it, before it is asked again (30s, and 5s more for each GB)");
  app.add_flag("--verify-prefix", options.verify_prefix,
               "When going on: read again what was sent before, meanwhile, and compare");
  add_text(app, "--digest", options.digests, "NAMES",
           "More digests for the receipt: md5, sha256, or both with a comma");
  add_text(app, "--receipt", options.receipts, "DIR", "Write NAME.sluice.json there");
  add_text(app, "--sums", options.sums, "FILE",
           "Append lines for xxhsum -c, md5sum -c and sha256sum -c");
  add_state_dir(app, options.state_dir);
  app.add_flag("--no-journal", options.no_journal,
               "Write nothing down: what is interrupted cannot be resumed");
  app.add_flag("--insecure-http", options.insecure_http,
               "Allow http to another machine: everyone on the way sees the token");
  add_ca_file(app, options.ca_file);
  app.add_flag("--json", options.json, "The report as one JSON object on stdout");
  add_choice<ProgressMode>(
      app, "--progress", options.console.progress,
      {{"auto", ProgressMode::automatic},
       {"always", ProgressMode::always},
       {"never", ProgressMode::never}},
      "auto (a live line on a terminal, else a line now and then), always live, or never")
      ->type_name("WHEN");
  auto* const quiet = app.add_flag("-q,--quiet", options.console.quiet, "Errors only");
  app.add_flag("-v,--verbose", options.console.verbose, "Say what is chosen, and why")
      ->excludes(quiet);
}

CLI::App& add_put(CLI::App& app, PutOptions& options) {
  CLI::App& put = *app.add_subcommand(
      "put", "Upload files into a draft dataset, or go on where an upload of them ended");
  put.add_option("DATASET", options.dataset, "Key of the draft dataset, for example IDB-1234567")
      ->required();
  put.add_option("FILE", options.files, "Files to upload")->required();
  auto* const system =
      put.add_option("--system", options.system, "production (default), demo or local")
          ->check(CLI::IsMember({"production", "demo", "local"}).description(""))
          ->type_name("NAME");
  add_text(put, "--url", options.url, "URL", "Address of another Data Bank (or SLUICE_URL)")
      ->excludes(system);
  add_text(put, "--name", options.name, "NAME", "Deposit under this name (one FILE)");
  add_choice<ProtocolKind>(put, "--protocol", options.protocol,
                           {{"auto", ProtocolKind::automatic},
                            {"phased", ProtocolKind::phased},
                            {"tus", ProtocolKind::tus},
                            {"binary", ProtocolKind::binary}},
                           "auto (default: the server is asked), phased, tus or binary")
      ->type_name("NAME");
  auto* const restart =
      put.add_flag("--restart", options.restart, "Send anew what was sent of them before");
  put.add_flag("--dry-run", options.dry_run, "Check all that can be checked, and send no file")
      ->excludes(restart);
  add_upload_options(put, options.upload);
  put.footer(
      std::string("SIZE and RATE: 65536, 64M, 64MiB (powers of 1024) or 64MB (powers of 1000).\n") +
      exit_codes);
  return put;
}

CLI::App& add_resume(CLI::App& app, ResumeOptions& options) {
  CLI::App& resume = *app.add_subcommand("resume", "Go on with uploads that are unfinished");
  resume.add_option("DATASET", options.dataset, "Only those into this dataset");
  resume.add_option("NAME", options.name, "Only the one of this name");
  resume.add_flag("--all", options.all, "All that are unfinished, oldest first");
  resume.add_flag("--register", options.register_again,
                  "Register those of which it is not known whether they are: look first");
  add_upload_options(resume, options.upload);
  resume.footer(exit_codes);
  return resume;
}

CLI::App& add_status(CLI::App& app, StatusOptions& options) {
  CLI::App& status = *app.add_subcommand("status", "List uploads that are unfinished");
  status.add_flag("--all", options.all, "Those that are registered or given up, too");
  status.add_flag("--json", options.json, "As one JSON object, with the receipts");
  add_state_dir(status, options.state_dir);
  return status;
}

CLI::App& add_forget(CLI::App& app, ForgetOptions& options) {
  CLI::App& forget = *app.add_subcommand(
      "forget", "Give up an unfinished upload, at the server too where it is tus");
  forget.add_option("DATASET", options.dataset, "Key of its dataset")->required();
  forget.add_option("NAME", options.name, "Its name in the dataset")->required();
  add_text(forget, "--token-file", options.token_file, "PATH",
           "File with the dataset's token, for what a tus server has of it to be deleted there; - "
           "is stdin (that of the upload, or SLUICE_TOKEN)");
  add_token_file_mode(forget, options.token_file_mode);
  add_state_dir(forget, options.state_dir);
  forget.add_flag("--insecure-http", options.insecure_http,
                  "Allow http to another machine: everyone on the way sees the token");
  add_ca_file(forget, options.ca_file);
  forget.footer(
      "Exit codes: 0 forgotten, and deleted at the server where it is tus and can do so;\n"
      "2 no such upload; 1 it is being uploaded, or the journal cannot be written.\n"
      "Forgotten as well, but what the server has stays until it expires: 1 it refuses,\n"
      "2 no token, 3 token refused, 4 no such draft dataset, 7 server unreachable.");
  return forget;
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
  std::fputs("sluice: the result could not be written to standard output\n", stderr);
  return code == 0 ? 1 : code;
}

int run(int argc, char** argv) {
  CLI::App app("Uploads files of any size into the Illinois Data Bank.", "sluice");
  app.set_version_flag("--version", "sluice " SLUICE_VERSION);
  app.require_subcommand(1);
  std::string command = "sluice";
  app.failure_message([&](const CLI::App*, const CLI::Error& error) {
    return std::string("sluice: ") + error.what() + "; see " + command + " --help\n";
  });
  PutOptions put;
  ResumeOptions resume;
  StatusOptions status;
  ForgetOptions forget;
  VerifyOptions verify;
  CheckOptions check;
  const std::vector<std::pair<CLI::App*, std::function<int()>>> commands{
      {&add_put(app, put), [&] { return sluice::cli::put(put); }},
      {&add_resume(app, resume), [&] { return sluice::cli::resume(resume); }},
      {&add_status(app, status), [&] { return written(sluice::cli::status(status)); }},
      {&add_forget(app, forget), [&] { return sluice::cli::forget(forget); }},
      {sluice::cli::add_verify(app, verify), [&] { return sluice::cli::verify(verify); }},
      {sluice::cli::add_check(app, check), [&] { return sluice::cli::check(check); }},
  };
  for (const auto& [subcommand, work] : commands) {
    unmask_values(*subcommand);
    if (argc > 1 && subcommand->get_name() == argv[1]) command += " " + subcommand->get_name();
  }
  try {
    app.parse(masked(argc, argv));
  } catch (const CLI::ParseError& error) {
    // --help and --version come this way too, with code 0.
    if (app.exit(error) == 0) return written(0);
    if (std::find(argv, argv + argc, std::string_view("--json")) != argv + argc)
      std::puts(sluice::cli::json_report({}, sluice::Error{sluice::ErrorKind::usage, error.what()})
                    .c_str());
    return usage_error;
  }
  for (const auto& [subcommand, work] : commands)
    if (subcommand->parsed()) return work();
  return usage_error;
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
    std::fprintf(stderr, "sluice: %s; 'sluice status' knows how far it got\n",
                 sluice::cli::out_of_memory_error().message.c_str());
    return 1;
  } catch (const std::exception& bug) {
    // Errors are values everywhere; what comes here is a bug or an exhausted machine.
    std::fprintf(stderr, "sluice: internal error: %s; 'sluice status' knows how far it got\n",
                 bug.what());
    return 1;
  }
}
