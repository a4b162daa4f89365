#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/journal/journal_entry.h"
#include "engine/journal/journal_row.h"
#include "engine/journal/server_facts.h"
#include "engine/journal/sqlite.h"
#include "io/result.h"

namespace sluice {

/// A change to an upload's entry. Members without a value leave the entry as it is.
struct JournalStep {
  std::optional<std::uint64_t> committed = {};  ///< bytes

  /// More hashed blocks: the checksums of the blocks [first_block, first_block + checksums.size()),
  /// and the running digest's state after them. first_block is at most hashed_blocks; journaled
  /// checksums from first_block on are replaced.
  struct Hashed {
    std::uint64_t first_block = 0;
    std::span<const std::uint64_t> checksums = {};
    std::string_view digest_state = {};
  };
  std::optional<Hashed> hashed = {};

  /// The new state. `registered` deletes the checksums, the digest's state and the error, which are
  /// not needed any more; `abandoned` deletes the first two. The parts of a whole upload get the
  /// same state.
  std::optional<JournalEntry::State> state = {};
  std::optional<Error> error = {};                  ///< kind and message are kept
  std::optional<std::string_view> receipt = {};     ///< JSON text
  std::optional<std::string_view> upload_url = {};  ///< as JournalEntry::upload_url
  /// The new file identity, when the file has the same bytes but other metadata. The size is not
  /// changed.
  std::optional<FileIdentity> file = {};
};

/// The result of JournalTables::list().
struct JournalListing {
  std::vector<JournalEntry> entries;  ///< newest first
  /// One sentence, fit to show, for each invalid entry. Invalid entries do not hide others.
  std::vector<std::string> unreadable;
};

/// The size and the times of a registered upload.
struct JournalTiming {
  std::uint64_t bytes = 0;
  std::int64_t started_s = 0;     ///< Unix seconds, of the upload's first run
  std::int64_t registered_s = 0;  ///< Unix seconds, not before started_s
};

/// The tables of the journal. The caller must have exclusive access and an open transaction:
/// Journal (engine/journal/journal.h) ensures both, and documents the calls. One thread at a time.
///
/// A failed call may have written a part of its changes: the caller must roll back.
///
/// Has more functions than other classes: one for each call of Journal, and one for each statement.
class JournalTables {
 public:
  explicit JournalTables(SqlDatabase database) : database_(std::move(database)) {}

  SqlDatabase& database() { return database_; }

  Result<std::optional<JournalEntry>> find(std::string_view system, std::string_view dataset,
                                           std::string_view name);
  /// Returns the last registered upload of that name.
  Result<std::optional<JournalEntry>> find_registered(std::string_view system,
                                                      std::string_view dataset,
                                                      std::string_view name);
  Result<std::vector<std::string>> names(std::string_view system, std::string_view dataset);
  Result<std::vector<JournalTiming>> last_registered(std::string_view system, std::size_t most);
  Result<std::optional<JournalEntry>> get(std::int64_t id);
  Result<JournalListing> list(bool finished_too);
  Result<std::vector<JournalEntry>> parts(std::int64_t id);
  Result<std::vector<std::uint64_t>> checksums(std::int64_t id, std::uint64_t first,
                                               std::uint64_t count);
  Result<ServerFacts> facts(std::string_view system);

  Result<std::int64_t> begin(const JournalEntry& entry);
  Result<void> record(std::int64_t id, const JournalStep& step);
  Result<void> note_file(std::int64_t id, const FileIdentity& file);
  Result<void> start_over(std::int64_t id);
  Result<void> set_chunk_limit(std::string_view system, std::uint64_t bytes);
  Result<void> set_chunk_bytes(std::string_view system, std::uint64_t bytes);
  Result<void> set_lookahead_refused(std::string_view system);
  Result<void> set_protocol(std::string_view system, std::string_view protocol,
                            std::string_view tus);
  Result<void> set_requests(std::string_view system, std::optional<unsigned> requests);

 private:
  Error failed(const std::string& what) const;
  Error unreadable(const SqlValue& id, const std::string& why) const;
  Result<JournalEntry> decode(const JournalRow& row) const;
  Result<std::optional<JournalEntry>> newest(std::string_view where,
                                             std::initializer_list<SqlValue> values);
  Result<JournalEntry> find_unended(std::int64_t id);
  Result<void> check_whole(const JournalEntry& part);
  Result<void> write(const JournalEntry& entry);
  Result<void> end(std::string_view where, std::initializer_list<SqlValue> values,
                   JournalEntry::State state);
  Result<void> end_parts(const JournalEntry& whole, JournalEntry::State state);
  Result<void> drop_checksums(std::int64_t id);
  Result<void> read_segment(std::int64_t id, std::uint64_t segment, std::size_t count,
                            std::vector<std::uint64_t>& checksums);
  Result<void> take_hashed(JournalEntry& entry, const JournalStep::Hashed& hashed);
  Result<void> set_fact(std::string_view system, std::string_view column, std::uint64_t value);

  SqlDatabase database_;
};

}  // namespace sluice
