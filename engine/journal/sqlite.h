#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "io/result.h"

struct sqlite3;
struct sqlite3_stmt;

/// SQLite with Results and destructors, as far as the journal needs it; sqlite.cc is the only file
/// of the engine that includes sqlite3.h.
namespace sluice {

/// One value of a row. Any column can hold any type, whatever the schema says.
struct SqlValue {
  enum class Type { null, integer, real, text, blob };

  Type type = Type::null;
  std::int64_t integer = 0;  ///< of an integer
  std::string_view bytes;    ///< of a text (not always UTF-8) or a blob; not owned

  static SqlValue of(std::int64_t value) { return {Type::integer, value, {}}; }
  static SqlValue text(std::string_view value) { return {Type::text, 0, value}; }
  static SqlValue blob(std::string_view value) { return {Type::blob, 0, value}; }
};

class SqlDatabase;

struct FinalizeSql {
  void operator()(sqlite3_stmt* statement) const;
};
/// Statements that are not under way, by their SQL.
using SqlStatements = std::unordered_map<std::string, std::unique_ptr<sqlite3_stmt, FinalizeSql>>;

/// A statement under way. Goes before its database does, which keeps it for the next time.
class SqlStatement {
 public:
  ~SqlStatement();
  SqlStatement(SqlStatement&&) = default;
  SqlStatement& operator=(SqlStatement&&) = delete;

  /// The next row: false if there is none. Not again after that.
  Result<bool> step();
  /// Of the row at hand, from 0; its bytes until the next step().
  SqlValue value(int column) const;

 private:
  friend class SqlDatabase;
  SqlStatement(SqlDatabase& database, SqlStatements::node_type node)
      : database_(&database), node_(std::move(node)) {}
  sqlite3_stmt* statement() const { return node_.mapped().get(); }

  SqlDatabase* database_;
  SqlStatements::node_type node_;  ///< empty once it is moved from
};

/// A connection to a database in a file. One thread at a time.
///
/// Errors are of kind failed and name the file; code is SQLite's primary result code, retryable
/// means that another connection kept the file locked.
class SqlDatabase {
 public:
  /// Opens a file that exists (an empty one is an empty database). `title` is what errors call it,
  /// "the journal". Waits for other connections' locks for ten seconds at most. What a hostile
  /// schema could do on its own (triggers, views, functions) is off.
  static Result<SqlDatabase> open(const std::string& path, std::string title);
  /// The same to look at what that file alone holds: takes no lock, needs no room and no other
  /// file, and so does not see what is in a -wal or is to be rolled back. Where somebody writes
  /// meanwhile, what is read may be an error, or of different times.
  static Result<SqlDatabase> open_as_it_is(const std::string& path, std::string title);
  /// A database in memory alone, for tests: empty, or what serialize() gave. `name` is its path in
  /// errors.
  static Result<SqlDatabase> open_in_memory(const std::string& name, std::string title,
                                            std::string_view bytes);
  SqlDatabase(SqlDatabase&&) = default;
  SqlDatabase& operator=(SqlDatabase&&) = delete;

  /// `values` are those of the statement's parameters, in order. What has been compiled stays, but
  /// for PRAGMAs: for a transaction of four small statements that is half of the time. So `sql` is
  /// one of few texts; what varies is in `values`.
  Result<SqlStatement> query(std::string_view sql, std::initializer_list<SqlValue> values = {});
  Result<SqlStatement> query(std::string_view sql, const SqlValue* values, std::size_t count);

  /// Runs one statement to its end; rows are dropped.
  Result<void> run(std::string_view sql, std::initializer_list<SqlValue> values = {});

  /// The first column of the first row: an integer (0 if it is none), a text (empty if it is none).
  Result<std::int64_t> integer(std::string_view sql);
  Result<std::string> text(std::string_view sql);

  /// Whether its header says mode wal. Takes no lock and looks into no other file.
  Result<bool> is_marked_wal() const;

  /// False also once SQLite has rolled back a transaction by itself, as it does on a full disk.
  bool in_transaction() const;

  std::int64_t last_insert_id() const;

  /// Of one in memory: what is committed, as the bytes of a database file.
  std::string serialize() const;
  /// For tests: asked before each COMMIT; false makes that fail, and its transaction leaves
  /// nothing. Not owned; outlives this. Null for none.
  void set_may_commit(const std::function<bool()>* may_commit);
  const std::string& path() const { return path_; }

  /// The error of an SQLite result code, as of the call that has just failed.
  Error error(int code) const;

 private:
  friend class SqlStatement;
  struct Close {
    void operator()(sqlite3* database) const;
  };
  static Result<SqlDatabase> open(const std::string& path, std::string title,
                                  const std::string& name, int flags);
  SqlDatabase(std::string path, std::string title)
      : path_(std::move(path)), title_(std::move(title)) {}

  std::string path_;
  std::string title_;
  std::unique_ptr<sqlite3, Close> handle_;
  SqlStatements idle_;
};

/// A transaction that writes. Rolled back by the destructor unless commit() went well, so that the
/// connection can be used again whatever happened.
class SqlTransaction {
 public:
  explicit SqlTransaction(SqlDatabase& database) : database_(database) {}
  ~SqlTransaction();
  SqlTransaction(const SqlTransaction&) = delete;
  SqlTransaction& operator=(const SqlTransaction&) = delete;

  /// Takes the file's write lock at once: two that read first and want to write then would fail
  /// each other.
  Result<void> begin() { return database_.run("BEGIN IMMEDIATE"); }
  Result<void> commit() { return database_.run("COMMIT"); }

 private:
  SqlDatabase& database_;
};

}  // namespace sluice
