#include "engine/journal/sqlite.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <cstring>
#include <system_error>
#include <utility>

#include "engine/base/text.h"

namespace sluice {
namespace {

/// Several processes share one journal. Each of their transactions takes milliseconds, and seconds
/// on a disk that is busy with terabytes.
constexpr int busy_timeout_ms = 10'000;

const char* advice_on(int code) {
  switch (code) {
    case SQLITE_FULL:
      return "free space on the file system";
    case SQLITE_IOERR:
      return "check the disk, and the quota on the file system";
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
      return "move the file away to start with an empty one (unfinished uploads then restart from "
             "the beginning)";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return "another process has locked the file: try again later";
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
      return "make the file and its directory writable, or choose another state directory with "
             "--state-dir";
    default:
      return "if the error persists, choose another state directory with --state-dir";
  }
}

int bind(sqlite3_stmt* statement, int parameter, const SqlValue& value) {
  const auto size = static_cast<sqlite3_uint64>(value.bytes.size());
  // An empty view may have a null address, which SQLite would take for NULL.
  const char* const bytes = value.bytes.empty() ? "" : value.bytes.data();
  switch (value.type) {
    case SqlValue::Type::integer:
      return sqlite3_bind_int64(statement, parameter, value.integer);
    case SqlValue::Type::text:
      return sqlite3_bind_text64(statement, parameter, bytes, size, nullptr, SQLITE_UTF8);
    case SqlValue::Type::blob:
      return sqlite3_bind_blob64(statement, parameter, bytes, size, nullptr);
    default:
      return sqlite3_bind_null(statement, parameter);
  }
}

}  // namespace

void FinalizeSql::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

SqlStatement::~SqlStatement() {
  // Some PRAGMAs act only when they are compiled (https://www.sqlite.org/pragma.html), so they are
  // not reused.
  if (!node_ || node_.key().starts_with("PRAGMA")) return;
  sqlite3_reset(statement());           // its error repeats that of step()
  sqlite3_clear_bindings(statement());  // the bound bytes may be freed after this
  database_->idle_.insert(std::move(node_));
}

void SqlDatabase::Close::operator()(sqlite3* database) const {
  sqlite3_close(database);
}

Result<bool> SqlStatement::step() {
  const int code = sqlite3_step(statement());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return database_->error(code);
}

SqlValue SqlStatement::value(int column) const {
  sqlite3_stmt* const row = statement();
  const auto bytes = [&](const void* begin) {
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(row, column));
    return std::string_view(size == 0 ? "" : static_cast<const char*>(begin), size);
  };
  switch (sqlite3_column_type(row, column)) {
    case SQLITE_INTEGER:
      return SqlValue::of(sqlite3_column_int64(row, column));
    case SQLITE_FLOAT:
      return {SqlValue::Type::real, 0, {}};
    case SQLITE_TEXT:
      return SqlValue::text(bytes(sqlite3_column_text(row, column)));
    case SQLITE_BLOB:
      return SqlValue::blob(bytes(sqlite3_column_blob(row, column)));
    default:
      return {};
  }
}

Result<SqlDatabase> SqlDatabase::open(const std::string& path, std::string title) {
  return open(path, std::move(title), path, SQLITE_OPEN_READWRITE);
}

Result<SqlDatabase> SqlDatabase::open_as_it_is(const std::string& path, std::string title) {
  // https://www.sqlite.org/uri.html: escapes the characters that would end the path or stand for
  // another byte.
  std::string uri = path.starts_with('/') ? "file://" : "file:";
  for (const char c : path)
    if (c == '%' || c == '?' || c == '#')
      uri += fmt::format("%{:02x}", static_cast<unsigned>(c));
    else
      uri += c;
  return open(path, std::move(title), uri + "?immutable=1", SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
}

Result<SqlDatabase> SqlDatabase::open_in_memory(const std::string& name, std::string title,
                                                std::string_view bytes) {
  TRY_ASSIGN(SqlDatabase database, open(name, std::move(title), ":memory:", SQLITE_OPEN_READWRITE));
  if (bytes.empty()) return database;
  auto* const memory = static_cast<unsigned char*>(sqlite3_malloc64(bytes.size()));
  if (memory == nullptr) return database.error(SQLITE_NOMEM);
  std::memcpy(memory, bytes.data(), bytes.size());
  const auto size = static_cast<sqlite3_int64>(bytes.size());
  const int code =
      sqlite3_deserialize(database.handle_.get(), "main", memory, size, size,
                          SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_RESIZEABLE);
  if (code != SQLITE_OK) return database.error(code);
  return database;
}

std::string SqlDatabase::serialize() const {
  sqlite3_int64 size = 0;
  unsigned char* const bytes = sqlite3_serialize(handle_.get(), "main", &size, 0);
  if (bytes == nullptr) return {};
  std::string copy(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  sqlite3_free(bytes);
  return copy;
}

void SqlDatabase::set_may_commit(const std::function<bool()>* may_commit) {
  const auto hook = [](void* asked) {
    return (*static_cast<const std::function<bool()>*>(asked))() ? 0 : 1;
  };
  sqlite3_commit_hook(handle_.get(), may_commit != nullptr ? +hook : nullptr,
                      const_cast<std::function<bool()>*>(may_commit));
}

Result<SqlDatabase> SqlDatabase::open(const std::string& path, std::string title,
                                      const std::string& name, int flags) {
  SqlDatabase database(path, std::move(title));
  sqlite3* handle = nullptr;
  // NOMUTEX: the caller guarantees one thread at a time.
  const int code = sqlite3_open_v2(name.c_str(), &handle, flags | SQLITE_OPEN_NOMUTEX, nullptr);
  database.handle_.reset(handle);
  if (code != SQLITE_OK) return database.error(code);
  sqlite3_busy_timeout(handle, busy_timeout_ms);
  // https://www.sqlite.org/security.html, "Untrusted SQLite Database Files".
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
  TRY(database.run("PRAGMA cell_size_check = ON"));
  TRY(database.run("PRAGMA temp_store = MEMORY"));
  return database;
}

Result<SqlStatement> SqlDatabase::query(std::string_view sql,
                                        std::initializer_list<SqlValue> values) {
  return query(sql, values.begin(), values.size());
}

Result<SqlStatement> SqlDatabase::query(std::string_view sql, const SqlValue* values,
                                        std::size_t count) {
  SqlStatements::node_type node = idle_.extract(std::string(sql));
  if (!node) {
    sqlite3_stmt* compiled = nullptr;
    const int code = sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &compiled, nullptr);
    if (code != SQLITE_OK) return error(code);
    SqlStatements one;
    one[std::string(sql)].reset(compiled);
    node = one.extract(one.begin());
  }
  SqlStatement statement(*this, std::move(node));
  int code = SQLITE_OK;
  for (std::size_t i = 0; i < count && code == SQLITE_OK; ++i)
    code = bind(statement.statement(), static_cast<int>(i) + 1, values[i]);
  if (code != SQLITE_OK) return error(code);
  return statement;
}

Result<void> SqlDatabase::run(std::string_view sql, std::initializer_list<SqlValue> values) {
  TRY_ASSIGN(SqlStatement statement, query(sql, values));
  while (true) {
    TRY_ASSIGN(const bool more, statement.step());
    if (!more) return {};
  }
}

Result<std::int64_t> SqlDatabase::integer(std::string_view sql) {
  TRY_ASSIGN(SqlStatement statement, query(sql));
  TRY_ASSIGN(const bool found, statement.step());
  return found ? statement.value(0).integer : 0;
}

Result<std::string> SqlDatabase::text(std::string_view sql) {
  TRY_ASSIGN(SqlStatement statement, query(sql));
  TRY_ASSIGN(const bool found, statement.step());
  return std::string(found ? statement.value(0).bytes : std::string_view());
}

Result<bool> SqlDatabase::is_marked_wal() const {
  // Reads through SQLite's own descriptor: closing another descriptor of the file would drop its
  // locks.
  sqlite3_file* file = nullptr;
  int code = sqlite3_file_control(handle_.get(), "main", SQLITE_FCNTL_FILE_POINTER, &file);
  if (code != SQLITE_OK) return error(code);
  // https://www.sqlite.org/fileformat.html: the bytes 18 and 19 are the versions needed to write
  // and to read, both 2 in mode wal.
  unsigned char header[20] = {};
  code = file->pMethods->xRead(file, header, sizeof header, 0);
  if (code == SQLITE_IOERR_SHORT_READ) return false;  // empty
  if (code != SQLITE_OK) return error(code);
  return header[18] == 2 || header[19] == 2;
}

bool SqlDatabase::in_transaction() const {
  return sqlite3_get_autocommit(handle_.get()) == 0;
}

std::int64_t SqlDatabase::last_insert_id() const {
  return sqlite3_last_insert_rowid(handle_.get());
}

Error SqlDatabase::error(int code) const {
  const int primary = code & 0xFF;
  // Without a connection (out of memory) only the code is known.
  std::string reason = handle_ ? sqlite3_errmsg(handle_.get()) : sqlite3_errstr(code);
  const int system = handle_ ? sqlite3_system_errno(handle_.get()) : 0;
  if (system != 0 && (primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN))
    reason += fmt::format(" ({})", std::system_category().message(system));
  return Error{.kind = ErrorKind::failed,
               .message = fmt::format("cannot use {} {}: {}; {}", title_, printable(path_),
                                      printable(reason), advice_on(primary)),
               .code = primary,
               .retryable = primary == SQLITE_BUSY || primary == SQLITE_LOCKED};
}

SqlTransaction::~SqlTransaction() {
  // SQLite has rolled back some failed transactions itself. If this rollback fails, the next reader
  // rolls the transaction back.
  if (database_.in_transaction()) static_cast<void>(database_.run("ROLLBACK"));
}

}  // namespace sluice
