#include "engine/journal/upload_record.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/base/clock.h"

namespace sluice {
namespace {

/// How often the committed offset is written on its own. The offset is only for people: a resumed
/// upload asks the server.
constexpr auto committed_interval = std::chrono::seconds(1);
constexpr auto retry_interval = std::chrono::seconds(10);

}  // namespace

UploadRecord::UploadRecord(Setting setting, std::function<void()> on_written)
    : setting_(std::move(setting)),
      writer_(setting_.thread.writer()),
      on_written_(std::move(on_written)),
      // Half of the pool: the other half gives a write time to finish.
      write_after_(std::max<std::size_t>(1, setting_.pool_blocks / 2)),
      begun_(setting_.entry.id != 0),
      journal_id_(setting_.entry.id),
      committed_(setting_.entry.committed),
      id_(setting_.entry.id),
      durable_blocks_(setting_.entry.hashed_blocks),
      file_(setting_.entry.file) {
  setting_.digest.keep_from(setting_.entry.hashed_blocks);
}

UploadRecord::Mark UploadRecord::mark() const {
  MutexLock lock(mutex_);
  return {generation_, durable_blocks_};
}

void UploadRecord::begin() {
  begun_ = true;
  // The committed offset is written from one second on.
  last_committed_ = steady_now();
  post([this, generation = mark().generation](JournalTables& tables, Reached& reached) {
    return write_blocks(tables, generation, reached, {});
  });
}

void UploadRecord::upload_url(const std::string& url) {
  {
    MutexLock lock(mutex_);
    upload_url_ = url;
  }
  if (!begun_) return;
  post([this, url](JournalTables& tables, Reached&) -> Result<void> {
    TRY(ensure_begun(tables));
    return tables.record(journal_id_, {.upload_url = url});
  });
}

void UploadRecord::file(const FileIdentity& file) {
  {
    MutexLock lock(mutex_);
    file_ = file;
  }
  if (!begun_) return;
  post([this, file](JournalTables& tables, Reached&) -> Result<void> {
    TRY(ensure_begun(tables));
    return tables.record(journal_id_, {.file = file});
  });
}

void UploadRecord::start_over() {
  if (!begun_) return;
  committed_ = 0;
  {
    MutexLock lock(mutex_);
    ++generation_;
    durable_blocks_ = 0;
    setting_.digest.keep_from(0);
  }
  post([this](JournalTables& tables, Reached&) -> Result<void> {
    if (journal_id_ == 0) return {};
    return tables.start_over(journal_id_);
  });
}

void UploadRecord::blocks_passed() {
  if (!begun_ || !written()) return;
  if (setting_.digest.blocks() >= mark().durable_blocks + write_after_) write();
}

bool UploadRecord::durable(std::uint64_t offset) {
  if (!begun_) return true;
  const std::uint64_t block = setting_.entry.block_bytes;
  if (mark().durable_blocks >= (offset + block - 1) / block) return true;
  if (failing_ && steady_now() < retry_at_) return true;
  if (written()) write();
  return failing_;
}

std::uint64_t UploadRecord::durable_up_to(std::uint64_t offset, std::uint64_t arrived) {
  if (!begun_ || arrived <= offset) return arrived;
  const std::uint64_t end = std::min(mark().durable_blocks * setting_.entry.block_bytes, arrived);
  if (end > offset) return end;
  return durable(arrived) ? arrived : offset;
}

void UploadRecord::committed(std::uint64_t bytes) {
  committed_ = bytes;
  const auto now = steady_now();
  if (!begun_ || !written() || now - last_committed_ < committed_interval) return;
  last_committed_ = now;
  write();
}

void UploadRecord::verifying() {
  begun_ = true;  // an empty file has no chunk that calls begin()
  verifying_ = Verifying::posted;
  post([this, generation = mark().generation](JournalTables& tables, Reached& reached) {
    reached.verifying = true;
    return write_blocks(tables, generation, reached, {.state = JournalEntry::State::verifying});
  });
}

std::optional<Result<void>> UploadRecord::knows_of_verifying() const {
  switch (verifying_) {
    case Verifying::posted:
      return std::nullopt;
    case Verifying::noted:
      return Result<void>();
    case Verifying::not_noted:
      break;
  }
  MutexLock lock(mutex_);
  return Result<void>(
      Error{.kind = ErrorKind::failed, .message = not_noted_because_, .retryable = true});
}

void UploadRecord::not_verifying() {
  post([this, generation = mark().generation](JournalTables& tables, Reached& reached) {
    return write_blocks(tables, generation, reached, {.state = JournalEntry::State::unfinished});
  });
}

void UploadRecord::chunk_limit(std::uint64_t bytes) {
  post([this, bytes](JournalTables& tables, Reached&) {
    return tables.set_chunk_limit(setting_.entry.system, bytes);
  });
}

void UploadRecord::chunk_bytes(std::uint64_t bytes) {
  post([this, bytes](JournalTables& tables, Reached&) {
    return tables.set_chunk_bytes(setting_.entry.system, bytes);
  });
}

void UploadRecord::lookahead_refused() {
  post([this](JournalTables& tables, Reached&) {
    return tables.set_lookahead_refused(setting_.entry.system);
  });
}

void UploadRecord::end(JournalEntry::State state, std::optional<Error> error, std::string receipt) {
  if (!begun_) return;
  post([this, generation = mark().generation, state, error = std::move(error),
        receipt = std::move(receipt)](JournalTables& tables, Reached& reached) -> Result<void> {
    JournalStep step;
    step.state = state;
    step.error = error;
    if (!receipt.empty()) step.receipt = receipt;
    if (state != JournalEntry::State::registered)
      return write_blocks(tables, generation, reached, step);
    TRY(ensure_begun(tables));
    step.committed = committed_;
    return tables.record(journal_id_, step);
  });
}

void UploadRecord::wait() {
  setting_.thread.write_pending();
  MutexLock lock(mutex_);
  while (told_ != posted_) all_told_.wait(mutex_);
}

void UploadRecord::write() {
  if (failing_ && steady_now() < retry_at_) return;
  retry_at_ = steady_now() + retry_interval;
  post([this, generation = mark().generation](JournalTables& tables, Reached& reached) {
    return write_blocks(tables, generation, reached, {});
  });
}

void UploadRecord::post(Work work) {
  ++posted_;
  const auto reached = std::make_shared<Reached>();
  setting_.thread.post(
      [self = shared_from_this(), work = std::move(work), reached](JournalTables& tables) {
        const std::int64_t before = self->journal_id_;
        Result<void> result = work(tables, *reached);
        if (!result) self->journal_id_ = before;  // its changes are rolled back
        reached->id = self->journal_id_;
        return result;
      },
      [self = shared_from_this(), reached](const Result<void>& written) {
        self->finished(written, *reached);
      });
}

void UploadRecord::finished(const Result<void>& written, const Reached& reached) {
  if (written) id_ = reached.id;
  journal_id_ = id_;
  if (written && reached.mark) {
    MutexLock lock(mutex_);
    if (reached.mark->generation == generation_) {
      durable_blocks_ = std::max(reached.mark->durable_blocks, durable_blocks_);
      setting_.digest.keep_from(durable_blocks_);
    }
  }
  if (reached.verifying) {
    if (!written) {
      MutexLock lock(mutex_);
      not_noted_because_ = written.error().message;
    }
    verifying_ = written ? Verifying::noted : Verifying::not_noted;
  }
  report(written);
  ++done_;
  on_written_();
  // Last: a thread in wait() may destroy what on_written refers to.
  MutexLock lock(mutex_);
  ++told_;
  all_told_.notify_all();
}

Result<void> UploadRecord::ensure_begun(JournalTables& tables) {
  if (journal_id_ != 0) return {};
  JournalEntry entry = setting_.entry;
  {
    MutexLock lock(mutex_);
    entry.upload_url = upload_url_;
    entry.file = file_;
  }
  TRY_ASSIGN(journal_id_, tables.begin(entry));
  return {};
}

/// Writes all of `step`, and with it the passed blocks that still belong to `generation`.
Result<void> UploadRecord::write_blocks(JournalTables& tables, std::uint64_t generation,
                                        Reached& reached, JournalStep step) {
  TRY(ensure_begun(tables));
  step.committed = committed_;
  const Mark before = mark();
  // Blocks that pass from now on belong to a later restart.
  if (generation != before.generation) return tables.record(journal_id_, step);
  const FileDigest::Snapshot snapshot = setting_.digest.snapshot(before.durable_blocks);
  if (snapshot.blocks > before.durable_blocks)
    step.hashed = JournalStep::Hashed{snapshot.first, snapshot.checksums, snapshot.state};
  reached.mark = Mark{generation, snapshot.blocks};
  return tables.record(journal_id_, step);
}

void UploadRecord::report(const Result<void>& result) {
  const bool failing = !result;
  if (failing_.exchange(failing) == failing || !setting_.thread.is_news(failing) || !setting_.log)
    return;
  if (failing)
    setting_.log(LogLevel::warning,
                 fmt::format("{}; the upload continues, but cannot be resumed if it is interrupted",
                             result.error().message));
  else
    setting_.log(
        LogLevel::warning,
        "the journal can be written again: the upload can be resumed if it is interrupted");
}

}  // namespace sluice
