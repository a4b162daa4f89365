#include "engine/journal.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <filesystem>
#include <system_error>
#include <utility>

#include "engine/deposit.h"
#include "engine/journal_file.h"
#include "engine/journal_row.h"
#include "engine/state_dir.h"
#include "engine/text.h"
#include "io/sync.h"

namespace sluice {
namespace {

using State = JournalEntry::State;

/// An entry whose state is none that is known is not over either: begin() has to get rid of it.
constexpr std::string_view is_going_on = "state NOT IN (2, 3)";
static_assert(static_cast<int>(State::registered) == 2 && static_cast<int>(State::abandoned) == 3);

bool is_over(State state) {
  return state == State::registered || state == State::abandoned;
}

std::int64_t now_s() {
  return std::max<std::int64_t>(0, std::time(nullptr));
}

std::string columns() {
  return fmt::format("{}", fmt::join(journal_columns, ", "));
}

JournalRow row_of(const SqlStatement& statement) {
  JournalRow row;
  for (std::size_t i = 0; i < row.size(); ++i) row[i] = statement.value(static_cast<int>(i));
  return row;
}

}  // namespace

struct Journal::Impl {
  explicit Impl(SqlDatabase opened) : path(opened.path()), database(std::move(opened)) {}

  Error failed(const std::string& what) const {
    return Error{.kind = ErrorKind::failed,
                 .message = fmt::format("the journal {}: {}", printable(path), what)};
  }

  /// The sentence for an entry that cannot be understood.
  Error unreadable(const SqlValue& id, const std::string& why) const {
    return failed(fmt::format(
        "upload {} in it cannot be understood, {}; put its file again with --restart, or move the "
        "journal away (everything unfinished in it then starts over)",
        id.type == SqlValue::Type::integer ? std::to_string(id.integer) : "without a number", why));
  }

  Result<JournalEntry> decode(const JournalRow& row) const {
    auto entry = decode_journal_row(row);
    if (!entry) return unreadable(row[0], entry.error().message);
    return entry;
  }

  Result<std::optional<JournalEntry>> first(std::string_view where,
                                            std::initializer_list<SqlValue> values)
      SLUICE_REQUIRES(mutex) {
    TRY_ASSIGN(
        SqlStatement rows,
        database.query(fmt::format("SELECT {} FROM uploads WHERE {} ORDER BY id DESC LIMIT 1",
                                   columns(), where),
                       values));
    TRY_ASSIGN(const bool found, rows.step());
    if (!found) return std::nullopt;
    TRY_ASSIGN(JournalEntry entry, decode(row_of(rows)));
    return entry;
  }

  /// One that is not over.
  Result<JournalEntry> going_on(std::int64_t id) SLUICE_REQUIRES(mutex) {
    TRY_ASSIGN(std::optional<JournalEntry> entry, first("id = ?", {SqlValue::of(id)}));
    if (!entry) return failed(fmt::format("there is no upload {} in it", id));
    if (is_over(entry->state))
      return failed(
          fmt::format("upload {} in it is {}, and that is its end", id, to_string(entry->state)));
    return std::move(*entry);
  }

  Result<void> write(const JournalEntry& entry) SLUICE_REQUIRES(mutex) {
    if (const auto possible = check_journal_entry(entry); !possible)
      return failed(fmt::format("there can be no such upload of {}: {}", printable(entry.path),
                                possible.error().message));
    const JournalRow row = encode_journal_row(entry);
    std::string marks;
    for (std::size_t i = 0; i < row.size(); ++i) marks += i == 0 ? "?" : ", ?";
    TRY_ASSIGN(SqlStatement statement,
               database.query(
                   fmt::format("INSERT OR REPLACE INTO uploads ({}) VALUES ({})", columns(), marks),
                   row.data(), row.size()));
    TRY(statement.step());
    return {};
  }

  Result<void> drop_checksums(std::int64_t id) SLUICE_REQUIRES(mutex) {
    return database.run("DELETE FROM checksums WHERE upload = ?", {SqlValue::of(id)});
  }

  /// The checksums of a segment's first `count` blocks, all of which are in the journal.
  Result<void> read_segment(std::int64_t id, std::uint64_t segment, std::size_t count,
                            std::vector<std::uint64_t>& checksums) SLUICE_REQUIRES(mutex) {
    TRY_ASSIGN(
        SqlStatement rows,
        database.query("SELECT bytes FROM checksums WHERE upload = ? AND segment = ?",
                       {SqlValue::of(id), SqlValue::of(static_cast<std::int64_t>(segment))}));
    TRY_ASSIGN(const bool found, rows.step());
    if (auto result = decode_checksums(found ? rows.value(0) : SqlValue(), count, checksums);
        !result)
      return unreadable(SqlValue::of(id), result.error().message);
    return {};
  }

  Result<void> set_fact(std::string_view system, std::string_view column, std::uint64_t value) {
    MutexLock lock(mutex);
    return database.run(fmt::format("INSERT INTO servers (system, {0}) VALUES (?, ?) "
                                    "ON CONFLICT (system) DO UPDATE SET {0} = excluded.{0}",
                                    column),
                        {SqlValue::text(system), SqlValue::of(static_cast<std::int64_t>(value))});
  }

  /// How many of the first `blocks` blocks lie in a segment.
  static std::size_t in_segment(std::uint64_t segment, std::uint64_t blocks) {
    const std::uint64_t before = segment * checksums_in_segment;
    return static_cast<std::size_t>(
        std::clamp<std::uint64_t>(blocks, before, before + checksums_in_segment) - before);
  }

  Result<void> take_hashed(JournalEntry& entry, const Step::Hashed& hashed) SLUICE_REQUIRES(mutex) {
    if (hashed.first_block > entry.hashed_blocks)
      return failed(
          fmt::format("the checksums of upload {} have a gap: blocks from {} on come "
                      "after {} blocks",
                      entry.id, hashed.first_block, entry.hashed_blocks));
    std::uint64_t segment = hashed.first_block / checksums_in_segment;
    const std::size_t kept = in_segment(segment, hashed.first_block);
    std::vector<std::uint64_t> buffer;
    if (kept > 0) {
      TRY(read_segment(entry.id, segment, in_segment(segment, entry.hashed_blocks), buffer));
      buffer.resize(kept);
    }
    TRY(database.run("DELETE FROM checksums WHERE upload = ? AND segment >= ?",
                     {SqlValue::of(entry.id), SqlValue::of(static_cast<std::int64_t>(segment))}));
    std::span<const std::uint64_t> rest = hashed.checksums;
    while (!buffer.empty() || !rest.empty()) {
      const std::size_t more =
          std::min<std::size_t>(rest.size(), checksums_in_segment - buffer.size());
      buffer.insert(buffer.end(), rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(more));
      rest = rest.subspan(more);
      TRY(database.run("INSERT INTO checksums (upload, segment, bytes) VALUES (?, ?, ?)",
                       {SqlValue::of(entry.id), SqlValue::of(static_cast<std::int64_t>(segment)),
                        SqlValue::blob(encode_checksums(buffer))}));
      buffer.clear();
      ++segment;
    }
    entry.hashed_blocks = hashed.first_block + hashed.checksums.size();
    entry.digest_state = hashed.digest_state;
    return {};
  }

  const std::string path;
  Mutex mutex;
  SqlDatabase database SLUICE_GUARDED_BY(mutex);
};

Journal::Journal(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Journal::~Journal() = default;

Result<std::unique_ptr<Journal>> Journal::open(const std::string& directory) {
  TRY(make_state_dir(directory));
  // Absolute, so that a later chdir() does not part the file from its -wal.
  std::error_code code;
  const std::string absolute = std::filesystem::absolute(directory, code).string();
  if (code)
    return errno_error(ErrorKind::failed, code.value(),
                       fmt::format("cannot find the directory {}", printable(directory)));
  TRY_ASSIGN(SqlDatabase database, open_journal_file(absolute, journal_mode_in(absolute)));
  return std::unique_ptr<Journal>(new Journal(std::make_unique<Impl>(std::move(database))));
}

bool Journal::exists(const std::string& directory) {
  struct stat facts {};
  return !directory.empty() && ::lstat(journal_path(directory).c_str(), &facts) == 0 &&
         facts.st_size > 0;
}

Result<std::unique_ptr<Journal>> Journal::open_existing(const std::string& directory) {
  struct stat facts {};
  if (::lstat(journal_path(directory).c_str(), &facts) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return std::unique_ptr<Journal>();
    return errno_error(
        ErrorKind::failed, errno,
        fmt::format("cannot look for the journal {}", printable(journal_path(directory))));
  }
  return open(directory);
}

const std::string& Journal::path() const {
  return impl_->path;
}

Result<std::optional<JournalEntry>> Journal::find(std::string_view system, std::string_view dataset,
                                                  std::string_view name) {
  MutexLock lock(impl_->mutex);
  return impl_->first(fmt::format("system = ? AND dataset = ? AND name = ? AND {}", is_going_on),
                      {SqlValue::text(system), SqlValue::text(dataset), SqlValue::text(name)});
}

Result<std::optional<JournalEntry>> Journal::get(std::int64_t id) {
  MutexLock lock(impl_->mutex);
  return impl_->first("id = ?", {SqlValue::of(id)});
}

Result<Journal::Listing> Journal::list(bool finished_too) {
  MutexLock lock(impl_->mutex);
  TRY_ASSIGN(SqlStatement rows, impl_->database.query(fmt::format(
                                    "SELECT {} FROM uploads WHERE {} ORDER BY id DESC", columns(),
                                    finished_too ? std::string_view("TRUE") : is_going_on)));
  Listing listing;
  while (true) {
    TRY_ASSIGN(const bool found, rows.step());
    if (!found) return listing;
    auto entry = impl_->decode(row_of(rows));
    if (entry)
      listing.entries.push_back(std::move(*entry));
    else
      listing.unreadable.push_back(std::move(entry.error().message));
  }
}

Result<std::int64_t> Journal::begin(const JournalEntry& entry) {
  JournalEntry fresh;
  fresh.system = entry.system;
  fresh.dataset = entry.dataset;
  fresh.name = entry.name;
  fresh.path = entry.path;
  fresh.file = entry.file;
  fresh.token_file = entry.token_file;
  fresh.digests = entry.digests;
  fresh.block_bytes = entry.block_bytes;
  fresh.started_s = fresh.updated_s = now_s();

  MutexLock lock(impl_->mutex);
  SqlTransaction transaction(impl_->database);
  TRY(transaction.begin());
  // By SQL alone, so that entries that cannot be understood go as well.
  const std::string same =
      fmt::format("system = ? AND dataset = ? AND name = ? AND {}", is_going_on);
  const std::initializer_list<SqlValue> values = {
      SqlValue::text(fresh.system), SqlValue::text(fresh.dataset), SqlValue::text(fresh.name)};
  TRY(impl_->database.run(
      fmt::format("DELETE FROM checksums WHERE upload IN (SELECT id FROM uploads WHERE {})", same),
      values));
  TRY(impl_->database.run(
      fmt::format("UPDATE uploads SET state = {}, hashed_blocks = 0, digest_state = x'' WHERE {}",
                  static_cast<int>(State::abandoned), same),
      values));
  TRY(impl_->write(fresh));
  const std::int64_t id = impl_->database.last_insert_id();
  TRY(transaction.commit());
  return id;
}

Result<void> Journal::record(std::int64_t id, const Step& step) {
  MutexLock lock(impl_->mutex);
  SqlTransaction transaction(impl_->database);
  TRY(transaction.begin());
  TRY_ASSIGN(JournalEntry entry, impl_->going_on(id));
  if (step.committed) entry.committed = *step.committed;
  if (step.hashed) TRY(impl_->take_hashed(entry, *step.hashed));
  if (step.state) entry.state = *step.state;
  if (step.error) {
    entry.error = step.error;
    if (entry.error->message.size() > max_journal_text)
      entry.error->message.resize(max_journal_text);
  }
  if (step.receipt) entry.receipt = *step.receipt;
  if (entry.state == State::registered) entry.error.reset();
  if (is_over(entry.state)) {
    entry.hashed_blocks = 0;
    entry.digest_state.clear();
    TRY(impl_->drop_checksums(id));
  }
  entry.updated_s = now_s();
  TRY(impl_->write(entry));
  return transaction.commit();
}

Result<void> Journal::start_over(std::int64_t id) {
  MutexLock lock(impl_->mutex);
  SqlTransaction transaction(impl_->database);
  TRY(transaction.begin());
  TRY_ASSIGN(JournalEntry entry, impl_->going_on(id));
  entry.committed = 0;
  entry.hashed_blocks = 0;
  entry.digest_state.clear();
  entry.state = State::unfinished;
  entry.updated_s = now_s();
  TRY(impl_->drop_checksums(id));
  TRY(impl_->write(entry));
  return transaction.commit();
}

Result<std::vector<std::uint64_t>> Journal::checksums(std::int64_t id, std::uint64_t first,
                                                      std::uint64_t count) {
  MutexLock lock(impl_->mutex);
  // One transaction, or another process could change the entry before its checksums are read.
  SqlTransaction transaction(impl_->database);
  TRY(impl_->database.run("BEGIN"));
  TRY_ASSIGN(const std::optional<JournalEntry> entry, impl_->first("id = ?", {SqlValue::of(id)}));
  const std::uint64_t there = entry ? entry->hashed_blocks : 0;
  if (first > there || count > there - first)
    return impl_->failed(fmt::format(
        "upload {} has {} checksums in it, not the {} from block {} on", id, there, count, first));
  std::vector<std::uint64_t> checksums;
  if (count == 0) return checksums;
  const std::uint64_t first_segment = first / checksums_in_segment;
  for (std::uint64_t segment = first_segment; segment * checksums_in_segment < first + count;
       ++segment)
    TRY(impl_->read_segment(id, segment, Impl::in_segment(segment, there), checksums));
  const auto begin =
      checksums.begin() + static_cast<std::ptrdiff_t>(first - first_segment * checksums_in_segment);
  checksums.erase(checksums.begin(), begin);
  checksums.resize(static_cast<std::size_t>(count));
  return checksums;
}

bool ServerFacts::refuses_lookahead(std::int64_t now_s) const {
  constexpr std::int64_t week_s = std::int64_t{7} * 24 * 60 * 60;
  // A time to come is a clock that was wrong.
  return lookahead_refused_s && *lookahead_refused_s <= now_s &&
         now_s - *lookahead_refused_s < week_s;
}

Result<ServerFacts> Journal::facts(std::string_view system) {
  MutexLock lock(impl_->mutex);
  TRY_ASSIGN(SqlStatement rows,
             impl_->database.query("SELECT chunk_limit, chunk_bytes, lookahead_refused_s "
                                   "FROM servers WHERE system = ?",
                                   {SqlValue::text(system)}));
  ServerFacts facts;
  TRY_ASSIGN(const bool found, rows.step());
  if (!found) return facts;
  const auto positive = [&](int column) -> std::optional<std::int64_t> {
    const SqlValue value = rows.value(column);
    if (value.type != SqlValue::Type::integer || value.integer <= 0) return std::nullopt;
    return value.integer;
  };
  if (const auto bytes = positive(0)) facts.chunk_limit = static_cast<std::uint64_t>(*bytes);
  if (const auto bytes = positive(1)) facts.chunk_bytes = static_cast<std::uint64_t>(*bytes);
  facts.lookahead_refused_s = positive(2);
  return facts;
}

Result<void> Journal::set_chunk_limit(std::string_view system, std::uint64_t bytes) {
  return impl_->set_fact(system, "chunk_limit", std::min(bytes, max_file_size));
}

Result<void> Journal::set_chunk_bytes(std::string_view system, std::uint64_t bytes) {
  return impl_->set_fact(system, "chunk_bytes", std::min(bytes, max_file_size));
}

Result<void> Journal::set_lookahead_refused(std::string_view system) {
  return impl_->set_fact(system, "lookahead_refused_s", static_cast<std::uint64_t>(now_s()));
}

}  // namespace sluice
