#include "tools/sluice/commands/status.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "engine/base/text.h"
#include "engine/base/units.h"
#include "engine/journal/dataset_lock.h"
#include "engine/journal/journal.h"
#include "tools/sluice/display/console.h"
#include "tools/sluice/display/report_text.h"
#include "tools/sluice/display/watch.h"
#include "tools/sluice/run/state_directory.h"
#include "tools/sluice/shards/shard_status.h"

namespace sluice::cli {
namespace {

using nlohmann::ordered_json;

struct Found {
  std::string directory;
  std::unique_ptr<Journal> journal;  ///< null if there is none
};

Result<Found> find_journal(const std::string& state_dir) {
  UploadOptions options;
  options.state_dir = state_dir;
  Found found;
  TRY_ASSIGN(found.directory, existing_state_dir(options));
  TRY_ASSIGN(found.journal, Journal::open_existing(found.directory));
  return found;
}

std::string time_text(std::int64_t seconds) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(static_cast<std::time_t>(seconds)));
}

/// Returns the process that runs the upload, if any.
std::optional<DatasetLock::Holder> running_process(const std::string& directory,
                                                   const JournalEntry& entry) {
  auto holder = DatasetLock::holder(directory, entry.system, entry.dataset, entry.name);
  return holder ? *std::move(holder) : std::nullopt;
}

std::string state_text(const JournalEntry& entry,
                       const std::optional<DatasetLock::Holder>& running_process) {
  if (entry.state == JournalEntry::State::registered) return "registered";
  if (entry.state == JournalEntry::State::abandoned) return "discarded";
  if (running_process) return "being uploaded by " + running_process->process();
  if (is_unconfirmed(entry)) return "uploaded, but the registration is unconfirmed";
  if (entry.error) return "stopped: " + printable(entry.error->message);
  return "interrupted: the process was killed, or the machine crashed";
}

/// Why an upload cannot be resumed.
struct FileProblem {
  std::string text;        ///< empty: no reason is known
  bool is_access = false;  ///< the file may exist, but this machine cannot read it
};

/// Looks at the file. A different modification time alone is no problem: resuming compares the
/// bytes.
FileProblem file_problem(const JournalEntry& entry) {
  struct stat status {};
  if (::stat(entry.path.c_str(), &status) != 0) {
    const int code = errno;
    return {.text = fmt::format("cannot stat the file: {}", std::system_category().message(code)),
            .is_access = code != ENOENT && code != ENOTDIR};
  }
  if (static_cast<std::uint64_t>(status.st_size) != entry.file.size)
    return {fmt::format("the size of the file has changed (from {} to {} bytes)", entry.file.size,
                        status.st_size)};
  if (modified_at(status) != entry.file.modified && status.st_ino != entry.file.inode)
    return {"another file has taken the file's place (other inode and modification time)"};
  return {};
}

/// `directory`: the directory of the journal. `state_dir`: " --state-dir DIR" if that option was
/// given, or empty.
std::string text_of(const JournalEntry& entry, const std::string& directory,
                    const std::string& state_dir) {
  const auto holder = running_process(directory, entry);
  const double part = entry.file.size == 0 ? 1.0
                                           : static_cast<double>(entry.committed) /
                                                 static_cast<double>(entry.file.size);
  std::string text = fmt::format(
      "{}  '{}'\n"
      "  file     {}\n"
      "  server   {}\n"
      "  sent     {} %, {} of {}, {}\n"
      "  state    {}\n",
      entry.dataset, printable(entry.name), printable(entry.path), printable(entry.system),
      static_cast<int>(100 * part), format_size(entry.committed), format_size(entry.file.size),
      time_text(entry.updated_s), state_text(entry, holder));
  if (!is_open(entry) || holder) return text;
  const FileProblem problem = file_problem(entry);
  const std::string name = shell_argument(printable(entry.name));
  const std::string forget = fmt::format("sluice forget{} {} {}", state_dir, entry.dataset, name);
  if (is_unconfirmed(entry))
    return text +
           fmt::format(
               "  look at  {}/datasets/{}\n"
               "           if the page lists the file: {}\n"
               "           if not: {}\n",
               printable(entry.system), entry.dataset,
               fmt::format("sluice forget{} --registered {} {}", state_dir, entry.dataset, name),
               entry.protocol == to_string(ProtocolKind::tus)
                   ? fmt::format("sluice resume{} --register {} {}", state_dir, entry.dataset, name)
                   : forget + ", then upload the file again");
  const std::string resume = fmt::format("sluice resume{} {}", state_dir, entry.dataset);
  if (problem.text.empty()) return text + fmt::format("  resume   {}\n", resume);
  return text + fmt::format(
                    "  problem  {}\n"
                    "           {}\n",
                    problem.text,
                    problem.is_access
                        ? "make the file accessible on this machine, then run: " + resume
                        : "restore the file, or discard the upload: " + forget);
}

ordered_json json_of(const JournalEntry& entry, const std::string& directory) {
  const auto holder = running_process(directory, entry);
  ordered_json json{
      {"system", entry.system},
      {"dataset", entry.dataset},
      {"name", entry.name},
      {"file", entry.path},
      {"bytes", entry.file.size},
      {"committed", entry.committed},
      {"protocol", entry.protocol},
      {"state", to_string(entry.state)},
      {"running", holder.has_value()},
      {"started", time_text(entry.started_s)},
      {"updated", time_text(entry.updated_s)},
  };
  const std::string problem = is_open(entry) ? file_problem(entry).text : std::string();
  json["trouble"] = problem.empty() ? ordered_json(nullptr) : ordered_json(problem);
  json["error"] = nullptr;
  if (entry.error)
    json["error"] = {{"kind", to_string(entry.error->kind)}, {"message", entry.error->message}};
  json["receipt"] = nullptr;
  if (!entry.receipt.empty())
    json["receipt"] = ordered_json::parse(entry.receipt, nullptr, /*allow_exceptions=*/false);
  return json;
}

void print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
}

int failed(Console& console, const Error& error, bool json) {
  console.error(printable(error.message));
  if (json) print(json_report(error) + '\n');
  return exit_code(error);
}

/// A list of uploads and the messages about it.
struct Listed {
  std::string text;
  std::vector<std::string> warnings;
};

Result<Listed> list_batch(const StatusOptions& options) {
  constexpr std::size_t most = 5;
  TRY_ASSIGN(const ShardDirectory directory, ShardDirectory::read(options.batch));
  TRY_ASSIGN(const BatchStatus status, batch_status(directory, options.shard));
  return Listed{.text = options.json ? json_of(status) + '\n' : text_of(status, most),
                .warnings = {}};
}

Result<Listed> list(const StatusOptions& options) {
  if (!options.batch.empty()) return list_batch(options);
  TRY_ASSIGN(const Found found, find_journal(options.state_dir));
  Journal::Listing listing;
  if (found.journal) {
    TRY_ASSIGN(listing, found.journal->list(options.all));
  }
  Listed listed;
  listed.warnings = std::move(listing.unreadable);
  if (options.json) {
    ordered_json json{{"version", SLUICE_VERSION}, {"state_dir", found.directory}};
    json["uploads"] = ordered_json::array();
    for (const JournalEntry& entry : listing.entries)
      json["uploads"].push_back(json_of(entry, found.directory));
    listed.text = json.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + '\n';
    return listed;
  }
  const std::string state_dir = state_dir_argument(options.state_dir);
  for (const JournalEntry& entry : listing.entries)
    listed.text += text_of(entry, found.directory, state_dir);
  if (listing.entries.empty())
    listed.text = options.all ? "the journal has no uploads\n" : "no unfinished uploads\n";
  return listed;
}

Result<int> watch_list(const StatusOptions& options) {
  WatchOptions watch_options{.plain = options.json};
  if (!options.interval.empty()) {
    TRY_ASSIGN(watch_options.interval, parse_duration(options.interval));
    if (watch_options.interval.count() < 1)
      return Error{ErrorKind::usage, "--interval must be at least 1 second"};
  }
  return watch(watch_options, [&]() -> Result<std::string> {
    TRY_ASSIGN(Listed listed, list(options));
    // On stderr, the messages would interrupt a list on the same terminal.
    if (!options.json)
      for (const std::string& warning : listed.warnings) listed.text += "sluice: " + warning + '\n';
    return std::move(listed.text);
  });
}

}  // namespace

int status(const StatusOptions& options) {
  Console console({});
  if (options.watch) {
    const Result<int> code = watch_list(options);
    return code ? *code : failed(console, code.error(), options.json);
  }
  const Result<Listed> listed = list(options);
  if (!listed) return failed(console, listed.error(), options.json);
  for (const std::string& text : listed->warnings) console.warning(text);
  print(listed->text);
  return 0;
}

}  // namespace sluice::cli
