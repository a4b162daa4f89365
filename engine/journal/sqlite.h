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

/// A wrapper of SQLite with Results and destructors, as far as the journal needs it. sqlite.cc is
/// the only file of the engine that includes sqlite3.h.
namespace sluice {

/// A value of a row. Any column can hold any type, whatever the schema says.
struct SqlValue {
  enum class Type { null, integer, real, text, blob };

  Type type = Type::null;
  std::int64_t integer = 0;  ///< valid for an integer
  std::string_view bytes;    ///< valid for a text (not always UTF-8) or a blob; not owned

  static SqlValue of(std::int64_t value) { return {Type::integer, value, {}}; }
  static SqlValue text(std::string_view value) { return {Type::text, 0, value}; }
  static SqlValue blob(std::string_view value) { return {Type::blob, 0, value}; }
};

class SqlDatabase;

struct FinalizeSql {
  void operator()(sqlite3_stmt* statement) const;
};
/// Compiled statements that are not in use, by their SQL.
using SqlStatements = std::unordered_map<std::string, std::unique_ptr<sqlite3_stmt, FinalizeSql>>;

/// A statement in use. Must be destroyed before its database, to which the destructor returns the
/// compiled statement for reuse.
class SqlStatement {
 public:
  ~SqlStatement();
  SqlStatement(SqlStatement&&) = default;
  SqlStatement& operator=(SqlStatement&&) = delete;

  /// Reads the next row. Returns false if there is none; must not be called again after that.
  Result<bool> step();
  /// Returns the value of column `column`, from 0, of the current row. Its bytes are valid until
  /// the next step().
  SqlValue value(int column) const;

 private:
  friend class SqlDatabase;
  SqlStatement(SqlDatabase& database, SqlStatements::node_type node)
      : database_(&database), node_(std::move(node)) {}
  sqlite3_stmt* statement() const { return node_.mapped().get(); }

  SqlDatabase* database_;
  SqlStatements::node_type node_;  ///< empty once it is moved from
};

/// A connection to a database file. One thread at a time.
///
/// Errors are of kind failed and name the file. `code` is SQLite's primary result code; `retryable`
/// means that another connection kept the file locked.
class SqlDatabase {
 public:
  /// Opens an existing file (an empty one is an empty database). `title`: the name of the file in
  /// error messages, "the journal". Blocks on the locks of other connections for ten seconds at
  /// most. Features by which a hostile schema could act on its own (triggers, views, functions) are
  /// disabled.
  static Result<SqlDatabase> open(const std::string& path, std::string title);
  /// Opens the file read-only, as it is now: takes no lock, needs no space and no other file, and
  /// so does not see changes in a -wal file or changes that must be rolled back. If another process
  /// writes at the same time, a read may fail, or return values of different times.
  static Result<SqlDatabase> open_as_it_is(const std::string& path, std::string title);
  /// Returns a database in memory, for tests: empty, or with the contents that serialize()
  /// returned. `name`: its path in error messages.
  static Result<SqlDatabase> open_in_memory(const std::string& name, std::string title,
                                            std::string_view bytes);
  SqlDatabase(SqlDatabase&&) = default;
  SqlDatabase& operator=(SqlDatabase&&) = delete;

  /// Starts a statement. `values`: the values of the statement's parameters, in order. The compiled
  /// statement is kept for reuse, except for PRAGMAs: compiling takes half of the time of a
  /// transaction of four small statements. So `sql` must be one of a few texts; the variable part
  /// is in `values`.
  Result<SqlStatement> query(std::string_view sql, std::initializer_list<SqlValue> values = {});
  Result<SqlStatement> query(std::string_view sql, const SqlValue* values, std::size_t count);

  /// Runs one statement to its end, and discards its rows.
  Result<void> run(std::string_view sql, std::initializer_list<SqlValue> values = {});

  /// Returns the first column of the first row: an integer (0 if it has another type), a text
  /// (empty if it has another type).
  Result<std::int64_t> integer(std::string_view sql);
  Result<std::string> text(std::string_view sql);

  /// Returns whether the file's header says mode wal. Takes no lock and reads no other file.
  Result<bool> is_marked_wal() const;

  /// Returns whether a transaction is open. False also after SQLite has rolled back a transaction
  /// by itself, as it does on a full disk.
  bool in_transaction() const;

  /// Returns the id of the row that was inserted last.
  std::int64_t last_insert_id() const;

  /// Returns the committed contents of a database in memory, as the bytes of a database file.
  std::string serialize() const;
  /// For tests: sets a hook that is called before each COMMIT. If the hook returns false, the
  /// COMMIT fails, and its transaction leaves no changes. Not owned; must outlive this. Null for
  /// none.
  void set_may_commit(const std::function<bool()>* may_commit);
  const std::string& path() const { return path_; }

  /// Returns the error for an SQLite result code, that of the call that has just failed.
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

/// A write transaction. The destructor rolls the transaction back unless commit() succeeded, so
/// that the connection can be used again in any case.
class SqlTransaction {
 public:
  explicit SqlTransaction(SqlDatabase& database) : database_(database) {}
  ~SqlTransaction();
  SqlTransaction(const SqlTransaction&) = delete;
  SqlTransaction& operator=(const SqlTransaction&) = delete;

  /// Begins the transaction and takes the file's write lock at once. Two transactions that read
  /// first and then write would make each other fail.
  Result<void> begin() { return database_.run("BEGIN IMMEDIATE"); }
  Result<void> commit() { return database_.run("COMMIT"); }

 private:
  SqlDatabase& database_;
};

}  // namespace sluice
