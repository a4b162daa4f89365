#include "engine/journal/journal_row.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <string>

#include "engine/protocol/deposit.h"
#include "tests/engine/journal/journal_sample.h"

namespace sluice::journal_row_test {
namespace {

using test::sample_entry;
using Type = SqlValue::Type;

/// Returns an entry in which no member has its default value.
JournalEntry full_entry() {
  JournalEntry entry = sample_entry();
  entry.id = 17;
  entry.file.device = 0xFFFF'0000'1234'5678;
  entry.file.inode = ~std::uint64_t{0};
  entry.file.modified = {-1, 999'999'995};  // before 1970
  entry.path = "/data/not utf-8 \xFF\n/scan.h5";
  entry.token_file = "/home/\xFE/token";
  entry.digests = "md5,sha256";
  entry.committed = 12'345'678;
  entry.hashed_blocks = 1;
  entry.digest_state = std::string("\0\xFF state", 8);
  entry.state = JournalEntry::State::verifying;
  entry.error = Error{.kind = ErrorKind::unreachable, .message = "no route"};
  entry.started_s = 1'790'000'000;
  entry.updated_s = 1'790'000'100;
  entry.receipt = "{}";
  entry.protocol = "tus";
  entry.upload_url = "https://databank.example/files/1?a=b";
  entry.part_of = 16;
  entry.part_begin = 8'000'000;
  return entry;
}

std::size_t column(std::string_view name) {
  for (std::size_t i = 0; i < journal_columns.size(); ++i)
    if (journal_columns[i] == name) return i;
  ADD_FAILURE() << "no column " << name;
  return 0;
}

/// Returns the error of full_entry() with one changed value.
std::string problem_with(std::string_view name, const SqlValue& value) {
  const JournalEntry entry = full_entry();
  JournalRow row = encode_journal_row(entry);
  row[column(name)] = value;
  const auto decoded = decode_journal_row(row);
  if (decoded) return "";
  EXPECT_EQ(decoded.error().kind, ErrorKind::failed);
  return decoded.error().message;
}

TEST(JournalRow, KeepsEveryMember) {
  const JournalEntry entry = full_entry();
  const auto decoded = decode_journal_row(encode_journal_row(entry));
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(decoded->id, entry.id);
  EXPECT_EQ(decoded->system, entry.system);
  EXPECT_EQ(decoded->dataset, entry.dataset);
  EXPECT_EQ(decoded->name, entry.name);
  EXPECT_EQ(decoded->path, entry.path);
  EXPECT_EQ(decoded->file, entry.file);
  EXPECT_EQ(decoded->token_file, entry.token_file);
  EXPECT_EQ(decoded->digests, entry.digests);
  EXPECT_EQ(decoded->block_bytes, entry.block_bytes);
  EXPECT_EQ(decoded->committed, entry.committed);
  EXPECT_EQ(decoded->hashed_blocks, entry.hashed_blocks);
  EXPECT_EQ(decoded->digest_state, entry.digest_state);
  EXPECT_EQ(decoded->state, entry.state);
  ASSERT_TRUE(decoded->error);
  EXPECT_EQ(decoded->error->kind, ErrorKind::unreachable);
  EXPECT_EQ(decoded->error->message, "no route");
  EXPECT_EQ(decoded->started_s, entry.started_s);
  EXPECT_EQ(decoded->updated_s, entry.updated_s);
  EXPECT_EQ(decoded->receipt, entry.receipt);
  EXPECT_EQ(decoded->protocol, entry.protocol);
  EXPECT_EQ(decoded->upload_url, entry.upload_url);
  EXPECT_EQ(decoded->part_of, entry.part_of);
  EXPECT_EQ(decoded->part_begin, entry.part_begin);
}

TEST(JournalRow, RoundTripsEveryErrorKind) {
  for (int kind = 0; kind <= static_cast<int>(ErrorKind::interrupted); ++kind) {
    JournalEntry entry = sample_entry();
    entry.id = 1;
    entry.error = Error{.kind = static_cast<ErrorKind>(kind), .message = "why"};
    const auto decoded = decode_journal_row(encode_journal_row(entry));
    ASSERT_TRUE(decoded) << to_string(static_cast<ErrorKind>(kind));
    ASSERT_TRUE(decoded->error);
    EXPECT_EQ(static_cast<int>(decoded->error->kind), kind);
  }
}

TEST(JournalRow, RejectsValuesOfAnotherTypeAndNamesTheColumn) {
  const JournalEntry entry = full_entry();
  const JournalRow good = encode_journal_row(entry);
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (const SqlValue& other : {SqlValue(), SqlValue::of(1), SqlValue{Type::real, 0, {}},
                                  SqlValue::text("/x"), SqlValue::blob("/x")}) {
      if (other.type == good[i].type) continue;
      const std::string problem = problem_with(journal_columns[i], other);
      EXPECT_NE(problem.find(std::string("column '") + journal_columns[i] + "'"), std::string::npos)
          << journal_columns[i] << ": '" << problem << "'";
    }
  }
}

TEST(JournalRow, RoundTripsTimesBeyond64BitNanoseconds) {
  for (const FileTime time :
       {FileTime{0, 0}, FileTime{-1, 999'999'999}, FileTime{9'223'372'037, 1},
        FileTime{-9'223'372'037, 5}, FileTime{32'503'680'000, 0},  // the year 3000
        FileTime{std::numeric_limits<std::int64_t>::max(), 999'999'999},
        FileTime{std::numeric_limits<std::int64_t>::min(), 0}}) {
    JournalEntry entry = full_entry();
    entry.file.modified = time;
    const auto decoded = decode_journal_row(encode_journal_row(entry));
    ASSERT_TRUE(decoded) << time.seconds << ": " << decoded.error().message;
    EXPECT_EQ(decoded->file.modified, time) << time.seconds;
  }
}

TEST(JournalRow, ReadsTimesInNanosecondsOnly) {
  const JournalEntry entry = full_entry();
  JournalRow row = encode_journal_row(entry);
  row[column("mtime_s")] = SqlValue::of(0);
  row[column("mtime_ns")] = SqlValue::of(1'700'000'000'123'456'789);
  EXPECT_EQ(decode_journal_row(row)->file.modified, (FileTime{1'700'000'000, 123'456'789}));
  row[column("mtime_ns")] = SqlValue::of(-5);
  EXPECT_EQ(decode_journal_row(row)->file.modified, (FileTime{-1, 999'999'995}));
}

TEST(JournalRow, RejectsTimesBeyond64BitSeconds) {
  const JournalEntry entry = full_entry();
  JournalRow row = encode_journal_row(entry);
  row[column("mtime_s")] = SqlValue::of(std::numeric_limits<std::int64_t>::max());
  row[column("mtime_ns")] = SqlValue::of(1'000'000'000);
  const auto decoded = decode_journal_row(row);
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().message, "column 'mtime_s' is not in the range of times");
}

TEST(JournalRow, RejectsNegativeSizes) {
  for (const char* name : {"id", "size", "block_bytes", "committed", "hashed_blocks", "part_begin"})
    EXPECT_NE(problem_with(name, SqlValue::of(-1)), "") << name;
  EXPECT_NE(problem_with("id", SqlValue::of(0)), "");
  EXPECT_NE(problem_with("size", SqlValue::of(INT64_MIN)), "");
}

TEST(JournalRow, AcceptsNumbersUpToTheirLimits) {
  // full_entry(): 100,000,000 bytes in blocks of 4 MiB, which are 24 blocks.
  EXPECT_EQ(problem_with("committed", SqlValue::of(100'000'000)), "");
  EXPECT_NE(problem_with("committed", SqlValue::of(100'000'001)), "");
  EXPECT_EQ(problem_with("hashed_blocks", SqlValue::of(24)), "");
  EXPECT_NE(problem_with("hashed_blocks", SqlValue::of(25)), "");
  EXPECT_NE(problem_with("size", SqlValue::of(max_file_size + 1)), "");
  for (const std::int64_t block_bytes : {4096, 8192, 1 << 30})
    EXPECT_EQ(problem_with("block_bytes", SqlValue::of(block_bytes)), "") << block_bytes;
  for (const std::int64_t block_bytes : {0, 1, 4095, 4097, (1 << 30) + 4096})
    EXPECT_NE(problem_with("block_bytes", SqlValue::of(block_bytes)), "") << block_bytes;
  EXPECT_NE(problem_with("block_bytes", SqlValue::of(INT64_MAX)), "");
  EXPECT_NE(problem_with("started_s", SqlValue::of(-1)), "");
  EXPECT_NE(problem_with("updated_s", SqlValue::of(INT64_MAX)), "");
}

TEST(JournalRow, AnEmptyFileHasNoBlocks) {
  JournalEntry entry = sample_entry();
  entry.id = 1;
  entry.file.size = 0;
  EXPECT_TRUE(decode_journal_row(encode_journal_row(entry)));
  entry.hashed_blocks = 1;
  EXPECT_FALSE(decode_journal_row(encode_journal_row(entry)));
}

TEST(JournalRow, RejectsAPartBeyondTheMaximumFileSize) {
  constexpr std::int64_t last = max_file_size - 100'000'000;  // full_entry() has 100,000,000 bytes
  EXPECT_EQ(problem_with("part_begin", SqlValue::of(0)), "");
  EXPECT_EQ(problem_with("part_begin", SqlValue::of(last)), "");
  EXPECT_NE(problem_with("part_begin", SqlValue::of(last + 1)), "");
  EXPECT_NE(problem_with("part_begin", SqlValue::of(INT64_MAX)), "");
  EXPECT_NE(problem_with("size", SqlValue::of(max_file_size)), "") << "from byte 8,000,000 on";
  EXPECT_NE(problem_with("part_of", SqlValue::of(-1)), "");
  EXPECT_NE(problem_with("part_of", SqlValue::of(17)), "") << "of itself";
  EXPECT_NE(problem_with("part_of", SqlValue::of(0)), "") << "a whole one begins at byte 0";
  JournalEntry whole = sample_entry();
  whole.id = 1;
  whole.file.size = max_file_size;
  EXPECT_TRUE(decode_journal_row(encode_journal_row(whole)));
  whole.part_of = 2;
  EXPECT_FALSE(decode_journal_row(encode_journal_row(whole))) << "only tus has parts";
}

TEST(JournalRow, AcceptsOnlyValidUploadUrls) {
  const std::string longest = "https://a.example/" + std::string(max_upload_url - 18, 'x');
  for (const std::string& url : {std::string(), std::string("http://127.0.0.1:9/f"), longest})
    EXPECT_EQ(problem_with("upload_url", SqlValue::text(url)), "") << url;
  for (const std::string& url :
       {longest + "x", std::string("/files/1"), std::string("ftp://a/1"), std::string("https://"),
        std::string("https:///1"), std::string("https://a/\n"), std::string("https://a/ 1"),
        std::string("https://a/\x7F"), std::string("https://a/\xC3\xA9")})
    EXPECT_NE(problem_with("upload_url", SqlValue::text(url)), "") << url;
  EXPECT_NE(problem_with("protocol", SqlValue::text("ftp")), "");
  EXPECT_NE(problem_with("protocol", SqlValue::text("")), "");
  for (const char* protocol : {"phased", "binary"}) {
    JournalEntry entry = sample_entry();
    entry.id = 1;
    entry.protocol = protocol;
    EXPECT_TRUE(decode_journal_row(encode_journal_row(entry))) << protocol;
    entry.upload_url = "https://a/1";
    EXPECT_FALSE(decode_journal_row(encode_journal_row(entry))) << protocol;
  }
}

TEST(JournalRow, RejectsUnknownStatesAndErrorKinds) {
  EXPECT_EQ(problem_with("state", SqlValue::of(0)), "");
  EXPECT_EQ(problem_with("state", SqlValue::of(3)), "");
  EXPECT_NE(problem_with("state", SqlValue::of(-1)), "");
  EXPECT_NE(problem_with("state", SqlValue::of(4)), "");
  EXPECT_NE(problem_with("state", SqlValue::of(std::int64_t{1} << 32)), "");
  EXPECT_NE(problem_with("error_kind", SqlValue::text("sulking")), "");
}

TEST(JournalRow, RejectsUnsafeSystemsAndPaths) {
  for (const char* system : {"", "databank", "ftp://a.example", "https://u:p@a.example",
                             "https://a.example/", "https://a.example?x", "file:///etc"})
    EXPECT_NE(problem_with("system", SqlValue::text(system)), "") << system;
  for (const char* dataset : {"", "../x", "IDB 1"})
    EXPECT_NE(problem_with("dataset", SqlValue::text(dataset)), "") << dataset;
  for (const char* name : {"", "..", "a/b", "caf\xE9", "a\x1B[2J"})
    EXPECT_NE(problem_with("name", SqlValue::text(name)), "") << name;
  for (const std::string& path : {std::string(), std::string("scan.h5"), std::string("/a\0b", 4),
                                  std::string(max_journal_path + 1, '/')}) {
    EXPECT_NE(problem_with("path", SqlValue::blob(path)), "");
    if (!path.empty()) {
      EXPECT_NE(problem_with("token_file", SqlValue::blob(path)), "");
    }
  }
  EXPECT_NE(problem_with("digests", SqlValue::text("md5;x")), "");
  const std::string long_text(max_journal_text + 1, 'x');
  EXPECT_NE(problem_with("error", SqlValue::text(long_text)), "");
  EXPECT_NE(problem_with("receipt", SqlValue::text(long_text)), "");
  EXPECT_NE(problem_with("digest_state", SqlValue::blob(long_text)), "");
}

TEST(JournalRow, DecodedEntriesPassTheCheck) {
  const std::uint64_t seed = std::random_device{}();
  RecordProperty("seed", std::to_string(seed));
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const JournalEntry entry = full_entry();
  int decoded_rows = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes(random() % 12, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    JournalRow row = encode_journal_row(entry);
    for (std::uint64_t changes = 1 + random() % 3; changes > 0; --changes) {
      // Numbers of any length: most limits are small.
      const auto number = static_cast<std::int64_t>(random() >> (random() % 64));
      row[random() % row.size()] = {static_cast<Type>(random() % 5), number, bytes};
    }
    const auto decoded = decode_journal_row(row);
    if (!decoded) continue;
    ++decoded_rows;
    const auto possible = check_journal_entry(*decoded);
    EXPECT_TRUE(possible) << possible.error().message;
  }
  EXPECT_GT(decoded_rows, 0);
}

TEST(JournalRow, RoundTripsChecksums) {
  const std::vector<std::uint64_t> checksums = {0, 1, ~std::uint64_t{0}, 0x0123456789ABCDEF};
  const std::string bytes = encode_checksums(checksums);
  EXPECT_EQ(bytes.size(), 32U);
  EXPECT_EQ(bytes.substr(24), "\xEF\xCD\xAB\x89\x67\x45\x23\x01");
  std::vector<std::uint64_t> decoded = {7};
  ASSERT_TRUE(decode_checksums(SqlValue::blob(bytes), 4, decoded));
  EXPECT_EQ(decoded, (std::vector<std::uint64_t>{7, 0, 1, ~std::uint64_t{0}, 0x0123456789ABCDEF}));
}

TEST(JournalRow, RejectsChecksumsOfAnotherLength) {
  const std::string bytes(32, 'x');
  std::vector<std::uint64_t> decoded;
  EXPECT_FALSE(decode_checksums(SqlValue::blob(bytes), 3, decoded));
  EXPECT_FALSE(decode_checksums(SqlValue::blob(bytes), 5, decoded));
  EXPECT_FALSE(decode_checksums(SqlValue::blob(bytes + "x"), 4, decoded));
  EXPECT_FALSE(decode_checksums(SqlValue::text(bytes), 4, decoded));
  EXPECT_FALSE(decode_checksums(SqlValue(), 0, decoded));
  EXPECT_TRUE(decoded.empty());
}

}  // namespace
}  // namespace sluice::journal_row_test
