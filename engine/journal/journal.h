#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/journal/journal_entry.h"
#include "engine/journal/journal_tables.h"
#include "engine/journal/server_facts.h"
#include "io/result.h"

namespace sluice {

/// The persistent record of all uploads, which survives a crash: which uploads exist, the progress,
/// block checksums and receipt of each. Never a token. An SQLite file, DIR/journal.sqlite, readable
/// by its owner only.
///
/// Every call that writes is one transaction, which is on the disk when the call returns, so a
/// crash at any time leaves what the completed calls have written. A call takes milliseconds, and
/// seconds on a busy disk: the network thread must not call.
///
/// Any thread may call. Several processes may have the same journal open; a call waits for the
/// locks of other processes for ten seconds at most. Must not be used in a child process after
/// fork().
///
/// Every error is of kind failed and names the journal's file. `code` is SQLite's result code, or
/// errno, or 0; `retryable` means that another process kept the file locked. A Journal stays usable
/// after an error: on a full disk, for example, a caller continues without the journal, and later
/// calls work as soon as there is space.
///
/// Has more functions than other classes: one for each fact that is recorded or asked for.
class Journal {
 public:
  /// Opens DIR/journal.sqlite. Creates the directory (mode 0700) and the file (0600) if missing. If
  /// others may read or write the file, removes their permissions. Errors: the file cannot be
  /// created or read, belongs to another user, is no journal, is damaged, or was written by a newer
  /// sluice.
  static Result<std::unique_ptr<Journal>> open(const std::string& directory);

  /// Returns a journal in memory, for tests and simulations: empty, or with the contents that
  /// serialize() returned.
  static Result<std::unique_ptr<Journal>> in_memory(std::string_view bytes = {});
  /// Returns the committed contents of a journal in memory.
  std::string serialize() const;
  /// For tests: sets a hook that is called before each commit, on the thread that commits. If the
  /// hook returns false, the transaction fails, as on a full disk. To be called before the journal
  /// is used.
  void set_may_commit(std::function<bool()> may_commit);

  /// Opens an existing journal. Returns null, and creates nothing, if there is no file or the file
  /// is empty, or if the file cannot be opened but has no upload in it. For callers that only read.
  static Result<std::unique_ptr<Journal>> open_existing(const std::string& directory);

  /// Returns whether the directory has a journal that may hold an upload, usable or not. A journal
  /// that a full disk has left without entries counts as none. Creates nothing, and needs no space.
  static bool exists(const std::string& directory);

  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  /// Returns the whole upload of that name that is unfinished or verifying; there is at most one.
  /// Also returns an error if the entry is invalid; begin() replaces such an entry.
  Result<std::optional<JournalEntry>> find(std::string_view system, std::string_view dataset,
                                           std::string_view name);
  /// Returns the last registered upload of that name.
  Result<std::optional<JournalEntry>> find_registered(std::string_view system,
                                                      std::string_view dataset,
                                                      std::string_view name);

  /// Returns the names of all whole uploads into that dataset except abandoned ones, each once.
  Result<std::vector<std::string>> names(std::string_view system, std::string_view dataset);

  using Timing = JournalTiming;
  /// Returns the last `most` registered whole uploads to that system, the one that began last
  /// first.
  Result<std::vector<Timing>> last_registered(std::string_view system, std::size_t most);

  /// Returns the upload with that id, in any state; nullopt if there is none.
  Result<std::optional<JournalEntry>> get(std::int64_t id);

  using Listing = JournalListing;
  /// Returns all whole uploads that are unfinished or verifying; with `finished_too`, all whole
  /// uploads.
  Result<Listing> list(bool finished_too);

  /// Returns the parts of the whole upload `id` in the order of the file, without abandoned ones.
  /// Also returns an error if one of the parts is invalid.
  Result<std::vector<JournalEntry>> parts(std::int64_t id);

  /// Adds an upload and returns its id. Of `entry`, only the members from `system` to `block_bytes`
  /// are used; all others start empty, with the current time. An upload of the same system, dataset
  /// and name that is unfinished or verifying becomes abandoned, with its parts. A part (part_of)
  /// replaces no other upload. Further errors: check_journal_entry() refuses the entry; a part does
  /// not lie inside an unfinished or verifying whole upload of the same name.
  Result<std::int64_t> begin(const JournalEntry& entry);

  using Step = JournalStep;
  /// Writes all of `step`, or nothing. Further errors: no such upload; a step that does not fit the
  /// upload (more bytes committed than the file has, a gap between the checksums).
  Result<void> record(std::int64_t id, const Step& step);

  /// Replaces the file identity of upload `id`, in any state, when the file has the same bytes but
  /// other metadata. The size is not changed.
  Result<void> note_file(std::int64_t id, const FileIdentity& file);

  /// Records that the server has lost all bytes of upload `id`: the upload is unfinished, with no
  /// committed bytes, checksums, digest state or upload URL. The parts of a whole upload become
  /// abandoned.
  Result<void> start_over(std::int64_t id);

  /// Returns the checksums of the blocks [first, first + count), which must be below hashed_blocks.
  Result<std::vector<std::uint64_t>> checksums(std::int64_t id, std::uint64_t first,
                                               std::uint64_t count);

  /// Returns what is known about the server at base URL `system`. Each setter changes one fact and
  /// leaves the others.
  Result<ServerFacts> facts(std::string_view system);
  Result<void> set_chunk_limit(std::string_view system, std::uint64_t bytes);
  Result<void> set_chunk_bytes(std::string_view system, std::uint64_t bytes);
  /// Records ServerFacts::lookahead_refused_s, with the current time.
  Result<void> set_lookahead_refused(std::string_view system);
  /// Records the server's protocol, with the current time. Also returns an error if
  /// check_protocol_facts() refuses the facts.
  Result<void> set_protocol(std::string_view system, std::string_view protocol,
                            std::string_view tus);
  /// Records ServerFacts::requests, with the current time; nullopt deletes the fact.
  Result<void> set_requests(std::string_view system, std::optional<unsigned> requests);

  /// A piece of work that may share its transaction with other pieces. Calls only the given tables,
  /// does not throw, and returns the error of a call that failed.
  using Work = std::function<Result<void>(JournalTables&)>;

  /// Runs all `works` in order, on the caller's thread, in one transaction, which waits for the
  /// disk once. Returns one result for each, when the results are on the disk. A work that fails
  /// leaves no changes; the others remain. If the transaction itself fails, no work leaves changes,
  /// and every work without an error of its own has the transaction's error.
  std::vector<Result<void>> together(std::span<const Work> works);

  /// Returns the path of the journal's file.
  const std::string& path() const;

 private:
  struct Impl;
  explicit Journal(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice
