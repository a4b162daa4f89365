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

/// One upload's page in the journal: what is written when, and how far the network may go ahead of
/// it.
///
/// The rule that makes a resumed upload trustworthy: the server never holds a byte of a block whose
/// checksum is not in the journal. A chunk's last bytes wait until durable() says so; without them
/// the server appends nothing. Checksums are written as the blocks pass, up to a pool ahead of the
/// network, so that this rarely waits.
///
/// A journal that cannot be written (a full disk) is no reason to stop sending: it is said once,
/// the rule is suspended, and writing is tried again every 10 s. A registration that nobody
/// can be asked about waits for it: see knows_of_verifying().
///
/// Every member belongs to the network thread, but for wait() and resumable(). Kept alive by its
/// upload and by what it has posted to the journal's thread.
class UploadRecord : public std::enable_shared_from_this<UploadRecord> {
 public:
  struct Setting {
    JournalThread& thread;    ///< outlives this
    FileDigest& digest;       ///< outlives what is posted: see wait()
    JournalEntry entry;       ///< id 0: a new one; else one to go on with
    std::size_t pool_blocks;  ///< how far the readers may be ahead
    Log log;
  };

  /// `on_written`: called on the journal's thread after each write.
  UploadRecord(Setting setting, std::function<void()> on_written);

  /// There is something to resume from now on: the entry, and what blocks have passed already.
  void begin();
  /// Where the server wants the bytes, from now on.
  void upload_url(const std::string& url);
  /// The file system says something else of the file by now, and its bytes are the same.
  void file(const FileIdentity& file);
  /// Everything that was sent is gone.
  void start_over();
  /// Blocks may have passed: writes their checksums if enough of them have.
  void blocks_passed();
  /// Whether the checksums of all blocks before `offset` are in the journal, or cannot be. If not,
  /// they are soon, and on_written tells.
  bool durable(std::uint64_t offset);
  /// The same for a server that keeps bytes as they come: the end of those from `offset` on that
  /// may leave, of which everything before `arrived` has been hashed; at least `arrived` while
  /// nothing of it needs to be in the journal.
  std::uint64_t durable_up_to(std::uint64_t offset, std::uint64_t arrived);
  /// The server has confirmed so many bytes.
  void committed(std::uint64_t bytes);
  /// The file is about to be registered: not before written() says that the journal knows, and
  /// where the server cannot be asked later, not before knows_of_verifying() says so.
  void verifying();
  /// Whether it knows: nothing while that is being written. An error, worth a retry, where it
  /// cannot be written, as another run would register the file once more; then verifying() is to be
  /// called again.
  std::optional<Result<void>> knows_of_verifying() const;
  /// After verifying(): the file was not registered, and no request that could do so is in flight.
  /// The journal is told that another run may register it.
  void not_verifying();
  /// Whether all that was asked for is in the journal, or cannot be.
  bool written() const { return posted_ == done_; }
  /// The largest payload that this server takes.
  void chunk_limit(std::uint64_t bytes);
  /// What an upload to this server begins with the next time.
  void chunk_bytes(std::uint64_t bytes);
  /// The server did not wait for the held-back end of a chunk.
  void lookahead_refused();
  /// The last word. `receipt`: JSON text, once it is registered.
  void end(JournalEntry::State state, std::optional<Error> error, std::string receipt);

  /// Whether another run can go on from the journal. Any thread, after wait().
  bool resumable() const { return id_ != 0 && !failing_; }
  /// Any thread: until all that was posted is done, after which nothing refers to the digest and
  /// on_written is not called any more.
  void wait();

 private:
  using Clock = std::chrono::steady_clock;

  struct Mark {
    std::uint64_t generation;
    std::uint64_t durable_blocks;
  };
  Mark mark() const;
  /// What a piece of work has come to; it counts once that is on the disk.
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
  Clock::time_point last_committed_{};  ///< when that was written last
  Clock::time_point retry_at_{};
  std::atomic<std::uint64_t> posted_{0};

  // The journal's thread.
  std::int64_t journal_id_;  ///< id_, or already that of an entry in the transaction at hand

  // Both.
  std::atomic<std::uint64_t> done_{0};
  std::atomic<std::uint64_t> committed_;
  std::atomic<bool> failing_{false};  ///< the last write did not work
  std::atomic<std::int64_t> id_;      ///< 0: there is no entry yet
  enum class Verifying { posted, noted, not_noted };
  std::atomic<Verifying> verifying_{Verifying::posted};

  mutable Mutex mutex_;
  std::uint64_t generation_ SLUICE_GUARDED_BY(mutex_) = 0;  ///< how often it started over
  std::uint64_t durable_blocks_ SLUICE_GUARDED_BY(mutex_);
  std::string upload_url_ SLUICE_GUARDED_BY(mutex_);
  FileIdentity file_ SLUICE_GUARDED_BY(mutex_);
  std::string not_noted_because_ SLUICE_GUARDED_BY(mutex_);
  CondVar all_told_;
  std::uint64_t told_ SLUICE_GUARDED_BY(mutex_) = 0;  ///< of posted_: done, and on_written is over
};

}  // namespace sluice
