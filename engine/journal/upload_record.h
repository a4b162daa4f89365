#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "engine/base/log.h"
#include "engine/digest/file_digest.h"
#include "engine/journal/journal_thread.h"

namespace sluice {

/// The journal's record of one upload: decides what is written when, and how far the network may be
/// ahead of the journal.
///
/// The rule makes a resumed upload trustworthy: the server never holds a byte of a block whose
/// checksum is not in the journal. A chunk's last bytes wait until durable() returns true; without
/// them the server appends nothing. Checksums are written as the blocks pass, up to a pool ahead of
/// the network, so the network rarely waits.
///
/// If the journal cannot be written (a full disk), the upload continues: the user is warned once,
/// the rule is suspended, and the write is retried every 10 s. A registration that the server
/// cannot be asked about waits for the journal: see knows_of_verifying().
///
/// Every member belongs to the network thread, except wait() and resumable(). The upload keeps the
/// record alive, and so does work that is posted to the journal's thread.
///
/// Has more members than other classes: the network thread tells it each kind of progress, and both
/// threads have fields of their own.
class UploadRecord : public std::enable_shared_from_this<UploadRecord> {
 public:
  struct Setting {
    JournalThread& thread;    ///< must outlive this
    FileDigest& digest;       ///< must outlive the posted work: see wait()
    JournalEntry entry;       ///< id 0: a new upload; else one to resume
    std::size_t pool_blocks;  ///< how far, in blocks, the readers may be ahead of the network
    Log log;
  };

  /// `on_written`: called on the journal's thread after each write.
  UploadRecord(Setting setting, std::function<void()> on_written);

  /// Begins the record: writes the entry and the blocks that have passed already. From now on the
  /// upload can be resumed.
  void begin();
  /// Records the upload URL.
  void upload_url(const std::string& url);
  /// Records a new file identity, when the file has the same bytes but other metadata.
  void file(const FileIdentity& file);
  /// Records that the server has lost all bytes.
  void start_over();
  /// Writes the checksums of the blocks that have passed (Window::passed()) if the checksums of at
  /// least half of `pool_blocks` blocks are not in the journal yet. Call after blocks may have
  /// passed.
  void blocks_passed();
  /// Returns whether the checksums of all blocks before `offset` are in the journal, or cannot be
  /// written. If false, a write is pending, and on_written is called after it.
  bool durable(std::uint64_t offset);
  /// Like durable(), for a server that keeps bytes as they arrive: returns the end of the bytes
  /// from `offset` on that may be sent; all bytes before `arrived` have been hashed. Returns
  /// `arrived` if no byte has to wait for the journal.
  std::uint64_t durable_up_to(std::uint64_t offset, std::uint64_t arrived);
  /// Records the number of committed bytes; writes the number on its own at most once per second.
  void committed(std::uint64_t bytes);
  /// Records that the file is about to be registered. The request must not be sent before written()
  /// returns true, nor, if the server cannot be asked later, before knows_of_verifying() returns
  /// success.
  void verifying();
  /// Returns whether the journal holds the record of verifying(): nullopt while the write is
  /// pending. A retryable error if the journal cannot be written, as another run would register the
  /// file a second time; the caller must then call verifying() again.
  std::optional<Result<void>> knows_of_verifying() const;
  /// Records, after verifying(), that the file was not registered and that no request that could
  /// register it is in flight. So another run may register the file.
  void not_verifying();
  /// Returns whether no write is pending: everything is in the journal, or could not be written.
  bool written() const { return posted_ == done_; }
  /// Records the largest payload that this server accepts, in bytes.
  void chunk_limit(std::uint64_t bytes);
  /// Records the first chunk length of the next upload to this server, in bytes.
  void chunk_bytes(std::uint64_t bytes);
  /// Records that the server did not wait for the held-back end of a chunk.
  void lookahead_refused();
  /// Records the end of the upload. `receipt`: JSON text; empty unless the file is registered.
  void end(JournalEntry::State state, std::optional<Error> error, std::string receipt);

  /// Returns whether another run can resume from the journal. Any thread, after wait().
  bool resumable() const { return id_ != 0 && !failing_; }
  /// Blocks until all posted work is done. After that no work refers to the digest, and on_written
  /// is not called any more. Any thread.
  void wait();

 private:
  using Clock = std::chrono::steady_clock;

  /// A position in the checksums: how many blocks are durable, and since which restart.
  struct Mark {
    std::uint64_t generation;
    std::uint64_t durable_blocks;
  };
  Mark mark() const;
  /// The result of a piece of work; it takes effect once the work is on the disk.
  struct Reached {
    std::int64_t id = 0;
    std::optional<Mark> mark = {};
    bool verifying = false;
  };
  using Work = std::function<Result<void>(JournalTables&, Reached&)>;
  void post(Work work);
  void write();
  // The journal's thread.
  Result<void> ensure_begun(JournalTables& tables);
  Result<void> write_blocks(JournalTables& tables, std::uint64_t generation, Reached& reached,
                            JournalStep step);
  void finished(const Result<void>& written, const Reached& reached);
  void report(const Result<void>& result);

  const Setting setting_;
  const std::shared_ptr<const void> writer_;
  const std::function<void()> on_written_;
  const std::size_t write_after_;  ///< blocks

  // Network thread.
  bool begun_;
  Clock::time_point last_committed_{};  ///< when committed_ was last written
  Clock::time_point retry_at_{};
  std::atomic<std::uint64_t> posted_{0};

  // The journal's thread.
  std::int64_t journal_id_;  ///< id_, or the id of an entry in the current transaction

  // Both.
  std::atomic<std::uint64_t> done_{0};
  std::atomic<std::uint64_t> committed_;
  std::atomic<bool> failing_{false};  ///< the last write failed
  std::atomic<std::int64_t> id_;      ///< 0: the journal has no entry yet
  enum class Verifying { posted, noted, not_noted };
  std::atomic<Verifying> verifying_{Verifying::posted};

  mutable Mutex mutex_;
  /// number of restarts from the beginning
  std::uint64_t generation_ SLUICE_GUARDED_BY(mutex_) = 0;
  std::uint64_t durable_blocks_ SLUICE_GUARDED_BY(mutex_);
  std::string upload_url_ SLUICE_GUARDED_BY(mutex_);
  FileIdentity file_ SLUICE_GUARDED_BY(mutex_);
  std::string not_noted_because_ SLUICE_GUARDED_BY(mutex_);
  CondVar all_told_;
  /// works of posted_ that are done and whose on_written call has returned
  std::uint64_t told_ SLUICE_GUARDED_BY(mutex_) = 0;
};

}  // namespace sluice
