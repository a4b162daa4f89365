// The option table: the options of each command with their defaults and help texts. Those that
// several commands take are in shared_options.cc.
#include "tools/sluice/options.h"

#include <CLI/CLI.hpp>
#include <string>

#include "tools/command_line/option_kinds.h"
#include "tools/sluice/shared_options.h"

namespace sluice::cli {
namespace {

using command_line::add_choice;
using command_line::add_number;
using command_line::add_text;

constexpr const char* sizes =
    "SIZE and RATE: 65536, 64M, 64MiB (powers of 1024) or 64MB (powers of 1000).\n"
    "TIME: 90s, 30m, 12h or 2d.\n";

constexpr const char* exit_codes =
    "Exit codes: 0 all registered, 1 failed, 2 usage, 3 token refused, 4 no such draft\n"
    "dataset, 5 name taken, 6 local file, 7 server or network unreachable, 8 integrity;\n"
    "128 + signal number when interrupted (130 Ctrl-C, 143 SIGTERM).\n";

std::string footer(const std::string& text, const CLI::App& command) {
  return text + "Manual: man sluice-" + command.get_name();
}

CLI::App& add_command(CLI::App& app, const std::string& name, const std::string& description) {
  CLI::App& command = *app.add_subcommand(name, description)->group("Commands");
  command.get_help_ptr()->description("Print this help and exit.")->group("Output");
  return command;
}

}  // namespace

CLI::App& add_put(CLI::App& app, PutOptions& options) {
  CLI::App& put = add_command(
      app, "put", "Upload files into a draft dataset, or resume their interrupted uploads.");
  put.add_option("DATASET", options.dataset, "Key of the draft dataset, for example IDB-1234567.")
      ->required();
  put.add_option("PATH", options.select.paths, "Files to upload, and with -r directories.");
  add_server(put, options.system, options.url);
  add_protocol(put, options.protocol);
  add_selection(put, "Upload", options.select, options.skip);
  put.option_defaults()->group("Upload");
  add_text(put, "--name", options.select.name, "NAME",
           "Name of the file in the dataset (one PATH only).")
      ->default_str("the file's base name");
  add_name_rule(put, options.select.names);
  add_restart(put, options.restart, options.dry_run);
  add_upload_options(put, "put", options.upload);
  add_no_journal(put, options.upload.no_journal);
  put.footer(footer(std::string(sizes) + exit_codes, put));
  return put;
}

CLI::App& add_run(CLI::App& app, RunOptions& options) {
  CLI::App& run =
      add_command(app, "run", "Upload the files of a manifest, or resume an interrupted run.");
  run.add_option("MANIFEST", options.manifest,
                 "Table of files and their datasets: CSV, TSV or JSON Lines; - reads it from "
                 "stdin.")
      ->required();
  add_server(run, options.system, options.url);
  add_protocol(run, options.protocol);
  run.option_defaults()->group("Upload");
  add_manifest_format(run, options.format);
  add_restart(run, options.restart, options.dry_run);
  add_upload_options(run, "run", options.upload);
  add_no_journal(run, options.upload.no_journal);
  run.footer(footer(std::string(sizes) + exit_codes, run));
  return run;
}

CLI::App& add_batch(CLI::App& app, BatchOptions& options) {
  CLI::App& batch = add_command(
      app, "batch",
      "Divide the files of a manifest into shards, and write a job array of Slurm that uploads "
      "them.");
  batch.add_option("MANIFEST", options.run.manifest,
                   "Table of files and their datasets: CSV, TSV or JSON Lines.");
  batch.option_defaults()->group("Batch");
  add_number(batch, "--shards", options.shards, "N", 1, 1000, "Shards to divide the files among.")
      ->default_str("");
  add_text(batch, "--directory", options.directory, "DIR",
           "Directory for the shards, the job script, logs and the report.")
      ->default_str("files.batch beside a manifest files.csv");
  auto* const submit =
      batch.add_flag("--submit", options.submit, "Submit the job script with sbatch.");
  auto* const local = batch
                          .add_flag("--local", options.local,
                                    "Run the shards on this machine, without a scheduler.")
                          ->excludes(submit);
  add_text(batch, "--report", options.report, "DIR",
           "Write the report of the batch in DIR, and fail if a file is not registered.")
      ->excludes(submit)
      ->excludes(local);
  batch
      .add_option("--sbatch", options.sbatch,
                  "Option of sbatch for the job script, for example --sbatch=--time=2:00:00; can "
                  "be given several times.")
      ->type_name("OPTION")
      ->allow_extra_args(false);
  add_server(batch, options.run.system, options.run.url);
  add_protocol(batch, options.run.protocol);
  batch.option_defaults()->group("Upload");
  add_manifest_format(batch, options.run.format);
  UploadOptions& upload = options.run.upload;
  upload.command = "batch";
  upload.retries = 1000;
  add_token_file(batch, upload.token_file, upload.token_file_mode);
  add_token_wait(batch, upload.token_wait, "12h, with --local 0");
  add_network(batch, upload.insecure_http, upload.network);
  add_resume_options(batch, upload);
  add_performance_options(batch, upload);
  add_checksum_options(batch, upload);
  batch.option_defaults()->group("Output");
  batch.add_flag("--json", upload.json, "Print the result as one JSON object on stdout.");
  add_quiet(batch, upload.console.quiet);
  batch.footer(footer(std::string(sizes) +
                          "Exit codes: 0 submitted or written, or with --local and --report all "
                          "registered;\n1 failed, or not all registered; others as those of "
                          "sluice run.\n",
                      batch));
  return batch;
}

CLI::App& add_resume(CLI::App& app, ResumeOptions& options) {
  CLI::App& resume = add_command(app, "resume", "Resume unfinished uploads.");
  resume.add_option("DATASET", options.dataset, "Resume the uploads into this dataset only.");
  resume.add_option("NAME", options.names, "Resume the uploads of these names only.");
  resume.option_defaults()->group("Upload");
  resume.add_flag("--all", options.all, "Resume all unfinished uploads, oldest first.");
  resume.add_flag("--register", options.register_again,
                  "Register files whose registration is unconfirmed. First look at the dataset's "
                  "page: a file that is listed there would be registered twice.");
  add_upload_options(resume, "resume", options.upload);
  resume.footer(footer(std::string(sizes) + exit_codes, resume));
  return resume;
}

CLI::App& add_status(CLI::App& app, StatusOptions& options) {
  CLI::App& status = add_command(app, "status", "List unfinished uploads.");
  auto* const batch = status.add_option(
      "BATCH", options.batch,
      "Directory that sluice batch made: list the files of the batch, by shards.");
  status.add_flag("--all", options.all, "Also list registered and discarded uploads.")
      ->excludes(batch);
  status.add_flag("--json", options.json,
                  "Print the list as one JSON object on stdout, with the receipts.");
  add_number(status, "--shard", options.shard, "N", 1, 1000, "List this shard of BATCH only.")
      ->default_str("")
      ->needs(batch);
  auto* const watch = status.add_flag("--watch", options.watch,
                                      "Print the list again and again, on a terminal in place.");
  add_text(status, "--interval", options.interval, "TIME", "Time between two lists.")
      ->default_str("2s")
      ->needs(watch);
  add_state_dir(status, options.state_dir);
  status.footer(footer("Exit codes: 0 listed, 1 the journal cannot be read, 2 usage.\n", status));
  return status;
}

CLI::App& add_forget(CLI::App& app, ForgetOptions& options) {
  CLI::App& forget =
      add_command(app, "forget", "Discard an unfinished upload, in the journal and at the server.");
  forget.add_option("DATASET", options.dataset, "Key of the upload's dataset.")->required();
  forget.add_option("NAME", options.names, "Names of the files in the dataset.")->required();
  forget.add_flag("--registered", options.registered,
                  "The files are listed on the dataset's page: note them as registered, so that "
                  "they are not uploaded again.");
  add_token_file(forget, options.token_file, options.token_file_mode);
  add_network(forget, options.insecure_http, options.network);
  add_state_dir(forget, options.state_dir);
  forget.footer(
      footer("Exit codes: 0 discarded; 1 another process uploads the file, or the journal or the\n"
             "result cannot be written; 2 usage, or no such upload. Discarded in the journal\n"
             "only, because the server could not be told: 1 refused, 2 no token, 3 token\n"
             "refused, 4 no such draft dataset, 7 server or network unreachable.\n",
             forget));
  return forget;
}

CLI::App& add_verify(CLI::App& app, VerifyOptions& options) {
  CLI::App& verify = add_command(app, "verify", "Compare a file with the receipt of its upload.");
  verify.add_option("RECEIPT", options.receipt, "Receipt that --receipt wrote: NAME.sluice.json.")
      ->required();
  verify.add_option("FILE", options.file, "File to compare.")->required();
  add_read<std::string>(
      verify, options.read_mode,
      {{"auto", "auto"}, {"direct", "direct"}, {"mmap", "mmap"}, {"buffered", "buffered"}});
  verify.add_flag("--json", options.json, "Print the result as one JSON object on stdout.");
  add_quiet(verify, options.console.quiet);
  verify.footer(
      footer("Exit codes: 0 same, 1 the result cannot be written, 2 usage or unusable receipt,\n"
             "6 unreadable file, 8 different.\n",
             verify));
  return verify;
}

CLI::App& add_check(CLI::App& app, CheckOptions& options) {
  CLI::App& check =
      add_command(app, "check", "Check whether an upload would work, and how fast it could be.");
  check.add_option("DATASET", options.dataset,
                   "Also check the token for this draft dataset, for example IDB-1234567.");
  add_server(check, options.system, options.url);
  add_text(check, "--file", options.file, "FILE",
           "Read FILE for 2 seconds (1 GiB at most) and print the rate.");
  add_token_file(check, options.token_file, options.token_file_mode);
  add_network(check, options.insecure_http, options.network);
  add_state_dir(check, options.state_dir);
  check.add_flag("--json", options.json, "Print the result as one JSON object on stdout.");
  check.footer(
      footer("Exit codes: 0 an upload would work, 1 failed, 2 usage, 3 token refused, 4 no such\n"
             "draft dataset, 6 local file, 7 server or network unreachable.\n",
             check));
  return check;
}

CLI::App& add_token(CLI::App& app, TokenOptions& options) {
  CLI::App& token = add_command(app, "token", "Store, list and remove the tokens of datasets.");
  add_choice<TokenAction>(
      token, "ACTION", options.action, "",
      {{"add", TokenAction::add}, {"list", TokenAction::list}, {"remove", TokenAction::remove}},
      "add (asks for the token, or reads it from stdin), list or remove.")
      ->required()
      ->default_str("");
  token.add_option("DATASET", options.dataset,
                   "Key of the dataset, for example IDB-1234567; list needs none.");
  add_server(token, options.system, options.url);
  add_insecure_http(token, options.insecure_http);
  token.add_flag("--json", options.json,
                 "list: print the tokens' datasets, servers and times as one JSON object on "
                 "stdout.");
  token.footer(
      footer("Exit codes: 0 done, 1 failed, 2 usage or no such token, 6 the token's file\n"
             "cannot be read or written; 128 + signal number when interrupted.\n",
             token));
  return token;
}

CLI::App& add_manifest(CLI::App& app, ManifestOptions& options) {
  CLI::App& manifest =
      add_command(app, "manifest", "Write a manifest for sluice run: files, sizes and digests.");
  manifest.add_option("PATH", options.select.paths, "Files to list, and with -r directories.");
  add_selection(manifest, "List", options.select, options.skip);
  manifest.option_defaults()->group("Manifest");
  add_text(manifest, "--dataset", options.dataset, "KEY",
           "Key of the dataset in each row, for example IDB-1234567.")
      ->default_str("none, for you to fill in");
  add_text(manifest, "--digest", options.digests, "NAMES",
           "More digests for each file: md5, sha256, or both (md5,sha256).");
  add_choice<ManifestFormat>(manifest, "--format", options.format, "NAME",
                             {{"auto", ManifestFormat::automatic},
                              {"csv", ManifestFormat::csv},
                              {"tsv", ManifestFormat::tsv},
                              {"jsonl", ManifestFormat::jsonl}},
                             "Format of the manifest: csv, tsv, jsonl, or auto (by the end of the "
                             "name of --output; csv for stdout).");
  add_text(manifest, "-o,--output", options.output, "FILE",
           "Write the manifest to FILE, in place of one that exists.")
      ->default_str("standard output");
  add_name_rule(manifest, options.select.names);
  manifest.option_defaults()->group("Output");
  add_progress(manifest, options.console.progress);
  add_quiet(manifest, options.console.quiet);
  manifest.footer(
      footer("Exit codes: 0 all files are listed, 1 failed, 2 usage, 6 a file cannot be read or\n"
             "the manifest cannot be written; 128 + signal number when interrupted.\n",
             manifest));
  return manifest;
}

void add_configuration(CLI::App& app, ConfigChoice& choice) {
  add_text(app, "--config", choice.file, "FILE",
           "Configuration to read instead of the user's. Environment: SLUICE_CONFIG.")
      ->default_str("$XDG_CONFIG_HOME/sluice/config.toml, or ~/.config/sluice/config.toml")
      ->configurable(false);
  add_text(app, "--profile", choice.profile, "NAME",
           "Profile of the configuration to use. Environment: SLUICE_PROFILE.")
      ->configurable(false);
}

CLI::App& add_config(CLI::App& app, ConfigOptions& options) {
  CLI::App& config =
      add_command(app, "config", "Show the value of each option, and where it comes from.");
  add_choice<ConfigAction>(config, "ACTION", options.action, "", {{"show", ConfigAction::show}},
                           "show.")
      ->required()
      ->default_str("");
  config.add_option(
      "COMMAND", options.command,
      "Show the options of this command only; options of its command line can follow.");
  config.add_flag("--json", options.json, "Print the options as one JSON object on stdout.");
  add_configuration(config, options.choice);
  // The options after COMMAND belong to that command.
  config.fallthrough(false)->prefix_command();
  config.footer(footer(
      "Exit codes: 0 shown, 1 not written, 2 usage, or an unusable configuration.\n", config));
  return config;
}

CLI::App& add_completion(CLI::App& app, CompletionOptions& options) {
  CLI::App& completion =
      add_command(app, "completion", "Print the completions of a shell: bash, zsh or fish.");
  add_choice<CompletionShell>(completion, "SHELL", options.shell, "",
                              {{"bash", CompletionShell::bash},
                               {"zsh", CompletionShell::zsh},
                               {"fish", CompletionShell::fish}},
                              "bash, zsh or fish.")
      ->required()
      ->default_str("");
  completion.footer(footer("Exit codes: 0 printed, 1 not written, 2 usage.\n", completion));
  return completion;
}

}  // namespace sluice::cli
