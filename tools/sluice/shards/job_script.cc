#include "tools/sluice/shards/job_script.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "engine/base/text.h"

namespace sluice::cli {
namespace {

/// Returns a path for sbatch, followed by `pattern`: quoted, with % escaped, which begins a pattern
/// (sbatch(1), FILENAME PATTERN).
std::string sbatch_path(const std::string& path, std::string_view pattern = {}) {
  std::string text = "\"";
  for (const char c : path) {
    if (c == '%') text += '%';
    if (c == '"' || c == '\\') text += '\\';
    text += c;
  }
  return text.append(pattern) + '"';
}

/// Returns whether an option of sbatch applies to the array's tasks only, and not to the report
/// job.
bool is_array_option(std::string_view option) {
  static constexpr std::array<std::string_view, 17> names{
      "--array",     "--requeue",       "--no-requeue", "--signal",          "--output",
      "--error",     "--cpus-per-task", "--mem",        "--mem-per-cpu",     "--dependency",
      "--job-name",  "--hold",          "--ntasks",     "--ntasks-per-node", "--nodes",
      "--exclusive", "--gres"};
  if (!option.starts_with("--"))  // -a1-2, -a 1-2
    return option.size() > 1 && std::string_view("aoecdJHnN").find(option[1]) != option.npos;
  // sbatch accepts abbreviated names.
  const std::string_view name = option.substr(0, option.find_first_of("= "));
  return std::any_of(names.begin(), names.end(),
                     [&](std::string_view one) { return one.starts_with(name); });
}

std::string directives(const std::vector<std::string>& options) {
  std::string text;
  for (const std::string& option : options) text += "#SBATCH " + option + '\n';
  return text;
}

}  // namespace

std::string shell_word(const std::string& text) {
  constexpr std::string_view plain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:,@%";
  if (!text.empty() && text.find_first_not_of(plain) == text.npos) return text;
  std::string word = "'";
  for (const char c : text) word += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return word + '\'';
}

Result<void> check_script_path(const std::string& path) {
  if (path.find_first_of("\r\n") == path.npos) return {};
  return Error{
      ErrorKind::usage,
      fmt::format("cannot write a job script for {}: the path has a line break; use another "
                  "directory (--directory names that of the batch)",
                  printable(path))};
}

std::string job_script(const ShardDirectory& directory, const JobScriptSetting& setting) {
  std::string run;
  for (const std::string& argument : setting.arguments) run += ' ' + shell_word(argument);
  std::string environment;
  for (const auto& [name, value] : setting.environment)
    environment += fmt::format("export {}={}\n", name, shell_word(value));
  return fmt::format(
      R"(#!/bin/bash
# Uploads {manifest} in {shards} shards, a task of a job array each. Written by sluice batch.
# Submit it with "sluice batch ... --submit", or with: sbatch {script}
#SBATCH --job-name=sluice
#SBATCH --array=1-{shards}
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:TERM@120
#SBATCH --cpus-per-task=2
#SBATCH --mem={memory}M
#SBATCH --output={log}
{more}
sluice={sluice}
batch={batch}
shard=${{SLURM_ARRAY_TASK_ID:?is set by Slurm}}
child=
stopped=
# Near the time limit (--signal) or before the job is cancelled or preempted: interrupts the upload,
# so that it can be resumed.
trap 'stopped=yes; [[ -n $child ]] && kill -TERM "$child" 2>/dev/null' TERM INT USR1 USR2 XCPU
cd -- {cwd} || exit
unset SLUICE_TOKEN  # each dataset has its stored token
{environment}
# Prints the status of this shard in one line. A changed line means progress.
progress() {{ "$sluice" status --json=false --shard "$shard" "$batch" | head -n 1; }}

# Succeeds if another process uploads a file of this shard: an earlier run of this task, on a node
# that Slurm has lost, or a task of another job.
is_busy() {{ "$sluice" status --json --shard "$shard" "$batch" | grep -q '"state":"running"'; }}

# Runs a command until it ends, and sets `code` to its exit code.
await() {{
  "$@" &
  child=$!
  wait "$child"
  code=$?
  while kill -0 "$child" 2>/dev/null; do  # a signal ends wait, not the command
    wait "$child"
    code=$?
  done
  child=
}}

before=$(progress)
while true; do
  await "$sluice" run{run} "$batch/shard-$shard.jsonl"
  if [[ -n $stopped ]] || ((code != 1)) || ! is_busy; then break; fi
  echo "another process is uploading files of this shard; retrying in 10 s"
  await sleep 10
  if [[ -n $stopped ]]; then break; fi
done

# Not SLURM_JOB_ID, which for one task is the number of the whole array.
task=${{SLURM_ARRAY_JOB_ID}}_$shard
running() {{ [[ $(squeue -h -j "$task" -o %T) == RUNNING ]]; }}  # neither cancelled nor requeued by another
if ((code > 128)) && running && after=$(progress) && [[ $after != "$before" ]]; then
  echo "interrupted (exit code $code) after progress; requeueing the task: $after"
  scontrol requeue "$task"
fi
exit "$code"
)",
      fmt::arg("manifest", printable(directory.facts().manifest)),
      fmt::arg("shards", directory.facts().shards),
      fmt::arg("script", shell_word(directory.file("job.sh"))),
      fmt::arg("memory", setting.memory_mib),
      fmt::arg("log", sbatch_path(directory.path() + "/shard-", "%a.log")),
      fmt::arg("more", directives(setting.sbatch)), fmt::arg("sluice", shell_word(setting.sluice)),
      fmt::arg("batch", shell_word(directory.path())),
      fmt::arg("cwd", shell_word(setting.working_directory)), fmt::arg("run", run),
      fmt::arg("environment", environment));
}

std::string report_script(const ShardDirectory& directory, const JobScriptSetting& setting) {
  std::vector<std::string> sbatch = setting.sbatch;
  std::erase_if(sbatch, is_array_option);
  return fmt::format(
      R"(#!/bin/bash
# Runs after the job array of job.sh has ended: writes the report of all shards, and fails if a file
# is not registered. Written by sluice batch.
#SBATCH --job-name=sluice-report
#SBATCH --open-mode=append
#SBATCH --output={log}
{more}
exec {sluice} batch --report {batch}
)",
      fmt::arg("log", sbatch_path(directory.file("report.log"))),
      fmt::arg("more", directives(sbatch)), fmt::arg("sluice", shell_word(setting.sluice)),
      fmt::arg("batch", shell_word(directory.path())));
}

}  // namespace sluice::cli
