// Any file passed as a receipt: an accepted receipt stays the same if written and parsed again, and
// coreutils and xxhsum read its path and digests from the lines of sums_lines().
//
// Input: the file. Its bytes are also used as a path.

#include "engine/report/receipt.h"

#include <vector>

#include "engine/protocol/deposit.h"
#include "tests/fuzz/fuzz.h"

namespace {

using namespace sluice;

bool is_hex(std::string_view text, std::size_t digits) {
  return text.size() == digits && text.find_first_not_of("0123456789abcdef") == text.npos;
}

/// Checks a line "ALGORITHM (path) = digits". If the line starts with a backslash, the path
/// contains escapes (manual of coreutils, md5sum).
void check_line(std::string_view line, const std::string& start, std::string_view path,
                const std::string& digits) {
  const bool escaped = line.starts_with('\\');
  if (escaped) line.remove_prefix(1);
  FUZZ_CHECK(line.starts_with(start + " ("), line);
  line.remove_prefix(start.size() + 2);
  FUZZ_CHECK(line.ends_with(") = " + digits), line);
  line.remove_suffix(digits.size() + 4);
  std::string read;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (!escaped || line[i] != '\\') {
      read += line[i];
      continue;
    }
    FUZZ_CHECK(++i < line.size() && (line[i] == '\\' || line[i] == 'n'), line);
    read += line[i] == 'n' ? '\n' : '\\';
  }
  FUZZ_CHECK(read == path, line);
}

void check_sums(const Receipt& receipt, std::string_view path) {
  const std::string sums = sums_lines(receipt, path);
  FUZZ_CHECK(sums.empty() || sums.ends_with('\n'), sums);
  std::string_view text = sums;
  if (path.find('\n') == path.npos)
    check_line(fuzz::take_until(text, '\n'), "XXH128", path, receipt.xxh128);
  if (!receipt.md5.empty()) check_line(fuzz::take_until(text, '\n'), "MD5", path, receipt.md5);
  if (!receipt.sha256.empty())
    check_line(fuzz::take_until(text, '\n'), "SHA256", path, receipt.sha256);
  FUZZ_CHECK(text.empty(), text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  const auto receipt = parse_receipt(text, std::string(text.substr(0, 40)) + "r");
  if (!receipt) {
    FUZZ_CHECK(receipt.error().kind == ErrorKind::usage);
    fuzz::check_shown(receipt.error().message);
  } else {
    FUZZ_CHECK(receipt->bytes <= max_file_size);
    FUZZ_CHECK(is_hex(receipt->xxh128, 32), receipt->xxh128);
    FUZZ_CHECK(receipt->md5.empty() || is_hex(receipt->md5, 32), receipt->md5);
    FUZZ_CHECK(receipt->sha256.empty() || is_hex(receipt->sha256, 64), receipt->sha256);
    const std::string json = to_json(*receipt);
    const auto again = parse_receipt(json, "again");
    FUZZ_CHECK(again && *again == *receipt, json);
    check_sums(*receipt, receipt->file);
  }

  // A receipt with any path can be parsed again; only bytes that are not UTF-8 are replaced.
  Receipt made;
  made.file = made.name = text;
  made.xxh128 = std::string(32, 'a');
  made.md5 = std::string(32, '0');
  const auto read = parse_receipt(to_json(made), "made");
  if (is_utf8(text))
    FUZZ_CHECK(read && *read == made, text);
  else
    FUZZ_CHECK(read && is_utf8(read->file), text);
  check_sums(made, text);
  return 0;
}
