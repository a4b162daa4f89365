// Rows of a journal, whose file may be damaged, edited or written by another program. A decoded
// entry is valid, and encoding it again gives the same row.
//
// Input: a line for each column, in the order of the columns, and one for a segment of checksums:
//
//     iNUMBER   an integer          tTEXT    a text
//     bBYTES    a blob              n, r     null, a real number
//
// An empty or missing line is a valid value. The first byte of the segment is its expected number
// of checksums.

#include <vector>

#include "engine/journal/journal_row.h"
#include "engine/protocol/deposit.h"
#include "tests/fuzz/fuzz.h"

namespace {

using namespace sluice;
using Type = SqlValue::Type;

const JournalEntry& valid_entry() {
  static const JournalEntry entry = [] {
    JournalEntry valid;
    valid.id = 1;
    valid.system = "https://databank.example";
    valid.dataset = "IDB-1";
    valid.name = "scan.h5";
    valid.path = "/data/scan.h5";
    valid.file = {
        .size = 100'000'000, .modified = {1'700'000'000, 123'456'789}, .device = 3, .inode = 4};
    valid.block_bytes = std::uint64_t{4} << 20;
    valid.protocol = "tus";
    valid.upload_url = "https://databank.example/files/1";
    valid.part_of = 2;
    valid.part_begin = 50'000'000;
    valid.error = Error{.kind = ErrorKind::unreachable, .message = "no route"};
    return valid;
  }();
  return entry;
}

SqlValue read(std::string_view line, const SqlValue& valid) {
  switch (fuzz::take_byte(line)) {
    case 'i':
      return SqlValue::of(fuzz::take_number<std::int64_t>(line));
    case 't':
      return SqlValue::text(line);
    case 'b':
      return SqlValue::blob(line);
    case 'n':
      return {};
    case 'r':
      return {Type::real, 0, {}};
    default:
      return valid;
  }
}

bool same(const SqlValue& a, const SqlValue& b) {
  return a.type == b.type && a.integer == b.integer && a.bytes == b.bytes;
}

void check_row(const JournalRow& row) {
  const auto entry = decode_journal_row(row);
  if (!entry) {
    FUZZ_CHECK(entry.error().kind == ErrorKind::failed);
    fuzz::check_shown(entry.error().message);
    return;
  }
  FUZZ_CHECK(check_journal_entry(*entry));
  FUZZ_CHECK(entry->hashed_blocks <= count_blocks(*entry));
  FUZZ_CHECK(entry->part_begin + entry->file.size <= max_file_size);
  FUZZ_CHECK(entry->upload_url.empty() || entry->protocol == "tus");
  const JournalRow again = encode_journal_row(*entry);
  for (std::size_t i = 0; i < row.size(); ++i) {
    // Without the kind of an error, its message is ignored.
    if (journal_columns[i] == std::string_view("error") && !entry->error) continue;
    // A time has two representations.
    if (std::string_view(journal_columns[i]).starts_with("mtime_")) continue;
    FUZZ_CHECK(same(row[i], again[i]), journal_columns[i]);
  }
  const auto once_more = decode_journal_row(again);
  FUZZ_CHECK(once_more && once_more->file == entry->file);
}

void check_checksums(const SqlValue& segment, std::size_t count) {
  std::vector<std::uint64_t> checksums = {7};
  if (decode_checksums(segment, count, checksums)) {
    FUZZ_CHECK(checksums.size() == 1 + count);
    FUZZ_CHECK(encode_checksums(std::span(checksums).subspan(1)) == segment.bytes);
  } else {
    FUZZ_CHECK(checksums.size() == 1);
  }
  FUZZ_CHECK(checksums[0] == 7);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text = fuzz::text_of(data, size);
  JournalRow row = encode_journal_row(valid_entry());
  for (SqlValue& value : row) value = read(fuzz::take_until(text, '\n'), value);
  check_row(row);
  const std::size_t count = fuzz::take_byte(text);
  check_checksums(read(text, SqlValue::blob(text)), count);
  return 0;
}
