#include "engine/upload_record.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace sluice {
namespace {

/// How far the server is, is written at least so often; it is only for people, as the server is
/// asked before anything goes on.
constexpr auto committed_interval = std::chrono::seconds(1);
constexpr auto retry_interval = std::chrono::seconds(10);

}  // namespace

UploadRecord::UploadRecord(Setting setting, std::function<void()> on_written)
    : setting_(std::move(setting)),
      on_written_(std::move(on_written)),
      // Half of what can be ahead of the network: the other half is the time that a write has.
      write_after_(std::max<std::size_t>(1, setting_.pool_blocks / 2)),
      begun_(setting_.entry.id != 0),
      id_(setting_.entry.id),
      durable_blocks_(setting_.entry.hashed_blocks) {
  setting_.digest.keep_from(setting_.entry.hashed_blocks);
}

UploadRecord::Mark UploadRecord::mark() const {
  MutexLock lock(mutex_);
  return {generation_, durable_blocks_};
}

void UploadRecord::begin() {
  begun_ = true;
  post([this](Journal& journal) { return ensure_begun(journal); });
}

void UploadRecord::upload_url(const std::string& url) {
  {
    MutexLock lock(mutex_);
    upload_url_ = url;
  }
  if (!begun_) return;
  post([this, url](Journal& journal) -> Result<void> {
    TRY(ensure_begun(journal));
    return journal.record(id_, {.upload_url = url});
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
  post([this](Journal& journal) -> Result<void> {
    if (id_ == 0) return {};
    return journal.start_over(id_);
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
  if (failing_ && Clock::now() < retry_at_) return true;
  if (written()) write();
  return failing_;
}

std::uint64_t UploadRecord::durable_up_to(std::uint64_t offset, std::uint64_t arrived) {
  if (!begun_ || arrived <= offset) return arrived;
  const std::uint64_t end =
      std::min(mark().durable_blocks * setting_.entry.block_bytes, arrived);
  if (end > offset) return end;
  return durable(arrived) ? arrived : offset;
}

void UploadRecord::committed(std::uint64_t bytes) {
  committed_ = bytes;
  const auto now = Clock::now();
  if (!begun_ || !written() || now - last_committed_ < committed_interval) return;
  last_committed_ = now;
  write();
}

void UploadRecord::verifying() {
  if (!begun_) begin();  // an empty file has no chunk in front of this
  post([this, generation = mark().generation](Journal& journal) -> Result<void> {
    TRY(ensure_begun(journal));
    TRY(write_blocks(journal, generation));
    return journal.record(id_, {.state = JournalEntry::State::verifying});
  });
}

void UploadRecord::chunk_limit(std::uint64_t bytes) {
  post([this, bytes](Journal& journal) {
    return journal.set_chunk_limit(setting_.entry.system, bytes);
  });
}

void UploadRecord::chunk_bytes(std::uint64_t bytes) {
  post([this, bytes](Journal& journal) {
    return journal.set_chunk_bytes(setting_.entry.system, bytes);
  });
}

void UploadRecord::lookahead_refused() {
  post([this](Journal& journal) { return journal.set_lookahead_refused(setting_.entry.system); });
}

void UploadRecord::end(JournalEntry::State state, std::optional<Error> error, std::string receipt) {
  if (!begun_) return;
  post([this, generation = mark().generation, state, error = std::move(error),
        receipt = std::move(receipt)](Journal& journal) -> Result<void> {
    TRY(ensure_begun(journal));
    if (state != JournalEntry::State::registered) TRY(write_blocks(journal, generation));
    Journal::Step step;
    step.committed = committed_;
    step.state = state;
    step.error = error;
    if (!receipt.empty()) step.receipt = receipt;
    return journal.record(id_, step);
  });
}

void UploadRecord::wait() {
  MutexLock lock(mutex_);
  while (told_ != posted_) all_told_.wait(mutex_);
}

void UploadRecord::write() {
  if (failing_ && Clock::now() < retry_at_) return;
  retry_at_ = Clock::now() + retry_interval;
  post([this, generation = mark().generation](Journal& journal) -> Result<void> {
    TRY(ensure_begun(journal));
    return write_blocks(journal, generation);
  });
}

void UploadRecord::post(std::function<Result<void>(Journal&)> work) {
  ++posted_;
  setting_.thread.post([self = shared_from_this(), work = std::move(work)](Journal& journal) {
    self->report(work(journal));
    ++self->done_;
    self->on_written_();
    // Last of all: whoever wait()s may take away what on_written refers to.
    MutexLock lock(self->mutex_);
    ++self->told_;
    self->all_told_.notify_all();
  });
}

Result<void> UploadRecord::ensure_begun(Journal& journal) {
  if (id_ != 0) return {};
  JournalEntry entry = setting_.entry;
  {
    MutexLock lock(mutex_);
    entry.upload_url = upload_url_;
  }
  TRY_ASSIGN(id_, journal.begin(entry));
  return {};
}

Result<void> UploadRecord::write_blocks(Journal& journal, std::uint64_t generation) {
  const Mark before = mark();
  // What passes from now on belongs to another beginning.
  if (generation != before.generation) return {};
  const FileDigest::Snapshot snapshot = setting_.digest.snapshot(before.durable_blocks);
  Journal::Step step;
  step.committed = committed_;
  if (snapshot.blocks > before.durable_blocks)
    step.hashed = Journal::Step::Hashed{snapshot.first, snapshot.checksums, snapshot.state};
  TRY(journal.record(id_, step));
  MutexLock lock(mutex_);
  if (generation != generation_) return {};
  durable_blocks_ = std::max(snapshot.blocks, durable_blocks_);
  setting_.digest.keep_from(durable_blocks_);
  return {};
}

void UploadRecord::report(const Result<void>& result) {
  const bool failing = !result;
  if (failing_.exchange(failing) == failing || !setting_.log) return;
  if (failing)
    setting_.log(
        LogLevel::warning,
        fmt::format("{}; the upload goes on, but until that is mended it cannot be resumed "
                    "if it is interrupted",
                    result.error().message));
  else
    setting_.log(LogLevel::warning, "the journal can be written again");
}

}  // namespace sluice
