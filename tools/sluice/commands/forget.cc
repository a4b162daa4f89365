#include "tools/sluice/commands/forget.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "engine/base/text.h"
#include "engine/base/units.h"
#include "engine/http/base_url.h"
#include "engine/http/trust.h"
#include "engine/journal/dataset_lock.h"
#include "engine/journal/journal.h"
#include "engine/upload.h"
#include "engine/upload/earlier_run.h"
#include "tools/sluice/display/console.h"
#include "tools/sluice/display/report_text.h"
#include "tools/sluice/process/stop.h"
#include "tools/sluice/run/state_directory.h"
#include "tools/sluice/tokens/token_source.h"

namespace sluice::cli {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// The time limit for a server that does not respond; the user waits.
constexpr auto longest_wait = 20s;
/// About 2 s: a server may still process the last request of a killed upload (423).
constexpr unsigned retries = 3;

/// The state of an abandoned upload at its server.
struct Remains {
  bool deleted = false;        ///< the server had data and deleted them
  std::string why = {};        ///< why the server still has data; empty if it has none
  std::optional<Error> error;  ///< the error, if one is the reason
  std::optional<std::chrono::system_clock::time_point> expires;
};

class Forget {
 public:
  Forget(const ForgetOptions& options, Console& console) : options_(options), console_(console) {}

  int run() {
    Result<std::vector<JournalEntry>> entries = matching_uploads();
    if (!entries) return report_error(entries.error());
    single_server_ = std::all_of(entries->begin(), entries->end(), [&](const JournalEntry& entry) {
      return entry.system == entries->front().system;
    });
    for (const JournalEntry& entry : *entries)
      if (Result<void> forgotten = forget(entry); !forgotten) report_error(forgotten.error());
    return code_;
  }

 private:
  int report_error(const Error& error) {
    console_.error(printable(error.message));
    if (code_ == 0)
      code_ = error.kind == ErrorKind::interrupted && stop_signal() != 0 ? 128 + stop_signal()
                                                                         : exit_code(error);
    return code_;
  }

  /// Returns the matching unfinished uploads, one for each server.
  Result<std::vector<JournalEntry>> matching_uploads() {
    // Report an unusable CA file before the journal is changed.
    TRY(find_trust(options_.network));
    TRY(check_proxy(options_.network));
    UploadOptions place;
    place.state_dir = options_.state_dir;
    TRY_ASSIGN(directory_, state_dir(place));
    TRY_ASSIGN(journal_, Journal::open_existing(directory_));
    Journal::Listing listing;
    if (journal_) {
      TRY_ASSIGN(listing, journal_->list(/*finished_too=*/false));
    }
    std::vector<JournalEntry> chosen;
    for (JournalEntry& entry : listing.entries)
      if (entry.dataset == options_.dataset &&
          std::find(options_.names.begin(), options_.names.end(), entry.name) !=
              options_.names.end())
        chosen.push_back(std::move(entry));
    for (const std::string& name : options_.names) {
      const auto matches = std::count_if(chosen.begin(), chosen.end(),
                                         [&](const auto& entry) { return entry.name == name; });
      if (matches == 0)
        return Error{
            ErrorKind::usage,
            fmt::format("cannot discard '{}' in dataset {}: the journal in {} has no such "
                        "unfinished upload; list all uploads with: sluice status --all",
                        printable(name), printable(options_.dataset), printable(directory_))};
      if (matches > 1 && !options_.token_file.empty())
        return Error{
            ErrorKind::usage,
            fmt::format("--token-file names the token of one server, but uploads of '{}' are "
                        "unfinished on {} servers; leave out --token-file to use the token "
                        "file of each upload",
                        printable(name), matches)};
    }
    return chosen;
  }

  /// Locks the upload against other processes. Returns no lock if another upload has the whole
  /// dataset locked: no process can then start this upload.
  Result<std::optional<DatasetLock>> lock_upload(const JournalEntry& entry) {
    auto lock = DatasetLock::acquire(directory_, entry.system, entry.dataset, entry.name,
                                     DatasetLock::Scope::name);
    if (lock) return std::optional<DatasetLock>(*std::move(lock));
    if (!lock.error().retryable) return std::move(lock).error();
    const auto holder = DatasetLock::holder(directory_, entry.system, entry.dataset);
    if (!holder || !*holder || !(*holder)->whole || (*holder)->what.empty() ||
        (*holder)->what == printable(entry.name))
      return std::move(lock).error();
    return std::optional<DatasetLock>();
  }

  Result<void> forget(const JournalEntry& listed) {
    TRY_ASSIGN(const std::optional<DatasetLock> lock, lock_upload(listed));
    // Read the entry again under the lock.
    TRY_ASSIGN(const std::optional<JournalEntry> entry, journal_->get(listed.id));
    if (!entry || !is_open(*entry))
      return Error{ErrorKind::usage,
                   fmt::format("cannot discard '{}' in dataset {}: another sluice process has "
                               "finished or discarded the upload",
                               printable(listed.name), listed.dataset)};
    if (options_.registered) return note_registered(*entry);
    const Remains remains = delete_at_server(*entry);
    if (stop_signal() != 0)
      return Error{
          ErrorKind::interrupted,
          fmt::format("interrupted while deleting the unfinished upload of '{}' from {}; run the "
                      "same command again",
                      printable(entry->name), printable(entry->system))};
    TRY(journal_->record(entry->id, {.state = JournalEntry::State::abandoned}));
    console_.result(fmt::format("discarded '{}' in dataset {} ({} of {} uploaded){}\n",
                                printable(entry->name), entry->dataset,
                                format_size(entry->committed), format_size(entry->file.size),
                                remains.deleted ? ", and deleted the data from the server" : ""));
    report_remains(*entry, remains);
    return {};
  }

  /// Records the upload as registered: the user has found the file on the dataset's page.
  Result<void> note_registered(const JournalEntry& entry) {
    if (entry.state != JournalEntry::State::verifying)
      return Error{ErrorKind::usage,
                   fmt::format("cannot note '{}' in dataset {} as registered: its registration was "
                               "never sent; resume it with: sluice resume {} {}",
                               printable(entry.name), entry.dataset, entry.dataset,
                               shell_argument(printable(entry.name)))};
    TRY(journal_->record(entry.id, {.state = JournalEntry::State::registered}));
    console_.result(fmt::format("noted '{}' in dataset {} as registered\n", printable(entry.name),
                                entry.dataset));
    return {};
  }

  void report_remains(const JournalEntry& entry, const Remains& remains) {
    if (remains.why.empty()) return;
    const std::string text = fmt::format(
        "did not delete the data of '{}' from {}: {}; the server keeps the data until {}",
        printable(entry.name), printable(entry.system), remains.why,
        remains.expires ? utc_time(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                       remains.expires->time_since_epoch())
                                       .count())
                        : "the upload expires (in the Data Bank, 7 days after the last byte)");
    if (remains.error)
      report_error({remains.error->kind, text, remains.error->code});
    else
      console_.warning(text);
  }

  /// Deletes nothing if the registration is unconfirmed: the data may be the registered file.
  Remains delete_at_server(const JournalEntry& entry) {
    if (entry.protocol != to_string(ProtocolKind::tus)) return {};
    Remains remains;
    if (entry.state == JournalEntry::State::verifying) {
      remains.why = "the file may be registered";
      return remains;
    }
    const auto terminated = terminate(entry);
    if (!terminated) {
      remains.error = terminated.error();
    } else {
      remains.error = terminated->error;
      remains.expires = terminated->expires;
      remains.deleted = requested_ > 0 && terminated->left == 0;
      if (!remains.error && terminated->left > 0) {
        remains.why = "the server does not support the deletion of uploads";
      } else if (!remains.error && terminated->missing > 0 && may_be_joined(entry)) {
        remains.deleted = false;
        remains.why =
            "the parts are gone, perhaps joined into an upload whose address never arrived here";
      }
    }
    if (remains.error && remains.error->kind == ErrorKind::interrupted && stop_signal() == 0)
      remains.error = Error{ErrorKind::unreachable,
                            fmt::format("no response within {} s", longest_wait.count())};
    if (remains.error) remains.why = remains.error->message;
    return remains;
  }

  /// Whether all parts were complete: the final upload may then exist although its URL was lost
  /// with a response.
  bool may_be_joined(const JournalEntry& entry) {
    const auto parts = journal_->parts(entry.id);
    return parts && !parts->empty() && entry.upload_url.empty() &&
           std::all_of(parts->begin(), parts->end(),
                       [](const JournalEntry& part) { return part.committed == part.file.size; });
  }

  Result<Terminated> terminate(const JournalEntry& entry) {
    Termination request;
    TRY_ASSIGN(request.urls, upload_urls(*journal_, entry));
    requested_ = request.urls.size();
    if (request.urls.empty()) return Terminated();
    TRY_ASSIGN(request.base_url, check_base_url(entry.system, options_.insecure_http));
    TRY_ASSIGN(request.token, token_for(entry));
    request.dataset = entry.dataset;
    catch_stop_signals();
    request.stop = [deadline = Clock::now() + longest_wait] {
      return stop_signal() != 0 || Clock::now() >= deadline;
    };
    if (!engine_) {
      // The buffer pool is not used: choose the smallest.
      EngineOptions minimal;
      minimal.block_bytes = 4096;
      minimal.pool_bytes = 2 * minimal.block_bytes;
      minimal.state_dir = directory_;
      minimal.retry.retries = retries;
      minimal.network = options_.network;
      TRY_ASSIGN(engine_, Engine::create(minimal));
    }
    TRY_ASSIGN(const ServerProfile server, engine_->ask_server({.base_url = request.base_url,
                                                                .dataset = request.dataset,
                                                                .token = request.token,
                                                                .protocol = ProtocolKind::tus,
                                                                .stop = request.stop}));
    request.server = server.tus;
    return engine_->terminate(request);
  }

  Result<Secret> token_for(const JournalEntry& entry) const {
    // SLUICE_TOKEN is ambiguous if uploads of that name are unfinished at several servers.
    TRY_ASSIGN(FoundToken found,
               find_token({.token_file = options_.token_file,
                           .allowed = options_.token_file_mode,
                           .system = entry.system,
                           .dataset = entry.dataset,
                           .remembered = entry.token_file,
                           .environment = single_server_ ? EnvironmentToken::first
                                                         : EnvironmentToken::ignored}));
    if (!found.warning.empty()) console_.warning(found.warning);
    return std::move(found.token);
  }

  const ForgetOptions& options_;
  Console& console_;
  std::string directory_;
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<Engine> engine_;
  bool single_server_ = true;  ///< all uploads are at one server
  std::size_t requested_ = 0;  ///< uploads of the current entry to be deleted
  int code_ = 0;
};

}  // namespace

int forget(const ForgetOptions& options) {
  Console console({});
  return console.finish(Forget(options, console).run());
}

}  // namespace sluice::cli
