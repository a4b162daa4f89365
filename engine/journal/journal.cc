#include "engine/journal/journal.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <type_traits>
#include <utility>

#include "engine/base/text.h"
#include "engine/journal/journal_file.h"
#include "engine/journal/state_dir.h"
#include "io/sync.h"

namespace sluice {

struct Journal::Impl {
  explicit Impl(SqlDatabase opened) : path(opened.path()), tables(std::move(opened)) {}

  /// Runs `body` in a transaction of its own.
  template <class Body>
  std::invoke_result_t<Body, JournalTables&> write(const Body& body) {
    MutexLock lock(mutex);
    SqlTransaction transaction(tables.database());
    TRY(transaction.begin());
    auto result = body(tables);
    if (result) TRY(transaction.commit());
    return result;
  }

  Result<void> write_together(std::span<const Work> works, std::vector<Result<void>>& outcomes)
      SLUICE_REQUIRES(mutex) {
    SqlDatabase& database = tables.database();
    SqlTransaction transaction(database);
    TRY(transaction.begin());
    for (std::size_t i = 0; i < works.size(); ++i) {
      TRY(database.run("SAVEPOINT work"));
      outcomes[i] = works[i](tables);
      if (!outcomes[i]) {
        // After some errors (a full disk) SQLite has rolled back the whole transaction.
        if (!database.in_transaction()) return outcomes[i].error();
        TRY(database.run("ROLLBACK TO work"));
      }
      TRY(database.run("RELEASE work"));
    }
    return transaction.commit();
  }

  const std::string path;
  Mutex mutex;
  std::function<bool()> may_commit;  ///< must outlive the database
  JournalTables tables SLUICE_GUARDED_BY(mutex);
};

Journal::Journal(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Journal::~Journal() = default;

Result<std::unique_ptr<Journal>> Journal::open(const std::string& directory) {
  TRY(make_state_dir(directory));
  // Absolute, so that the -wal file is found after a chdir().
  std::error_code code;
  const std::string absolute = std::filesystem::absolute(directory, code).string();
  if (code)
    return errno_error(ErrorKind::failed, code.value(),
                       fmt::format("cannot resolve the absolute path of the state directory {}",
                                   printable(directory)));
  TRY_ASSIGN(SqlDatabase database, open_journal_file(absolute, journal_mode_in(absolute)));
  return std::unique_ptr<Journal>(new Journal(std::make_unique<Impl>(std::move(database))));
}

Result<std::unique_ptr<Journal>> Journal::in_memory(std::string_view bytes) {
  TRY_ASSIGN(SqlDatabase database, open_journal_in_memory(bytes));
  return std::unique_ptr<Journal>(new Journal(std::make_unique<Impl>(std::move(database))));
}

std::string Journal::serialize() const {
  MutexLock lock(impl_->mutex);
  return impl_->tables.database().serialize();
}

void Journal::set_may_commit(std::function<bool()> may_commit) {
  MutexLock lock(impl_->mutex);
  impl_->may_commit = std::move(may_commit);
  impl_->tables.database().set_may_commit(&impl_->may_commit);
}

bool Journal::exists(const std::string& directory) {
  return !directory.empty() && may_hold_uploads(directory);
}

Result<std::unique_ptr<Journal>> Journal::open_existing(const std::string& directory) {
  struct stat facts {};
  if (::lstat(journal_path(directory).c_str(), &facts) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return std::unique_ptr<Journal>();
    return errno_error(
        ErrorKind::failed, errno,
        fmt::format("cannot stat the journal {}", printable(journal_path(directory))));
  }
  if (S_ISREG(facts.st_mode) && facts.st_size == 0) return std::unique_ptr<Journal>();
  auto opened = open(directory);
  if (!opened && !exists(directory)) return std::unique_ptr<Journal>();
  return opened;
}

const std::string& Journal::path() const {
  return impl_->path;
}

Result<std::optional<JournalEntry>> Journal::find(std::string_view system, std::string_view dataset,
                                                  std::string_view name) {
  MutexLock lock(impl_->mutex);
  return impl_->tables.find(system, dataset, name);
}

Result<std::optional<JournalEntry>> Journal::find_registered(std::string_view system,
                                                             std::string_view dataset,
                                                             std::string_view name) {
  MutexLock lock(impl_->mutex);
  return impl_->tables.find_registered(system, dataset, name);
}

Result<std::vector<std::string>> Journal::names(std::string_view system, std::string_view dataset) {
  MutexLock lock(impl_->mutex);
  return impl_->tables.names(system, dataset);
}

Result<std::vector<Journal::Timing>> Journal::last_registered(std::string_view system,
                                                              std::size_t most) {
  MutexLock lock(impl_->mutex);
  return impl_->tables.last_registered(system, most);
}

Result<std::optional<JournalEntry>> Journal::get(std::int64_t id) {
  MutexLock lock(impl_->mutex);
  return impl_->tables.get(id);
}

Result<Journal::Listing> Journal::list(bool finished_too) {
  MutexLock lock(impl_->mutex);
  return impl_->tables.list(finished_too);
}

Result<std::vector<JournalEntry>> Journal::parts(std::int64_t id) {
  MutexLock lock(impl_->mutex);
  return impl_->tables.parts(id);
}

Result<std::int64_t> Journal::begin(const JournalEntry& entry) {
  return impl_->write([&](JournalTables& tables) { return tables.begin(entry); });
}

Result<void> Journal::record(std::int64_t id, const Step& step) {
  return impl_->write([&](JournalTables& tables) { return tables.record(id, step); });
}

Result<void> Journal::note_file(std::int64_t id, const FileIdentity& file) {
  return impl_->write([&](JournalTables& tables) { return tables.note_file(id, file); });
}

Result<void> Journal::start_over(std::int64_t id) {
  return impl_->write([&](JournalTables& tables) { return tables.start_over(id); });
}

Result<std::vector<std::uint64_t>> Journal::checksums(std::int64_t id, std::uint64_t first,
                                                      std::uint64_t count) {
  MutexLock lock(impl_->mutex);
  // One transaction; otherwise another process could change the entry before the checksums are
  // read.
  SqlTransaction transaction(impl_->tables.database());
  TRY(impl_->tables.database().run("BEGIN"));
  return impl_->tables.checksums(id, first, count);
}

Result<ServerFacts> Journal::facts(std::string_view system) {
  MutexLock lock(impl_->mutex);
  return impl_->tables.facts(system);
}

Result<void> Journal::set_chunk_limit(std::string_view system, std::uint64_t bytes) {
  return impl_->write([&](JournalTables& tables) { return tables.set_chunk_limit(system, bytes); });
}

Result<void> Journal::set_chunk_bytes(std::string_view system, std::uint64_t bytes) {
  return impl_->write([&](JournalTables& tables) { return tables.set_chunk_bytes(system, bytes); });
}

Result<void> Journal::set_lookahead_refused(std::string_view system) {
  return impl_->write([&](JournalTables& tables) { return tables.set_lookahead_refused(system); });
}

Result<void> Journal::set_protocol(std::string_view system, std::string_view protocol,
                                   std::string_view tus) {
  return impl_->write(
      [&](JournalTables& tables) { return tables.set_protocol(system, protocol, tus); });
}

Result<void> Journal::set_requests(std::string_view system, std::optional<unsigned> requests) {
  return impl_->write([&](JournalTables& tables) { return tables.set_requests(system, requests); });
}

std::vector<Result<void>> Journal::together(std::span<const Work> works) {
  std::vector<Result<void>> outcomes(works.size());
  MutexLock lock(impl_->mutex);
  const Result<void> written = impl_->write_together(works, outcomes);
  if (!written)
    for (Result<void>& outcome : outcomes)
      if (outcome) outcome = written.error();
  return outcomes;
}

}  // namespace sluice
