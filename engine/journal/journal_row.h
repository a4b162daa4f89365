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

/// From the values in the journal's file to entries and back. Nothing in that file is trusted: it
/// may be damaged, edited, or from somebody else. Pure functions, any thread.
namespace sluice {

/// The columns of the table of uploads, in the order in which a row has them. The file's time of
/// modification is `mtime_s` seconds and `mtime_ns` nanoseconds after 1970: rows that sluice 0.1.0
/// wrote have all of it in `mtime_ns`, and 0 in `mtime_s`, which it did not have.
inline constexpr std::array journal_columns = {
    "id",         "system",        "dataset",      "name",       "path",       "size",
    "mtime_ns",   "device",        "inode",        "token_file", "digests",    "block_bytes",
    "committed",  "hashed_blocks", "digest_state", "state",      "error_kind", "error",
    "started_s",  "updated_s",     "receipt",      "protocol",   "upload_url", "part_of",
    "part_begin", "mtime_s"};
using JournalRow = std::array<SqlValue, journal_columns.size()>;

/// The entry of a row. Error failed, a clause that says what is wrong, as of
/// check_journal_entry().
Result<JournalEntry> decode_journal_row(const JournalRow& row);

/// The row of an entry, which must outlive it: the bytes are the entry's own. An id of 0 becomes
/// NULL, for SQLite to choose one.
JournalRow encode_journal_row(const JournalEntry& entry);

/// Checksums lie in the file in segments of so many, 2 KiB; the last one may be shorter. A segment
/// is rewritten when it grows: with blocks of 4 MiB, once for each chunk in it.
inline constexpr std::uint64_t checksums_in_segment = 256;

/// A segment as bytes: each checksum in 8 of them, the lowest first.
std::string encode_checksums(std::span<const std::uint64_t> checksums);

/// Appends them to `checksums`. Error failed, a clause: not a blob of exactly `count`.
Result<void> decode_checksums(const SqlValue& segment, std::size_t count,
                              std::vector<std::uint64_t>& checksums);

}  // namespace sluice
