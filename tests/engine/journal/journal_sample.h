#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "engine/journal/journal.h"
#include "engine/journal/journal_file.h"
#include "engine/journal/sqlite.h"

namespace sluice::test {

/// Returns an upload as for Journal::begin(): 100 MB, 24 blocks of 4 MiB.
inline JournalEntry sample_entry(const std::string& name = "scan.h5") {
  JournalEntry entry;
  entry.system = "https://databank.example";
  entry.dataset = "IDB-1";
  entry.name = name;
  entry.path = "/data/" + name;
  entry.file = {
      .size = 100'000'000, .modified = {1'700'000'000, 123'456'789}, .device = 3, .inode = 4};
  entry.block_bytes = std::uint64_t{4} << 20;
  return entry;
}

/// Returns a directory in memory, for tests of many transactions that do not depend on the disk: a
/// busy disk takes 10 ms and more for each transaction. Returns an empty path, TempDir's default,
/// if there is no such directory.
inline std::filesystem::path memory_directory() {
  const char* const memory = "/dev/shm";
  return ::access(memory, W_OK | X_OK) == 0 ? memory : "";
}

/// Opens the journal in `directory`; creates a new one in `mode`, whatever the file system is.
inline std::unique_ptr<Journal> open_journal(const std::filesystem::path& directory,
                                             JournalMode mode = JournalMode::wal) {
  if (!std::filesystem::exists(journal_path(directory))) {
    const auto made = open_journal_file(directory, mode);
    EXPECT_TRUE(made) << made.error().message;
  }
  auto journal = Journal::open(directory);
  EXPECT_TRUE(journal) << journal.error().message;
  return journal ? std::move(*journal) : nullptr;
}

/// Opens a separate connection to the journal's file, to inspect and to damage it.
inline SqlDatabase raw_journal(const std::filesystem::path& directory) {
  auto database = SqlDatabase::open(journal_path(directory), "the journal");
  EXPECT_TRUE(database) << database.error().message;
  return std::move(*database);
}

/// Runs SQL on a separate connection.
inline void spoil(const std::filesystem::path& directory, const std::string& sql) {
  SqlDatabase database = raw_journal(directory);
  const auto done = database.run(sql);
  EXPECT_TRUE(done) << done.error().message;
}

/// Returns the number of transactions that have changed a journal in mode truncate: SQLite counts
/// them in the file's header (https://www.sqlite.org/fileformat.html). Must not be called while the
/// journal is in use, because closing the file drops the process's locks on it.
inline std::uint32_t transactions(const std::filesystem::path& directory) {
  std::ifstream file(journal_path(directory), std::ios::binary);
  file.seekg(24);
  std::uint32_t count = 0;
  for (int byte = 0; byte < 4; ++byte) count = count << 8 | static_cast<unsigned>(file.get());
  EXPECT_TRUE(file);
  return count;
}

inline std::string integrity(const std::filesystem::path& directory) {
  SqlDatabase database = raw_journal(directory);
  const auto said = database.text("PRAGMA integrity_check");
  return said ? *said : said.error().message;
}

/// Returns the checksum of block n in these tests.
inline std::uint64_t checksum_of(std::uint64_t block) {
  return (block + 1) * 0x9e3779b97f4a7c15ULL;
}

inline std::vector<std::uint64_t> checksums_of(std::uint64_t first, std::uint64_t count) {
  std::vector<std::uint64_t> checksums;
  for (std::uint64_t block = first; block < first + count; ++block)
    checksums.push_back(checksum_of(block));
  return checksums;
}

}  // namespace sluice::test
