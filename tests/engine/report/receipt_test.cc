#include "engine/report/receipt.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <string>
#include <vector>

#include "engine/digest/digest_kind.h"
#include "engine/digest/evp_digest.h"
#include "engine/digest/xxh128_state.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace sluice::receipt_test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

Receipt example() {
  Receipt receipt;
  receipt.file = "../data/scan.h5";
  receipt.name = "scan 1.h5";
  receipt.dataset = "IDB-1234567";
  receipt.system = "https://databank.illinois.edu";
  receipt.bytes = 4294967296;
  receipt.modified = utc_time(1'700'000'000'123'456'789);
  receipt.started = utc_time(1'700'000'001'000'000'000);
  receipt.registered = utc_time(1'700'000'100'000'000'000);
  receipt.xxh128 = "b3a091f6c6024e7b0013ad85c2608840";
  receipt.md5 = "d41d8cd98f00b204e9800998ecf8427e";
  receipt.sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  receipt.protocol = "phased";
  receipt.version = "0.1.0";
  return receipt;
}

/// Returns the JSON of example() with `what` replaced by `by`.
std::string with(const std::string& what, const std::string& by) {
  std::string text = to_json(example());
  const std::size_t at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return text.replace(at, what.size(), by);
}

TEST(UtcTime, FormatsIso8601) {
  EXPECT_EQ(utc_time(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(utc_time(1'700'000'000'000'000'000), "2023-11-14T22:13:20Z");
  EXPECT_EQ(utc_time(7), "1970-01-01T00:00:00.000000007Z");
  EXPECT_EQ(utc_time(-1), "1969-12-31T23:59:59.999999999Z");
  EXPECT_EQ(utc_time(-1'000'000'000), "1969-12-31T23:59:59Z");
  EXPECT_EQ(utc_time(std::numeric_limits<std::int64_t>::min()), "1677-09-21T00:12:43.145224192Z");
}

TEST(Receipt, RoundTripsAsJson) {
  EXPECT_EQ(*parse_receipt(to_json(example()), "r"), example());
  Receipt plain = example();
  plain.md5 = plain.sha256 = "";
  EXPECT_THAT(to_json(plain), Not(HasSubstr("md5")));
  EXPECT_EQ(*parse_receipt(to_json(plain), "r"), plain);
  EXPECT_EQ(plain.stored_name(), plain.name);
  Receipt renamed = example();
  renamed.registered_as = "scan_1.h5";
  EXPECT_EQ(*parse_receipt(to_json(renamed), "r"), renamed);
  EXPECT_EQ(renamed.stored_name(), "scan_1.h5");
}

TEST(Receipt, NamesFormatAndPage) {
  EXPECT_THAT(to_json(example()),
              AllOf(StartsWith("{\n  \"format\": \"sluice receipt 1\",\n"),
                    HasSubstr("\"page\": \"https://databank.illinois.edu/datasets/IDB-1234567\""),
                    HasSubstr("\"modified\": \"2023-11-14T22:13:20.123456789Z\""),
                    testing::EndsWith("}\n")));
}

TEST(Receipt, EscapesAnyPathInJson) {
  Receipt receipt = example();
  receipt.file = "\xff\"\\\n\x1b";
  const auto parsed = parse_receipt(to_json(receipt), "r");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->file, "\xEF\xBF\xBD\"\\\n\x1b");
}

TEST(Receipt, IgnoresUnknownFieldsAndAcceptsUpperCaseDigests) {
  EXPECT_EQ(*parse_receipt(with("{", R"({"later": [1, {"a": 2}], )"), "r"), example());
  EXPECT_EQ(*parse_receipt(with("b3a091f6c6024e7b", "B3A091F6C6024E7B"), "r"), example());
}

TEST(Receipt, RejectsInvalidReceiptsWithReason) {
  const std::map<std::string, std::string> cases{
      {"", "not contain a JSON object"},
      {"[]", "not contain a JSON object"},
      {"null", "not contain a JSON object"},
      {"{", "not contain a JSON object"},
      {to_json(example()).substr(0, 300), "not contain a JSON object"},
      {"{}", "'format' is missing"},
      {R"({"format": 1})", "'format' is not a string"},
      {with("receipt 1", "receipt 2"),
       "the format is 'sluice receipt 2', and this sluice supports"},
      {with("receipt 1", "\\u001b[2J"), "the format is 'sluice ?[2J'"},
      {with("\"name\"", "\"nome\""), "'name' is missing"},
      {with("\"IDB-1234567\"", "7"), "'dataset' is not a string"},
      {with("4294967296", "-1"), "'bytes' is not"},
      {with("4294967296", "1.5"), "'bytes' is not"},
      {with("4294967296", "\"4294967296\""), "'bytes' is not"},
      {with("4294967296", "2199023255553"), "'bytes' is not"},
      {with("4294967296", "99999999999999999999"), "'bytes' is not"},
      {with("\"bytes\"", "\"bites\""), "'bytes' is not"},
      {with("b3a091f6", "b3a091f"), "'xxh128' does not have 32"},
      {with("b3a091f6", "b3a091fg"), "'xxh128' does not have 32"},
      {with("\"xxh128\"", "\"xxh64\""), "'xxh128' is missing"},
      {with("\"d41d8cd98f00b204e9800998ecf8427e\"", "null"), "'md5' is not a string"},
      {with("d41d", "d41d0"), "'md5' does not have 32"},
      {with("e3b0", ""), "'sha256' does not have 64"},
      {with("\"phased\"", "{}"), "'protocol' is not a string"},
      {std::string((1 << 20) + 1, ' ') + "{}", "larger than 1048576 bytes"},
      {"{\"a\": " + std::string(30'000, '['), "not contain a JSON object"},
      {with("{", "{\"a\": " + std::string(20, '[') + std::string(20, ']') + ","),
       "not contain a JSON object"}};
  for (const auto& [text, why] : cases) {
    const auto parsed = parse_receipt(text, "some/receipt");
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().kind, ErrorKind::usage);
    EXPECT_THAT(parsed.error().message,
                AllOf(StartsWith("some/receipt is not a sluice receipt: "), HasSubstr(why)));
  }
}

TEST(Receipt, ReadsFromFile) {
  const test::TempDir directory;
  const std::string path = directory / "r.sluice.json";
  const auto none = read_receipt(path);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind, ErrorKind::usage);
  EXPECT_THAT(none.error().message,
              AllOf(HasSubstr("cannot open the receipt " + path + ": No such file"),
                    HasSubstr("check the path")));
  EXPECT_FALSE(read_receipt(directory.path()));
  EXPECT_FALSE(read_receipt("/dev/zero")) << "longer than the largest receipt";
  test::write_file(path, to_json(example()));
  EXPECT_EQ(*read_receipt(path), example());
}

TEST(Sums, WritesTaggedLineForEachDigest) {
  Receipt receipt = example();
  EXPECT_EQ(sums_lines(receipt, "a b"),
            "XXH128 (a b) = b3a091f6c6024e7b0013ad85c2608840\n"
            "MD5 (a b) = d41d8cd98f00b204e9800998ecf8427e\n"
            "SHA256 (a b) = e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n");
  receipt.md5 = receipt.sha256 = "";
  EXPECT_EQ(sums_lines(receipt, "a\\b"), "XXH128 (a\\b) = b3a091f6c6024e7b0013ad85c2608840\n");
  EXPECT_EQ(sums_lines(receipt, "a\nb"), "") << "xxhsum cannot read a path with a newline";
}

/// Runs the real programs on one list of names that are hard to parse.
class SumsChecked : public testing::Test {
 protected:
  static Receipt receipt_of(const std::string& content) {
    Receipt receipt = example();
    const auto bytes = std::as_bytes(std::span(content.data(), content.size()));
    Xxh128State state;
    state.update(bytes);
    receipt.xxh128 = state.hex();
    for (const DigestKind kind : {DigestKind::md5, DigestKind::sha256}) {
      EvpDigest digest = *EvpDigest::create(kind);
      digest.update(bytes);
      (kind == DigestKind::md5 ? receipt.md5 : receipt.sha256) = digest.hex();
    }
    return receipt;
  }
  void deposit(const std::string& name, const std::string& content) {
    test::write_file(directory_ / name, content);
    lines_ += sums_lines(receipt_of(content), name);
  }
  test::Finished check(const std::string& program) {
    test::write_file(directory_ / "sums", lines_);
    test::Process::Options options;
    options.argv = {"/usr/bin/env", "LC_ALL=C", program, "-c", "sums"};
    options.directory = directory_.path();
    return test::run(options);
  }

  test::TempDir directory_;
  std::string lines_;
};

const std::vector<std::string> odd_names{"plain.h5",    "with blanks  in it",
                                         " leading",    "trailing ",
                                         "back\\slash", "back\\nslash",
                                         "a (b) = c",   "c\rr",
                                         "\xc3\xbc",    "*star",
                                         "\\",          "-dash"};

TEST_F(SumsChecked, PassWithXxhsumMd5sumAndSha256sum) {
  for (const std::string& name : odd_names) deposit(name, "content of " + name);
  for (const char* program : {"xxhsum", "md5sum", "sha256sum"}) {
    const test::Finished finished = check(program);
    EXPECT_EQ(finished.status, 0) << program << finished.out << finished.err;
    std::size_t good = 0;
    for (std::size_t at = finished.out.find(": OK"); at != std::string::npos;
         at = finished.out.find(": OK", at + 1))
      ++good;
    EXPECT_EQ(good, odd_names.size()) << program << finished.out << finished.err;
  }
}

TEST_F(SumsChecked, DetectsChangedFile) {
  deposit("plain.h5", "content");
  deposit("back\\slash", "content");
  test::write_file(directory_ / "back\\slash", "contenT");
  for (const char* program : {"xxhsum", "md5sum", "sha256sum"}) {
    const test::Finished finished = check(program);
    EXPECT_NE(finished.status, 0) << program;
    EXPECT_THAT(finished.out, HasSubstr("FAILED")) << program;
  }
}

TEST_F(SumsChecked, SupportsNewlineWithCoreutilsOnly) {
  deposit("new\nline", "content");
  deposit("plain.h5", "content");
  for (const char* program : {"md5sum", "sha256sum"}) {
    const test::Finished finished = check(program);
    EXPECT_EQ(finished.status, 0) << finished.err;
    EXPECT_THAT(finished.out, HasSubstr("new\\nline: OK"));
  }
  const test::Finished finished = check("xxhsum");
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_THAT(finished.out, HasSubstr("plain.h5: OK"));
}

}  // namespace
}  // namespace sluice::receipt_test
