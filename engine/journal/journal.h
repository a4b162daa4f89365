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

/// What survives a crash: which uploads exist, how far each is, its block checksums, its receipt.
/// Never a token. An SQLite file, DIR/journal.sqlite, readable by its owner only.
///
/// Every call is one transaction and is on the disk when it returns, so that a crash at any instant
/// leaves what the calls that returned have written. That takes milliseconds, seconds on a busy
/// disk: never on the network thread.
///
/// Any thread may call; several processes may have the same one open, and wait for each other for
/// ten seconds at most. Not to be used in a child after fork().
///
/// Every error is of kind failed and names the journal's file; code is SQLite's result code, or
/// errno, or 0, and retryable says that another process kept it busy. None of them spoils the
/// Journal: on a full disk, say, a caller goes on without, and later calls work as soon as there is
/// room.
class Journal {
 public:
  /// Opens DIR/journal.sqlite, made if it is missing, directory (mode 0700) and file (0600)
  /// included. A file that others may read or write is closed to them. Errors: it cannot be made or
  /// read, belongs to another user, is no journal, is damaged, or was written by a newer sluice.
  static Result<std::unique_ptr<Journal>> open(const std::string& directory);

  /// A journal in memory alone, for tests and simulations: empty, or as serialize() gave it.
  static Result<std::unique_ptr<Journal>> in_memory(std::string_view bytes = {});
  /// Of one in memory: what is committed.
  std::string serialize() const;
  /// For tests: asked before each transaction is committed, on the thread that commits; false makes
  /// it fail, as on a full disk. Before anybody else uses the journal.
  void set_may_commit(std::function<bool()> may_commit);

  /// The same where there is one already; null where there is none, or an empty file, and
  /// nothing is made, or where one that cannot be opened has nothing in it. For those who only
  /// look.
  static Result<std::unique_ptr<Journal>> open_existing(const std::string& directory);

  /// Whether there is one that may have an upload in it, usable or not. One that a disk without
  /// room has left without entries has none. Makes nothing, and needs no room.
  static bool exists(const std::string& directory);

  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  /// The whole upload of that name that is unfinished or verifying; there is one at most. An error
  /// also if its entry cannot be understood: begin() puts it out of the way.
  Result<std::optional<JournalEntry>> find(std::string_view system, std::string_view dataset,
                                           std::string_view name);
  /// The last upload of that name that was registered.
  Result<std::optional<JournalEntry>> find_registered(std::string_view system,
                                                      std::string_view dataset,
                                                      std::string_view name);

  /// The names of all whole uploads into that dataset but the abandoned ones, each once.
  Result<std::vector<std::string>> names(std::string_view system, std::string_view dataset);

  using Timing = JournalTiming;
  /// The whole uploads to that system that were registered, the one that began last first, at most
  /// `most`.
  Result<std::vector<Timing>> last_registered(std::string_view system, std::size_t most);

  /// The upload with that id, whatever its state.
  Result<std::optional<JournalEntry>> get(std::int64_t id);

  using Listing = JournalListing;
  /// All whole uploads that are unfinished or verifying; `finished_too`: all whole ones.
  Result<Listing> list(bool finished_too);

  /// The parts of the whole upload `id` in the order of the file, without abandoned ones. An error
  /// also if one of them cannot be understood.
  Result<std::vector<JournalEntry>> parts(std::int64_t id);

  /// Begins an upload and returns its id. Of `entry`, the members from `system` to `block_bytes`
  /// count; everything else starts from nothing, now. An upload of the same system, dataset and
  /// name that is unfinished or verifying becomes abandoned, with its parts. A part (part_of) takes
  /// nobody's place. Also an error: an entry that check_journal_entry() refuses; a part that does
  /// not lie in a whole upload of the same name that goes on.
  Result<std::int64_t> begin(const JournalEntry& entry);

  using Step = JournalStep;
  /// Writes all of `step`, or nothing. Also an error: no such upload; a step that does not fit it
  /// (more committed than the file has, a gap between the checksums).
  Result<void> record(std::int64_t id, const Step& step);

  /// What the file system says by now of the file of upload `id`, whatever its state: the bytes are
  /// the same. Its size stays.
  Result<void> note_file(std::int64_t id, const FileIdentity& file);

  /// The server has lost what it had: nothing committed, no checksums, no digest state, no upload's
  /// address, unfinished; the parts of a whole upload become abandoned.
  Result<void> start_over(std::int64_t id);

  /// The checksums of the blocks [first, first + count), which lie below hashed_blocks.
  Result<std::vector<std::uint64_t>> checksums(std::int64_t id, std::uint64_t first,
                                               std::uint64_t count);

  /// What is known of the server at that base URL. Each setter leaves the other facts as they are.
  Result<ServerFacts> facts(std::string_view system);
  Result<void> set_chunk_limit(std::string_view system, std::uint64_t bytes);
  Result<void> set_chunk_bytes(std::string_view system, std::uint64_t bytes);
  /// Just now.
  Result<void> set_lookahead_refused(std::string_view system);
  /// Found out just now. Also an error: what check_protocol_facts() refuses.
  Result<void> set_protocol(std::string_view system, std::string_view protocol,
                            std::string_view tus);
  /// To so many requests at a time uploads had to go down just now; nothing: that is over.
  Result<void> set_requests(std::string_view system, std::optional<unsigned> requests);
  Result<void> forget_protocol(std::string_view system);

  /// Work that may share its transaction with others'. It calls nothing but the tables it is given,
  /// does not throw, and returns the error of a call that failed.
  using Work = std::function<Result<void>(JournalTables&)>;

  /// Does all of it, in that order and on this thread, as one transaction: one wait for the disk,
  /// however many there are. Returns what became of each, once that is on the disk. Work that fails
  /// leaves nothing, and the rest stays; where the transaction itself fails, its error is that of
  /// all that had not failed on their own, and nothing of any is left.
  std::vector<Result<void>> together(std::span<const Work> works);

  /// Of its file.
  const std::string& path() const;

 private:
  struct Impl;
  explicit Journal(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice
