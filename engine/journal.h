#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/journal_entry.h"
#include "io/result.h"

namespace sluice {

/// What uploads to one server have found out about it, for the next one. What makes no sense in the
/// journal's file is as good as nothing.
struct ServerFacts {
  /// The largest payload of one request that it took, in bytes, after it had refused more (413).
  std::optional<std::uint64_t> chunk_limit;
  /// The length of the chunks where an upload ended that chose it by itself, in bytes.
  std::optional<std::uint64_t> chunk_bytes;
  /// When it, or what stands in front of it, last refused to wait for the held-back end of a
  /// request's body; Unix seconds.
  std::optional<std::int64_t> lookahead_refused_s;

  /// Whether that is still to be heeded: for 7 days, as servers change.
  bool refuses_lookahead(std::int64_t now_s) const;
};

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

  /// The same where there is one already; null where there is none, and nothing is made. For those
  /// who only look.
  static Result<std::unique_ptr<Journal>> open_existing(const std::string& directory);

  /// Whether there is one with something in it, usable or not.
  static bool exists(const std::string& directory);

  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  /// The upload of that name that is unfinished or verifying; there is one at most. An error also
  /// if its entry cannot be understood: begin() puts it out of the way.
  Result<std::optional<JournalEntry>> find(std::string_view system, std::string_view dataset,
                                           std::string_view name);

  /// The upload with that id, whatever its state.
  Result<std::optional<JournalEntry>> get(std::int64_t id);

  struct Listing {
    std::vector<JournalEntry> entries;  ///< newest first
    /// One sentence, fit to show, for each entry that cannot be understood. They hide no other.
    std::vector<std::string> unreadable;
  };
  /// All that are unfinished or verifying; `finished_too`: all.
  Result<Listing> list(bool finished_too);

  /// Begins an upload and returns its id. Of `entry`, the members from `system` to `block_bytes`
  /// count; everything else starts from nothing, now. An upload of the same system, dataset and
  /// name that is unfinished or verifying becomes abandoned. Also an error: an entry that
  /// check_journal_entry() refuses.
  Result<std::int64_t> begin(const JournalEntry& entry);

  /// What has become known of an upload; what is not set stays as it is.
  struct Step {
    std::optional<std::uint64_t> committed = {};  ///< bytes

    /// More of the file has been hashed: the checksums of the blocks [first_block, first_block +
    /// checksums.size()), and the running digest's state after them. first_block is at most
    /// hashed_blocks; what was journaled from first_block on is replaced.
    struct Hashed {
      std::uint64_t first_block = 0;
      std::span<const std::uint64_t> checksums = {};
      std::string_view digest_state = {};
    };
    std::optional<Hashed> hashed = {};

    /// `registered` drops the checksums, the digest's state and the error, which nobody needs any
    /// more; `abandoned` drops the first two.
    std::optional<JournalEntry::State> state = {};
    std::optional<Error> error = {};               ///< kind and message are kept
    std::optional<std::string_view> receipt = {};  ///< JSON text
  };
  /// Writes all of `step`, or nothing. Also an error: no such upload; a step that does not fit it
  /// (more committed than the file has, a gap between the checksums).
  Result<void> record(std::int64_t id, const Step& step);

  /// The server has lost what it had: nothing committed, no checksums, no digest state, unfinished.
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

  /// Of its file.
  const std::string& path() const;

 private:
  struct Impl;
  explicit Journal(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice
