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

/// The user discards an upload, and shall not wait long for a server that does not respond.
constexpr auto longest_wait = 20s;
/// Within 2 s: a server may still be at the last request of an upload that was killed (423).
constexpr unsigned retries = 3;

/// What the server has of an upload that was given up.
struct Remains {
  bool deleted = false;        ///< nothing, and there was something
  std::string why = {};        ///< it has something still; empty where it has not
  std::optional<Error> error;  ///< the same, where something went wrong
  std::optional<std::chrono::system_clock::time_point> expires;
};

class Forget {
 public:
  Forget(const ForgetOptions& options, Console& console) : options_(options), console_(console) {}

  int run() {
    Result<std::vector<JournalEntry>> entries = choose();
    if (!entries) return failed(entries.error());
    alone_ = std::all_of(entries->begin(), entries->end(), [&](const JournalEntry& entry) {
      return entry.system == entries->front().system;
    });
    for (const JournalEntry& entry : *entries)
      if (Result<void> forgotten = forget(entry); !forgotten) failed(forgotten.error());
    return code_;
  }

 private:
  int failed(const Error& error) {
    console_.error(printable(error.message));
    if (code_ == 0)
      code_ = error.kind == ErrorKind::interrupted && stop_signal() != 0 ? 128 + stop_signal()
                                                                         : exit_code(error);
    return code_;
  }

  /// One for each server at which an upload of that name is unfinished.
  Result<std::vector<JournalEntry>> choose() {
    // Before anything is forgotten.
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
      const auto of_it = std::count_if(chosen.begin(), chosen.end(),
                                       [&](const auto& entry) { return entry.name == name; });
      if (of_it == 0)
        return Error{
            ErrorKind::usage,
            fmt::format("cannot discard '{}' in dataset {}: the journal in {} has no such "
                        "unfinished upload; list all uploads with: sluice status --all",
                        printable(name), printable(options_.dataset), printable(directory_))};
      if (of_it > 1 && !options_.token_file.empty())
        return Error{
            ErrorKind::usage,
            fmt::format("--token-file names the token of one server, but uploads of '{}' are "
                        "unfinished on {} servers; leave out --token-file to use the token "
                        "file of each upload",
                        printable(name), of_it)};
    }
    return chosen;
  }

  /// Nobody begins to upload it from then on. Where the upload of another file has the whole
  /// dataset to itself, nobody can, and there is nothing to hold.
  Result<std::optional<DatasetLock>> keep_others_out(const JournalEntry& entry) {
    auto lock = DatasetLock::acquire(directory_, entry.system, entry.dataset, entry.name,
                                     DatasetLock::Scope::name);
    if (lock) return std::optional<DatasetLock>(*std::move(lock));
    if (!lock.error().retryable) return std::move(lock).error();
    const auto others = DatasetLock::holder(directory_, entry.system, entry.dataset);
    if (!others || !*others || !(*others)->whole || (*others)->what.empty() ||
        (*others)->what == printable(entry.name))
      return std::move(lock).error();
    return std::optional<DatasetLock>();
  }

  Result<void> forget(const JournalEntry& listed) {
    TRY_ASSIGN(const std::optional<DatasetLock> lock, keep_others_out(listed));
    // As it is now that nobody is at it.
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
    tell(*entry, remains);
    return {};
  }

  /// Records as registered a file that the user has found on the dataset's page.
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

  void tell(const JournalEntry& entry, const Remains& remains) {
    if (remains.why.empty()) return;
    const std::string text = fmt::format(
        "did not delete the data of '{}' from {}: {}; the server keeps the data until {}",
        printable(entry.name), printable(entry.system), remains.why,
        remains.expires ? utc_time(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                       remains.expires->time_since_epoch())
                                       .count())
                        : "the upload expires (in the Data Bank, 7 days after the last byte)");
    if (remains.error)
      failed({remains.error->kind, text, remains.error->code});
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
      remains.deleted = asked_ > 0 && terminated->left == 0;
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

  /// All parts were there, so that they may have become one whose address was lost with the answer.
  bool may_be_joined(const JournalEntry& entry) {
    const auto parts = journal_->parts(entry.id);
    return parts && !parts->empty() && entry.upload_url.empty() &&
           std::all_of(parts->begin(), parts->end(),
                       [](const JournalEntry& part) { return part.committed == part.file.size; });
  }

  Result<Terminated> terminate(const JournalEntry& entry) {
    Termination request;
    TRY_ASSIGN(request.urls, own_addresses(*journal_, entry));
    asked_ = request.urls.size();
    if (request.urls.empty()) return Terminated();
    TRY_ASSIGN(request.base_url, check_base_url(entry.system, options_.insecure_http));
    TRY_ASSIGN(request.token, token_for(entry));
    request.dataset = entry.dataset;
    catch_stop_signals();
    request.stop = [deadline = Clock::now() + longest_wait] {
      return stop_signal() != 0 || Clock::now() >= deadline;
    };
    if (!engine_) {
      // Nothing of the pool is used, so the least there can be.
      EngineOptions least;
      least.block_bytes = 4096;
      least.pool_bytes = 2 * least.block_bytes;
      least.state_dir = directory_;
      least.retry.retries = retries;
      least.network = options_.network;
      TRY_ASSIGN(engine_, Engine::create(least));
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
    // SLUICE_TOKEN can be that of another server, where an upload of the same name is unfinished.
    TRY_ASSIGN(FoundToken found, find_token({.token_file = options_.token_file,
                                             .allowed = options_.token_file_mode,
                                             .system = entry.system,
                                             .dataset = entry.dataset,
                                             .remembered = entry.token_file,
                                             .environment = alone_ ? EnvironmentToken::first
                                                                   : EnvironmentToken::ignored}));
    if (!found.warning.empty()) console_.warning(found.warning);
    return std::move(found.token);
  }

  const ForgetOptions& options_;
  Console& console_;
  std::string directory_;
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<Engine> engine_;
  bool alone_ = true;      ///< all are unfinished at one server
  std::size_t asked_ = 0;  ///< uploads of the entry at hand that are to be deleted
  int code_ = 0;
};

}  // namespace

int forget(const ForgetOptions& options) {
  Console console({});
  return console.finish(Forget(options, console).run());
}

}  // namespace sluice::cli
