#include "tools/sluice/commands/batch.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "engine/base/text.h"
#include "engine/base/units.h"
#include "engine/journal/journal_file.h"
#include "io/local_file.h"
#include "io/replace_file.h"
#include "tools/sluice/config/address.h"
#include "tools/sluice/display/report_text.h"
#include "tools/sluice/process/program.h"
#include "tools/sluice/process/stop.h"
#include "tools/sluice/run/manifest_targets.h"
#include "tools/sluice/run/state_directory.h"
#include "tools/sluice/shards/job_script.h"
#include "tools/sluice/shards/local_shards.h"
#include "tools/sluice/shards/shard_directory.h"
#include "tools/sluice/shards/shard_status.h"
#include "tools/sluice/shards/slurm.h"
#include "tools/sluice/shards/split.h"

namespace sluice::cli {
namespace {

using nlohmann::ordered_json;

/// Returns "DIR/files.batch" for "DIR/files.csv".
std::string default_directory_of(const std::string& manifest) {
  return std::filesystem::path(manifest).replace_extension(".batch").string();
}

/// Returns the environment variables that a job needs to find the tokens and the configuration, if
/// sbatch does not pass the environment on (--export=NONE). No passwords.
std::vector<std::pair<std::string, std::string>> job_environment() {
  std::vector<std::pair<std::string, std::string>> variables;
  for (const char* const name :
       {"XDG_CONFIG_HOME", "SLUICE_CONFIG", "SLUICE_SYSTEM_CONFIG", "SLUICE_PROFILE"})
    if (const char* const value = std::getenv(name); value != nullptr && *value != '\0')
      variables.emplace_back(name, value);
  return variables;
}

class MakeBatch {
 public:
  MakeBatch(const BatchOptions& options, Console& console) : options_(options), console_(console) {}

  int run() {
    int code = 0;
    if (Result<int> made = make())
      code = *made;
    else
      code = fail(made.error());
    return console_.finish(code);
  }

 private:
  int fail(const Error& error) {
    console_.error(printable(error.message));
    if (options_.run.upload.json) console_.report(json_report(error) + '\n');
    return error.kind == ErrorKind::interrupted && stop_signal() != 0 ? 128 + stop_signal()
                                                                      : exit_code(error);
  }

  Result<int> make() {
    if (!options_.report.empty()) {
      if (!options_.run.manifest.empty())
        return Error{
            ErrorKind::usage,
            "cannot write a report: --report was given together with a manifest; give one of them"};
      TRY_ASSIGN(const ShardDirectory directory, ShardDirectory::read(options_.report));
      return report(directory);
    }
    TRY(check_options());
    TRY_ASSIGN(const ShardDirectory directory, write_directory());
    TRY_ASSIGN(const std::string sluice, program_path());
    if (!options_.local) return write_scripts(directory, sluice);
    catch_stop_signals(std::chrono::seconds(10));
    const auto say = [&](const std::string& text, bool good) {
      if (!good)
        console_.error(text);
      else if (options_.run.upload.json)
        console_.detail(text);
      else
        console_.result(text + '\n');
    };
    TRY_ASSIGN(const int code, run_local_shards(directory, sluice, arguments_, say));
    TRY_ASSIGN(const int reported, report(directory));
    return stop_signal() != 0 ? 128 + stop_signal() : worse_code(code, reported);
  }

  Result<void> check_options() const {
    if (options_.run.manifest.empty() || options_.shards == 0)
      return Error{ErrorKind::usage,
                   "a manifest and --shards N are required, or --report DIR; see sluice batch "
                   "--help"};
    if (options_.run.manifest == "-")
      return Error{ErrorKind::usage,
                   "cannot read the manifest from standard input: a repeated command must find the "
                   "same manifest; write the manifest to a file"};
    for (const std::string& option : options_.sbatch)
      if (!option.starts_with('-') || option.find_first_of("\r\n") != option.npos)
        return Error{ErrorKind::usage,
                     fmt::format("--sbatch: '{}' is not an option of sbatch; write it as "
                                 "--sbatch=--time=2:00:00",
                                 printable(option))};
    if (options_.run.upload.token_file == "-")
      return Error{
          ErrorKind::usage,
          "cannot read the token from standard input: each shard reads the token; store the "
          "token with: sluice token add DATASET"};
    return {};
  }

  /// Checks everything, and writes the manifests of the shards.
  Result<ShardDirectory> write_directory() {
    ShardDirectory::Facts facts;
    TRY_ASSIGN(working_directory_, absolute_path("."));
    TRY(check_script_path(working_directory_));
    TRY_ASSIGN(facts.url, chosen_url(options_.run.url, options_.run.system,
                                     options_.run.upload.insecure_http));
    TRY_ASSIGN(facts.manifest, absolute_path(options_.run.manifest));
    TRY_ASSIGN(Manifest manifest, read_manifest(facts.manifest, options_.run.format));
    for (const std::string& warning : manifest.warnings) console_.warning(warning);
    for (const std::string& problem : manifest.problems) console_.error(problem);
    TRY(manifest.usable(options_.run.manifest));
    if (!options_.run.upload.receipts.empty()) TRY(check_receipts(manifest));
    TRY_ASSIGN(std::string path,
               absolute_path(options_.directory.empty() ? default_directory_of(facts.manifest)
                                                        : options_.directory));
    TRY(check_script_path(path));
    TRY_ASSIGN(std::string state, state_dir(options_.run.upload));
    TRY_ASSIGN(facts.state_dir, absolute_path(state));
    TRY_ASSIGN(std::vector<ShardFile> files, files_of(manifest));
    TRY(ask_servers(manifest, facts.url, files));
    warn_of_local_journal(facts.state_dir);

    const auto split = split_into_shards(files, options_.shards);
    facts.shards = split.size();
    if (split.size() < options_.shards)
      console_.warning(fmt::format(
          "made {} {} instead of {}: the manifest has no more files to divide (all files "
          "of a dataset over the phased protocol are in one shard)",
          split.size(), split.size() == 1 ? "shard" : "shards", options_.shards));
    TRY(divide_rate(split.size()));
    add_arguments(facts);
    std::vector<std::vector<ManifestRow>> shards;
    for (const std::vector<std::size_t>& indexes : split) {
      std::vector<ManifestRow>& rows = shards.emplace_back();
      for (const std::size_t index : indexes) rows.push_back(manifest.rows[index]);
    }
    return ShardDirectory::write(path, facts, shards);
  }

  /// Returns the files with their sizes. Makes the paths of the rows absolute.
  Result<std::vector<ShardFile>> files_of(Manifest& manifest) {
    std::vector<ShardFile> files;
    std::optional<Error> unusable;
    for (ManifestRow& row : manifest.rows) {
      TRY_ASSIGN(row.path, absolute_path(row.path));
      if (!is_utf8(row.path))
        return Error{ErrorKind::local_file,
                     fmt::format("cannot list {} in the manifest of a shard: the path is not valid "
                                 "UTF-8; rename the directory",
                                 printable(row.path))};
      const auto opened = open_local_file(row.path);
      if (!opened) {
        console_.error(printable(opened.error().message));
        unusable = opened.error();
        continue;
      }
      files.push_back({.bytes = opened->identity.size, .group = {}});
    }
    if (unusable)
      return Error{unusable->kind, "no batch was made: not all files of the manifest can be read"};
    return files;
  }

  /// Checks that each dataset accepts its token, and finds the datasets with the phased protocol.
  Result<void> ask_servers(const Manifest& manifest, const std::string& url,
                           std::vector<ShardFile>& files) {
    Uploader uploader(options_.run.upload, console_);
    TRY_ASSIGN(ManifestTargets targets,
               find_targets(manifest, options_.run.manifest, url, options_.run.upload, uploader));
    for (const auto& [dataset, request] : targets)
      if (!options_.local && request.token_file.empty())
        return Error{ErrorKind::usage,
                     fmt::format("cannot use the token of dataset {} from the environment "
                                 "(SLUICE_TOKEN): other users can read the environment of a job; "
                                 "store the token with: {}",
                                 dataset, token_add_command(url, dataset))};
    TRY(uploader.prepare(manifest.rows.size()));
    for (auto& [dataset, request] : targets)
      TRY(uploader.ask_server(request, options_.run.protocol, /*fresh=*/false));
    for (std::size_t i = 0; i < files.size(); ++i) {
      const std::string& dataset = manifest.rows[i].dataset;
      // Keeps the files of a dataset in one shard: the setup of an upload deletes the data of other
      // unfinished uploads.
      if (targets.at(dataset).server.protocol == ProtocolKind::phased) files[i].group = dataset;
    }
    return {};
  }

  void warn_of_local_journal(const std::string& directory) {
    if (options_.local || journal_mode_in(directory) != JournalMode::wal) return;
    console_.warning(
        fmt::format("the journal in {} is on a file system of this machine: tasks on other nodes "
                    "would have a journal of their own there, and could not continue each other's "
                    "uploads; name a directory on a shared file system with --state-dir",
                    printable(directory)));
  }

  Result<void> divide_rate(std::size_t shards) {
    if (options_.run.upload.limit_rate.empty()) return {};
    TRY_ASSIGN(const std::uint64_t rate, parse_rate(options_.run.upload.limit_rate));
    const std::uint64_t each = std::max<std::uint64_t>(1, rate / shards);
    arguments_.insert(arguments_.end(), {"--limit-rate", std::to_string(each)});
    return {};
  }

  void add_arguments(const ShardDirectory::Facts& facts) {
    arguments_.insert(arguments_.end(),
                      {"--url", facts.url, "--state-dir", facts.state_dir, "--format", "jsonl",
                       "--retries", std::to_string(options_.run.upload.retries)});
    // These override the configuration of `run`. With --restart or without a journal, a requeued
    // task would upload its files again. --restart=false also excludes a configured --dry-run.
    arguments_.insert(arguments_.end(), {"--restart=false", "--no-journal=false"});
    std::string wait = options_.run.upload.token_wait;
    if (wait.empty() && !options_.local) wait = "12h";
    if (!wait.empty()) arguments_.insert(arguments_.end(), {"--token-wait", wait});
    arguments_.insert(arguments_.end(), options_.arguments.begin(), options_.arguments.end());
  }

  Result<int> write_scripts(const ShardDirectory& directory, const std::string& sluice) {
    constexpr std::size_t mib = std::size_t{1} << 20;
    const std::size_t pool = parse_size(options_.run.upload.pool).value_or(0) / mib;
    const JobScriptSetting setting{.sluice = sluice,
                                   .working_directory = working_directory_,
                                   .environment = job_environment(),
                                   .arguments = arguments_,
                                   .sbatch = options_.sbatch,
                                   .memory_mib = std::max<std::size_t>(512, 2 * pool + 256)};
    const std::string job = directory.file("job.sh");
    const std::string report = directory.file("report.sh");
    TRY(write_whole_file(job, job_script(directory, setting), 0777));
    TRY(write_whole_file(report, report_script(directory, setting), 0777));
    SubmittedJobs jobs;
    if (options_.submit) {
      TRY_ASSIGN(jobs, submit_to_slurm(job, report));
    }
    print_summary(directory, jobs);
    return 0;
  }

  void print_summary(const ShardDirectory& directory, const SubmittedJobs& jobs) {
    const std::string batch = shell_word(directory.path());
    if (options_.run.upload.json) {
      ordered_json json{{"version", SLUICE_VERSION},
                        {"directory", directory.path()},
                        {"shards", directory.facts().shards},
                        {"job_script", directory.file("job.sh")},
                        {"report_script", directory.file("report.sh")}};
      json["job"] = jobs.array.empty() ? ordered_json(nullptr) : ordered_json(jobs.array);
      json["report_job"] = jobs.report.empty() ? ordered_json(nullptr) : ordered_json(jobs.report);
      console_.report(json.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + '\n');
      return;
    }
    const std::string shards = fmt::format("{} {}", directory.facts().shards,
                                           directory.facts().shards == 1 ? "shard" : "shards");
    std::string text;
    if (options_.submit)
      text = fmt::format(
          "job {} uploads {} in {}; job {} writes the report when all are over\n"
          "  logs    {}/shard-N.log\n"
          "  report  {}/report.log, report.json\n",
          jobs.array, printable(directory.facts().manifest), shards, jobs.report,
          printable(directory.path()), printable(directory.path()));
    else
      text = fmt::format(
          "{} in {}\n"
          "  submit  sbatch {}\n"
          "  report  sbatch --dependency=afterany:NUMBER {}\n",
          printable(directory.facts().manifest), shards,
          shell_word(printable(directory.file("job.sh"))),
          shell_word(printable(directory.file("report.sh"))));
    console_.result(text + "  status  sluice status " + printable(batch) + '\n');
  }

  /// Writes the report. Returns 1 if a file is not registered.
  Result<int> report(const ShardDirectory& directory) {
    TRY_ASSIGN(const BatchStatus status, batch_status(directory, 0));
    const std::string json = json_of(status) + '\n';
    if (options_.run.upload.json)
      console_.report(json);
    else
      console_.result(text_of(status, 100));
    if (const auto written = write_whole_file(directory.file("report.json"), json, 0666);
        !written) {
      console_.error(printable(written.error().message));
      return exit_code(written.error());
    }
    if (status.all_registered()) return 0;
    console_.error(
        fmt::format("not all files are registered; the logs {}/shard-N.log say why; to "
                    "continue, repeat the sluice batch command or submit its job again",
                    printable(directory.path())));
    return 1;
  }

  BatchOptions options_;
  Console& console_;
  std::string working_directory_;
  std::vector<std::string> arguments_;  ///< for `sluice run`
};

}  // namespace

int batch(const BatchOptions& options) {
  Console console(options.run.upload.console);
  return MakeBatch(options, console).run();
}

}  // namespace sluice::cli
