#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/journal/journal_entry.h"
#include "engine/journal/sqlite.h"
#include "io/result.h"

/// Converts rows of the journal's file to entries and back. No value in that file is trusted: the
/// file may be damaged, edited, or from another source. Pure functions, any thread.
namespace sluice {

/// The columns of the table of uploads, in the order of a row. The file's modification time is
/// `mtime_s` seconds and `mtime_ns` nanoseconds after 1970. Rows that sluice 0.1.0 wrote have the
/// whole time in `mtime_ns`, and 0 in `mtime_s`, a column that 0.1.0 did not have.
inline constexpr std::array journal_columns = {
    "id",         "system",        "dataset",      "name",       "path",       "size",
    "mtime_ns",   "device",        "inode",        "token_file", "digests",    "block_bytes",
    "committed",  "hashed_blocks", "digest_state", "state",      "error_kind", "error",
    "started_s",  "updated_s",     "receipt",      "protocol",   "upload_url", "part_of",
    "part_begin", "mtime_s"};
using JournalRow = std::array<SqlValue, journal_columns.size()>;

/// Returns the entry of a row. Error failed; its message is a clause, as that of
/// check_journal_entry().
Result<JournalEntry> decode_journal_row(const JournalRow& row);

/// Returns the row of `entry`. The row refers to the entry's own bytes, so the entry must outlive
/// it. An id of 0 becomes NULL, so that SQLite assigns one.
JournalRow encode_journal_row(const JournalEntry& entry);

/// The number of checksums in a segment of the file, 2 KiB; the last segment may be shorter. A
/// segment is rewritten when it grows: with blocks of 4 MiB, once for each chunk in it.
inline constexpr std::uint64_t checksums_in_segment = 256;

/// Returns a segment as bytes: 8 for each checksum, little-endian.
std::string encode_checksums(std::span<const std::uint64_t> checksums);

/// Appends the checksums of a segment to `checksums`. Error failed, whose message is a clause: the
/// value is not a blob of exactly `count` checksums.
Result<void> decode_checksums(const SqlValue& segment, std::size_t count,
                              std::vector<std::uint64_t>& checksums);

}  // namespace sluice
