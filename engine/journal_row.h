#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/journal_entry.h"
#include "io/result.h"

/// From the values in the journal's file to entries and back. Nothing in that file is trusted: it
/// may be damaged, edited, or from somebody else. Pure functions, any thread.
namespace sluice {

/// One value of a row, as SQLite has it: any column can hold any type, whatever the schema says.
struct JournalValue {
  enum class Type { null, integer, real, text, blob };

  Type type = Type::null;
  std::int64_t integer = 0;  ///< of an integer
  std::string_view bytes;    ///< of a text (not always UTF-8) or a blob; not owned
};

/// The columns of the table of uploads, in the order in which a row has them.
inline constexpr std::array<const char*, 21> journal_columns = {
    "id",           "system", "dataset",    "name",    "path",        "size",      "mtime_ns",
    "device",       "inode",  "token_file", "digests", "block_bytes", "committed", "hashed_blocks",
    "digest_state", "state",  "error_kind", "error",   "started_s",   "updated_s", "receipt"};

/// Whether such an upload can be: what decode_journal_row() refuses, Journal::begin() does too.
/// Error failed, half a sentence that says what is wrong with it: "its size is ...".
Result<void> check_journal_entry(const JournalEntry& entry);

/// The entry of a row. Error failed, as of check_journal_entry().
Result<JournalEntry> decode_journal_row(std::span<const JournalValue, journal_columns.size()> row);

}  // namespace sluice
