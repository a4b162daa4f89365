#include "engine/journal/journal_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/base/text.h"
#include "engine/base/unix_time.h"
#include "engine/policy/request_limit.h"
#include "engine/protocol/deposit.h"

namespace sluice {
namespace {

using State = JournalEntry::State;

/// The condition for an entry that has not ended. An entry with an unknown state counts as not
/// ended, because begin() must replace it.
constexpr std::string_view has_not_ended = "state NOT IN (2, 3)";
static_assert(static_cast<int>(State::registered) == 2 && static_cast<int>(State::abandoned) == 3);

bool is_over(State state) {
  return state == State::registered || state == State::abandoned;
}

std::int64_t now_s() {
  return std::max<std::int64_t>(0, unix_s());
}

const std::string& columns() {
  static const std::string names = fmt::format("{}", fmt::join(journal_columns, ", "));
  return names;
}

const std::string& insert_row() {
  static const std::string sql = [] {
    std::string marks;
    for (std::size_t i = 0; i < journal_columns.size(); ++i) marks += i == 0 ? "?" : ", ?";
    return fmt::format("INSERT INTO uploads ({}) VALUES ({})", columns(), marks);
  }();
  return sql;
}

/// The statement that updates a row. The columns of the indexes never change and are left out, so
/// that the indexes are not written.
const std::string& update_row() {
  static const std::string sql = [] {
    std::string changes;
    for (std::size_t i = 0; i < journal_columns.size(); ++i) {
      const std::string_view column = journal_columns[i];
      if (column == "id" || column == "system" || column == "dataset" || column == "name" ||
          column == "part_of")
        continue;
      changes += fmt::format("{}{} = ?{}", changes.empty() ? "" : ", ", column, i + 1);
    }
    return fmt::format("UPDATE uploads SET {} WHERE id = ?1", changes);
  }();
  return sql;
}

constexpr std::string_view is_named = "system = ? AND dataset = ? AND name = ?";
/// The condition for whole uploads, which find() and list() return.
constexpr std::string_view is_whole = "part_of <= 0";
/// The condition for the parts of a whole upload, in the form that their index needs.
constexpr std::string_view is_part_of = "part_of > 0 AND part_of = ?";

/// Returns how many of the first `blocks` blocks lie in a segment.
std::size_t in_segment(std::uint64_t segment, std::uint64_t blocks) {
  const std::uint64_t before = segment * checksums_in_segment;
  return static_cast<std::size_t>(
      std::clamp<std::uint64_t>(blocks, before, before + checksums_in_segment) - before);
}

JournalRow row_of(const SqlStatement& statement) {
  JournalRow row;
  for (std::size_t i = 0; i < row.size(); ++i) row[i] = statement.value(static_cast<int>(i));
  return row;
}

}  // namespace

Error JournalTables::failed(const std::string& what) const {
  return Error{
      .kind = ErrorKind::failed,
      .message = fmt::format("cannot use the journal {}: {}", printable(database_.path()), what)};
}

/// Returns the error for an invalid entry.
Error JournalTables::unreadable(const SqlValue& id, const std::string& why) const {
  return failed(fmt::format(
      "upload {} is invalid: {}; upload the file again with --restart, or move the journal away "
      "(all unfinished uploads then restart from the beginning)",
      id.type == SqlValue::Type::integer ? std::to_string(id.integer) : "without a number", why));
}

Result<JournalEntry> JournalTables::decode(const JournalRow& row) const {
  auto entry = decode_journal_row(row);
  if (!entry) return unreadable(row[0], entry.error().message);
  return entry;
}

Result<std::optional<JournalEntry>> JournalTables::newest(std::string_view where,
                                                          std::initializer_list<SqlValue> values) {
  TRY_ASSIGN(SqlStatement rows,
             database_.query(fmt::format("SELECT {} FROM uploads WHERE {} ORDER BY id DESC LIMIT 1",
                                         columns(), where),
                             values));
  TRY_ASSIGN(const bool found, rows.step());
  if (!found) return std::nullopt;
  TRY_ASSIGN(JournalEntry entry, decode(row_of(rows)));
  return entry;
}

/// Returns the upload `id`; an error if there is none, or if it is registered or abandoned.
Result<JournalEntry> JournalTables::find_unended(std::int64_t id) {
  TRY_ASSIGN(std::optional<JournalEntry> entry, newest("id = ?", {SqlValue::of(id)}));
  if (!entry) return failed(fmt::format("the journal has no upload {}", id));
  if (is_over(entry->state))
    return failed(fmt::format("upload {} is already {}", id, to_string(entry->state)));
  return std::move(*entry);
}

Result<void> JournalTables::write(const JournalEntry& entry) {
  if (const auto possible = check_journal_entry(entry); !possible)
    return failed(fmt::format("the new entry for {} is invalid: {}", printable(entry.path),
                              possible.error().message));
  const JournalRow row = encode_journal_row(entry);
  TRY_ASSIGN(SqlStatement statement,
             database_.query(entry.id == 0 ? insert_row() : update_row(), row.data(), row.size()));
  TRY(statement.step());
  return {};
}

/// Checks that the whole upload of a part has not ended, and that the part lies inside it.
Result<void> JournalTables::check_whole(const JournalEntry& part) {
  TRY_ASSIGN(const JournalEntry whole, find_unended(part.part_of));
  if (whole.part_of != 0 || whole.protocol != part.protocol || whole.system != part.system ||
      whole.dataset != part.dataset || whole.name != part.name ||
      part.part_begin > whole.file.size || part.file.size > whole.file.size - part.part_begin)
    return failed(fmt::format("bytes {} to {} of {} are not a part of upload {}", part.part_begin,
                              part.part_begin + part.file.size, printable(part.path),
                              part.part_of));
  return {};
}

/// Sets the final state of the matching entries that have not ended, by SQL alone, so that invalid
/// entries end as well.
Result<void> JournalTables::end(std::string_view where, std::initializer_list<SqlValue> values,
                                State state) {
  const std::string those = fmt::format("{} AND {}", where, has_not_ended);
  TRY(database_.run(
      fmt::format("DELETE FROM checksums WHERE upload IN (SELECT id FROM uploads WHERE {})", those),
      values));
  return database_.run(
      fmt::format("UPDATE uploads SET state = {}, hashed_blocks = 0, digest_state = x''{} WHERE {}",
                  static_cast<int>(state),
                  state == State::registered ? ", error_kind = '', error = ''" : "", those),
      values);
}

Result<void> JournalTables::end_parts(const JournalEntry& whole, State state) {
  // only whole tus uploads have parts
  if (whole.part_of != 0 || whole.protocol != "tus") return {};
  return end(is_part_of, {SqlValue::of(whole.id)}, state);
}

Result<void> JournalTables::drop_checksums(std::int64_t id) {
  return database_.run("DELETE FROM checksums WHERE upload = ?", {SqlValue::of(id)});
}

/// Appends the checksums of a segment's first `count` blocks, all of which are in the journal.
Result<void> JournalTables::read_segment(std::int64_t id, std::uint64_t segment, std::size_t count,
                                         std::vector<std::uint64_t>& checksums) {
  TRY_ASSIGN(SqlStatement rows,
             database_.query("SELECT bytes FROM checksums WHERE upload = ? AND segment = ?",
                             {SqlValue::of(id), SqlValue::of(static_cast<std::int64_t>(segment))}));
  TRY_ASSIGN(const bool found, rows.step());
  if (auto result = decode_checksums(found ? rows.value(0) : SqlValue(), count, checksums); !result)
    return unreadable(SqlValue::of(id), result.error().message);
  return {};
}

Result<void> JournalTables::set_fact(std::string_view system, std::string_view column,
                                     std::uint64_t value) {
  return database_.run(fmt::format("INSERT INTO servers (system, {0}) VALUES (?, ?) "
                                   "ON CONFLICT (system) DO UPDATE SET {0} = excluded.{0}",
                                   column),
                       {SqlValue::text(system), SqlValue::of(static_cast<std::int64_t>(value))});
}

Result<void> JournalTables::take_hashed(JournalEntry& entry, const JournalStep::Hashed& hashed) {
  if (hashed.first_block > entry.hashed_blocks)
    return failed(fmt::format("the checksums of upload {} have a gap between block {} and block {}",
                              entry.id, entry.hashed_blocks, hashed.first_block));
  std::uint64_t segment = hashed.first_block / checksums_in_segment;
  const std::size_t kept = in_segment(segment, hashed.first_block);
  std::vector<std::uint64_t> buffer;
  if (kept > 0) {
    TRY(read_segment(entry.id, segment, in_segment(segment, entry.hashed_blocks), buffer));
    buffer.resize(kept);
  }
  TRY(database_.run("DELETE FROM checksums WHERE upload = ? AND segment >= ?",
                    {SqlValue::of(entry.id), SqlValue::of(static_cast<std::int64_t>(segment))}));
  std::span<const std::uint64_t> rest = hashed.checksums;
  while (!buffer.empty() || !rest.empty()) {
    const std::size_t more =
        std::min<std::size_t>(rest.size(), checksums_in_segment - buffer.size());
    buffer.insert(buffer.end(), rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(more));
    rest = rest.subspan(more);
    TRY(database_.run("INSERT INTO checksums (upload, segment, bytes) VALUES (?, ?, ?)",
                      {SqlValue::of(entry.id), SqlValue::of(static_cast<std::int64_t>(segment)),
                       SqlValue::blob(encode_checksums(buffer))}));
    buffer.clear();
    ++segment;
  }
  entry.hashed_blocks = hashed.first_block + hashed.checksums.size();
  entry.digest_state = hashed.digest_state;
  return {};
}

Result<std::optional<JournalEntry>> JournalTables::find(std::string_view system,
                                                        std::string_view dataset,
                                                        std::string_view name) {
  return newest(fmt::format("{} AND {} AND {}", is_named, is_whole, has_not_ended),
                {SqlValue::text(system), SqlValue::text(dataset), SqlValue::text(name)});
}

Result<std::optional<JournalEntry>> JournalTables::find_registered(std::string_view system,
                                                                   std::string_view dataset,
                                                                   std::string_view name) {
  return newest(fmt::format("{} AND {} AND state = {}", is_named, is_whole,
                            static_cast<int>(JournalEntry::State::registered)),
                {SqlValue::text(system), SqlValue::text(dataset), SqlValue::text(name)});
}

Result<std::vector<std::string>> JournalTables::names(std::string_view system,
                                                      std::string_view dataset) {
  TRY_ASSIGN(SqlStatement rows,
             database_.query(fmt::format("SELECT DISTINCT name FROM uploads WHERE system = ? AND "
                                         "dataset = ? AND {} AND state != {}",
                                         is_whole, static_cast<int>(State::abandoned)),
                             {SqlValue::text(system), SqlValue::text(dataset)}));
  std::vector<std::string> names;
  while (true) {
    TRY_ASSIGN(const bool found, rows.step());
    if (!found) return names;
    if (const SqlValue name = rows.value(0); name.type == SqlValue::Type::text)
      names.emplace_back(name.bytes);
  }
}

Result<std::vector<JournalTiming>> JournalTables::last_registered(std::string_view system,
                                                                  std::size_t most) {
  TRY_ASSIGN(
      SqlStatement rows,
      database_.query(
          fmt::format("SELECT size, started_s, updated_s FROM uploads WHERE system = ? AND {} "
                      "AND state = {} ORDER BY id DESC LIMIT ?",
                      is_whole, static_cast<int>(State::registered)),
          {SqlValue::text(system), SqlValue::of(static_cast<std::int64_t>(most))}));
  std::vector<JournalTiming> timings;
  while (true) {
    TRY_ASSIGN(const bool found, rows.step());
    if (!found) return timings;
    const std::int64_t size = rows.value(0).integer;
    const JournalTiming timing{.bytes = static_cast<std::uint64_t>(size),
                               .started_s = rows.value(1).integer,
                               .registered_s = rows.value(2).integer};
    // The journal can be edited, and a clock can be set back.
    if (size >= 0 && timing.bytes <= max_file_size && timing.started_s >= 0 &&
        timing.registered_s >= timing.started_s)
      timings.push_back(timing);
  }
}

Result<std::optional<JournalEntry>> JournalTables::get(std::int64_t id) {
  return newest("id = ?", {SqlValue::of(id)});
}

Result<JournalListing> JournalTables::list(bool finished_too) {
  TRY_ASSIGN(SqlStatement rows,
             database_.query(fmt::format("SELECT {} FROM uploads WHERE {} AND {} ORDER BY id DESC",
                                         columns(), is_whole,
                                         finished_too ? std::string_view("TRUE") : has_not_ended)));
  JournalListing listing;
  while (true) {
    TRY_ASSIGN(const bool found, rows.step());
    if (!found) return listing;
    auto entry = decode(row_of(rows));
    if (entry)
      listing.entries.push_back(std::move(*entry));
    else
      listing.unreadable.push_back(std::move(entry.error().message));
  }
}

Result<std::vector<JournalEntry>> JournalTables::parts(std::int64_t id) {
  TRY_ASSIGN(SqlStatement rows,
             database_.query(fmt::format("SELECT {} FROM uploads WHERE {} AND state != {} "
                                         "ORDER BY part_begin, id",
                                         columns(), is_part_of, static_cast<int>(State::abandoned)),
                             {SqlValue::of(id)}));
  std::vector<JournalEntry> parts;
  while (true) {
    TRY_ASSIGN(const bool found, rows.step());
    if (!found) return parts;
    TRY_ASSIGN(JournalEntry part, decode(row_of(rows)));
    parts.push_back(std::move(part));
  }
}

Result<std::int64_t> JournalTables::begin(const JournalEntry& entry) {
  JournalEntry fresh;
  fresh.system = entry.system;
  fresh.dataset = entry.dataset;
  fresh.name = entry.name;
  fresh.path = entry.path;
  fresh.file = entry.file;
  fresh.token_file = entry.token_file;
  fresh.digests = entry.digests;
  fresh.protocol = entry.protocol;
  fresh.upload_url = entry.upload_url;
  fresh.part_of = entry.part_of;
  fresh.part_begin = entry.part_begin;
  fresh.block_bytes = entry.block_bytes;
  fresh.started_s = fresh.updated_s = now_s();

  if (fresh.part_of == 0)
    TRY(end(
        is_named,
        {SqlValue::text(fresh.system), SqlValue::text(fresh.dataset), SqlValue::text(fresh.name)},
        State::abandoned));
  else
    TRY(check_whole(fresh));
  TRY(write(fresh));
  return database_.last_insert_id();
}

Result<void> JournalTables::record(std::int64_t id, const JournalStep& step) {
  TRY_ASSIGN(JournalEntry entry, find_unended(id));
  if (step.committed) entry.committed = *step.committed;
  if (step.hashed) TRY(take_hashed(entry, *step.hashed));
  if (step.state) entry.state = *step.state;
  if (step.error) {
    entry.error = step.error;
    if (entry.error->message.size() > max_journal_text)
      entry.error->message.resize(max_journal_text);
  }
  if (step.receipt) entry.receipt = *step.receipt;
  if (step.upload_url) entry.upload_url = *step.upload_url;
  if (step.file) {
    entry.file.modified = step.file->modified;
    entry.file.device = step.file->device;
    entry.file.inode = step.file->inode;
  }
  if (entry.state == State::registered) entry.error.reset();
  if (is_over(entry.state)) {
    entry.hashed_blocks = 0;
    entry.digest_state.clear();
    TRY(drop_checksums(id));
    TRY(end_parts(entry, entry.state));
  }
  entry.updated_s = now_s();
  return write(entry);
}

Result<void> JournalTables::note_file(std::int64_t id, const FileIdentity& file) {
  TRY_ASSIGN(std::optional<JournalEntry> entry, newest("id = ?", {SqlValue::of(id)}));
  if (!entry) return failed(fmt::format("the journal has no upload {}", id));
  const std::uint64_t size = entry->file.size;
  entry->file = file;
  entry->file.size = size;
  return write(*entry);
}

Result<void> JournalTables::start_over(std::int64_t id) {
  TRY_ASSIGN(JournalEntry entry, find_unended(id));
  entry.committed = 0;
  entry.hashed_blocks = 0;
  entry.digest_state.clear();
  entry.upload_url.clear();
  entry.state = State::unfinished;
  entry.updated_s = now_s();
  TRY(drop_checksums(id));
  TRY(end_parts(entry, State::abandoned));
  return write(entry);
}

Result<std::vector<std::uint64_t>> JournalTables::checksums(std::int64_t id, std::uint64_t first,
                                                            std::uint64_t count) {
  TRY_ASSIGN(const std::optional<JournalEntry> entry, newest("id = ?", {SqlValue::of(id)}));
  const std::uint64_t there = entry ? entry->hashed_blocks : 0;
  if (first > there || count > there - first)
    return failed(fmt::format("upload {} has {} checksums, and {} from block {} on were requested",
                              id, there, count, first));
  std::vector<std::uint64_t> checksums;
  if (count == 0) return checksums;
  const std::uint64_t first_segment = first / checksums_in_segment;
  for (std::uint64_t segment = first_segment; segment * checksums_in_segment < first + count;
       ++segment)
    TRY(read_segment(id, segment, in_segment(segment, there), checksums));
  const auto begin =
      checksums.begin() + static_cast<std::ptrdiff_t>(first - first_segment * checksums_in_segment);
  checksums.erase(checksums.begin(), begin);
  checksums.resize(static_cast<std::size_t>(count));
  return checksums;
}

Result<ServerFacts> JournalTables::facts(std::string_view system) {
  TRY_ASSIGN(SqlStatement rows,
             database_.query(
                 "SELECT chunk_limit, chunk_bytes, lookahead_refused_s, "
                 "protocol, protocol_s, tus, requests, requests_s FROM servers WHERE system = ?",
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
  if (const auto requests = positive(6), since_s = positive(7);
      requests && since_s && *requests <= RequestLimit::most) {
    facts.requests = static_cast<unsigned>(*requests);
    facts.requests_s = since_s;
  }
  const SqlValue protocol = rows.value(3);
  const SqlValue tus = rows.value(5);
  const auto since = positive(4);
  if (since && protocol.type == SqlValue::Type::text && tus.type == SqlValue::Type::text &&
      check_protocol_facts(protocol.bytes, tus.bytes)) {
    facts.protocol = protocol.bytes;
    facts.protocol_s = since;
    facts.tus = tus.bytes;
  }
  return facts;
}

Result<void> JournalTables::set_chunk_limit(std::string_view system, std::uint64_t bytes) {
  return set_fact(system, "chunk_limit", std::min(bytes, max_file_size));
}

Result<void> JournalTables::set_chunk_bytes(std::string_view system, std::uint64_t bytes) {
  return set_fact(system, "chunk_bytes", std::min(bytes, max_file_size));
}

Result<void> JournalTables::set_lookahead_refused(std::string_view system) {
  return set_fact(system, "lookahead_refused_s", static_cast<std::uint64_t>(now_s()));
}

Result<void> JournalTables::set_requests(std::string_view system,
                                         std::optional<unsigned> requests) {
  if (!requests)
    return database_.run("UPDATE servers SET requests = NULL, requests_s = NULL WHERE system = ?",
                         {SqlValue::text(system)});
  TRY(set_fact(system, "requests", *requests));
  return set_fact(system, "requests_s", static_cast<std::uint64_t>(now_s()));
}

Result<void> JournalTables::set_protocol(std::string_view system, std::string_view protocol,
                                         std::string_view tus) {
  if (const auto possible = check_protocol_facts(protocol, tus); !possible)
    return failed(fmt::format("cannot store the protocol of {}: {}", printable(system),
                              possible.error().message));
  return database_.run(
      "INSERT INTO servers (system, protocol, protocol_s, tus) VALUES (?, ?, ?, ?) "
      "ON CONFLICT (system) DO UPDATE SET protocol = excluded.protocol, "
      "protocol_s = excluded.protocol_s, tus = excluded.tus",
      {SqlValue::text(system), SqlValue::text(protocol), SqlValue::of(now_s()),
       SqlValue::text(tus)});
}

}  // namespace sluice
