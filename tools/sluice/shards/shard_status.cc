#include "tools/sluice/shards/shard_status.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "engine/base/text.h"
#include "engine/base/units.h"
#include "engine/journal/dataset_lock.h"
#include "engine/journal/journal.h"
#include "engine/upload/registered_before.h"
#include "io/local_file.h"

namespace sluice::cli {
namespace {

using nlohmann::ordered_json;
using State = ShardFileStatus::State;

/// The most recent upload of each dataset and name at a server.
using LastUploads = std::map<std::pair<std::string, std::string>, JournalEntry>;

LastUploads last_uploads(std::vector<JournalEntry> entries, const std::string& url) {
  LastUploads found;
  for (JournalEntry& entry : entries) {  // most recent first
    if (entry.system != url || entry.state == JournalEntry::State::abandoned) continue;
    std::pair key(entry.dataset, entry.name);
    found.try_emplace(std::move(key), std::move(entry));
  }
  return found;
}

class BatchReader {
 public:
  BatchReader(const ShardDirectory& directory, Journal* journal, LastUploads uploads)
      : directory_(directory), journal_(journal), uploads_(std::move(uploads)) {}

  ShardFileStatus status_of(const ManifestRow& row) const {
    ShardFileStatus status;
    status.dataset = row.dataset;
    status.name = row.name;
    status.file = row.path;
    const Result<FileIdentity> file = identity_at(row.path);
    if (file) status.bytes = file->size;
    const auto found = uploads_.find({row.dataset, row.name});
    if (found == uploads_.end()) return status;
    JournalEntry entry = found->second;
    UploadRequest request;
    request.path = row.path;
    if (!is_same_path(entry, request)) {
      if (entry.state == JournalEntry::State::registered) {
        status.state = State::another_file;
        status.detail = printable(entry.path);
      }
      return status;
    }
    if (is_open(entry)) {
      status.sent = sent_of(entry);
      if (is_running(entry, status)) return status;
      // The upload may have ended since the journal was read.
      if (auto current = journal_->get(entry.id); current && *current) entry = **std::move(current);
    }
    if (entry.state == JournalEntry::State::registered) {
      status.state =
          file && !is_same_file(entry, request, *file) ? State::changed : State::registered;
      status.bytes = entry.file.size;
      status.sent = entry.file.size;
      status.receipt = entry.receipt;
      return status;
    }
    status.sent = sent_of(entry);
    set_failure(entry, status);
    return status;
  }

 private:
  std::uint64_t sent_of(const JournalEntry& entry) const {
    std::uint64_t of_parts = 0;
    if (const auto parts = journal_->parts(entry.id))
      for (const JournalEntry& part : *parts) of_parts += part.committed;
    return std::min(std::max(entry.committed, of_parts), entry.file.size);
  }

  bool is_running(const JournalEntry& entry, ShardFileStatus& status) const {
    const auto holder =
        DatasetLock::holder(directory_.facts().state_dir, entry.system, entry.dataset, entry.name);
    if (!holder || !*holder) return false;
    status.state = State::running;
    status.detail = (*holder)->process();
    return true;
  }

  static void set_failure(const JournalEntry& entry, ShardFileStatus& status) {
    if (is_unconfirmed(entry))
      status.state = State::unconfirmed;
    else if (entry.error && entry.error->kind != ErrorKind::interrupted)
      status.state = State::failed;
    else
      status.state = State::interrupted;
    if (entry.error) status.detail = printable(entry.error->message);
  }

  const ShardDirectory& directory_;
  Journal* const journal_;
  const LastUploads uploads_;
};

struct Sum {
  std::size_t files = 0;
  std::size_t registered = 0;
  std::uint64_t bytes = 0;
  std::uint64_t sent = 0;

  void add(const ShardFileStatus& file) {
    ++files;
    registered += file.state == State::registered ? 1 : 0;
    bytes += file.bytes;
    sent += file.sent;
  }
  std::string text() const {
    return fmt::format("{} of {} {} registered, {} of {} bytes sent", registered, files,
                       files == 1 ? "file" : "files", sent, bytes);
  }
  ordered_json json() const {
    return {{"files", files}, {"registered", registered}, {"bytes", bytes}, {"sent", sent}};
  }
};

Sum sum_of(const BatchStatus::Shard& shard) {
  Sum sum;
  for (const ShardFileStatus& file : shard.files) sum.add(file);
  return sum;
}

Sum sum_of(const BatchStatus& status) {
  Sum sum;
  for (const BatchStatus::Shard& shard : status.shards)
    for (const ShardFileStatus& file : shard.files) sum.add(file);
  return sum;
}

std::string words_for_state(State state) {
  switch (state) {
    case State::not_begun:
      return "not begun";
    case State::interrupted:
      return "interrupted";
    case State::running:
      return "being uploaded";
    case State::failed:
      return "failed";
    case State::unconfirmed:
      return "uploaded, but the registration is unconfirmed";
    case State::another_file:
      return "the name is registered from another file";
    case State::changed:
      return "registered, but the file has changed since";
    case State::registered:
      break;
  }
  return "registered";
}

std::string line_of(const ShardFileStatus& file) {
  std::string line =
      fmt::format("  {} '{}': {}", file.dataset, printable(file.name), words_for_state(file.state));
  if (file.sent > 0)
    line += fmt::format(", {} of {} sent", format_size(file.sent), format_size(file.bytes));
  if (!file.detail.empty()) line += (file.state == State::running ? " by " : ": ") + file.detail;
  return line + '\n';
}

ordered_json json_of_file(const ShardFileStatus& file, std::size_t shard) {
  ordered_json json{{"shard", shard},
                    {"dataset", file.dataset},
                    {"name", file.name},
                    {"file", file.file},
                    {"bytes", file.bytes},
                    {"sent", file.sent},
                    {"state", to_string(file.state)}};
  json["message"] = file.detail.empty() ? ordered_json(nullptr) : ordered_json(file.detail);
  json["receipt"] = file.receipt.empty() ? ordered_json(nullptr)
                                         : ordered_json::parse(file.receipt, nullptr,
                                                               /*allow_exceptions=*/false);
  return json;
}

}  // namespace

const char* to_string(State state) {
  switch (state) {
    case State::not_begun:
      return "not_begun";
    case State::interrupted:
      return "interrupted";
    case State::running:
      return "running";
    case State::failed:
      return "failed";
    case State::unconfirmed:
      return "unconfirmed";
    case State::another_file:
      return "another_file";
    case State::changed:
      return "changed";
    case State::registered:
      break;
  }
  return "registered";
}

bool BatchStatus::all_registered() const {
  return std::all_of(shards.begin(), shards.end(), [](const Shard& shard) {
    return std::all_of(shard.files.begin(), shard.files.end(),
                       [](const ShardFileStatus& file) { return file.state == State::registered; });
  });
}

Result<BatchStatus> batch_status(const ShardDirectory& directory, std::size_t shard) {
  const ShardDirectory::Facts& facts = directory.facts();
  if (shard > facts.shards)
    return Error{ErrorKind::usage,
                 fmt::format("cannot list shard {}: the batch in {} has the shards 1 to {}", shard,
                             printable(directory.path()), facts.shards)};
  TRY_ASSIGN(const auto journal, Journal::open_existing(facts.state_dir));
  LastUploads uploads;
  if (journal) {
    TRY_ASSIGN(Journal::Listing listing, journal->list(/*finished_too=*/true));
    uploads = last_uploads(std::move(listing.entries), facts.url);
  }
  BatchStatus status{.directory = directory.path(),
                     .manifest = facts.manifest,
                     .url = facts.url,
                     .shard_count = facts.shards,
                     .shards = {}};
  const BatchReader reader(directory, journal.get(), std::move(uploads));
  for (std::size_t number = shard == 0 ? 1 : shard; number <= (shard == 0 ? facts.shards : shard);
       ++number) {
    TRY_ASSIGN(const std::vector<ManifestRow> rows, directory.rows(number));
    BatchStatus::Shard& one = status.shards.emplace_back();
    one.number = number;
    for (const ManifestRow& row : rows) one.files.push_back(reader.status_of(row));
  }
  return status;
}

std::string text_of(const BatchStatus& status, std::size_t most) {
  std::string text;
  for (const BatchStatus::Shard& shard : status.shards) {
    text +=
        fmt::format("shard {} of {}: {}\n", shard.number, status.shard_count, sum_of(shard).text());
    std::size_t shown = 0;
    std::size_t left = 0;
    for (const ShardFileStatus& file : shard.files) {
      if (file.state == State::registered) continue;
      if (++shown <= most)
        text += line_of(file);
      else
        ++left;
    }
    if (left > 0) text += fmt::format("  and {} more that are not registered\n", left);
  }
  if (status.shards.size() > 1) text += fmt::format("all shards: {}\n", sum_of(status).text());
  return text;
}

std::string json_of(const BatchStatus& status) {
  ordered_json json{{"version", SLUICE_VERSION},
                    {"directory", status.directory},
                    {"manifest", status.manifest},
                    {"system", status.url},
                    {"all_registered", status.all_registered()}};
  json.update(sum_of(status).json());
  json["shards"] = ordered_json::array();
  json["uploads"] = ordered_json::array();
  for (const BatchStatus::Shard& shard : status.shards) {
    ordered_json one{{"shard", shard.number}};
    one.update(sum_of(shard).json());
    json["shards"].push_back(std::move(one));
    for (const ShardFileStatus& file : shard.files)
      json["uploads"].push_back(json_of_file(file, shard.number));
  }
  return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace sluice::cli
