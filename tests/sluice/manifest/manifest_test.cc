#include "tools/sluice/manifest/manifest.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <string>
#include <vector>

#include "io/unique_fd.h"
#include "tests/support/temp_dir.h"

namespace sluice::cli::manifest_test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

const std::string md5 = "d41d8cd98f00b204e9800998ecf8427e";
const std::string sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const std::string xxh128 = "99aa06d3014798d86001c324468d497f";

Manifest csv(const std::string& text, const std::string& directory = "") {
  return parse_manifest(text, ManifestFormat::csv, "m.csv", directory);
}
Manifest tsv(const std::string& text) {
  return parse_manifest(text, ManifestFormat::tsv, "m.tsv", "");
}
Manifest jsonl(const std::string& text) {
  return parse_manifest(text, ManifestFormat::jsonl, "m.jsonl", "");
}

/// Returns the only problem of a manifest.
std::string problem(const Manifest& manifest) {
  if (manifest.problems.size() != 1 || manifest.problem_count != 1)
    return fmt::format("{} problems, {}", manifest.problem_count,
                       fmt::join(manifest.problems, "; "));
  return manifest.problems.front();
}

/// Returns the paths.
std::vector<std::string> paths(const Manifest& manifest) {
  std::vector<std::string> paths;
  for (const ManifestRow& row : manifest.rows) paths.push_back(row.path);
  return paths;
}

TEST(ManifestCsv, ReadsAllColumnsInAnyOrder) {
  const Manifest manifest = csv("sha256,bytes,dataset,xxh128,path,md5,name\n" + sha256 +
                                ",4096,IDB-1," + xxh128 + ",data/a.h5," + md5 + ",b.h5\n");
  EXPECT_THAT(manifest.problems, IsEmpty());
  EXPECT_THAT(manifest.warnings, IsEmpty());
  ASSERT_THAT(manifest.rows, SizeIs(1));
  const ManifestRow& row = manifest.rows[0];
  EXPECT_EQ(row.path, "data/a.h5");
  EXPECT_EQ(row.dataset, "IDB-1");
  EXPECT_EQ(row.name, "b.h5");
  EXPECT_EQ(row.bytes, 4096U);
  EXPECT_EQ(row.xxh128, xxh128);
  EXPECT_EQ(row.md5, md5);
  EXPECT_EQ(row.sha256, sha256);
  EXPECT_EQ(row.line, 2U);
}

TEST(ManifestCsv, UsesPathAsNameAndIgnoresEmptyCells) {
  const Manifest manifest = csv("path,dataset,name,bytes,md5\n/data/a b.h5,IDB-1,,,\n");
  ASSERT_THAT(manifest.rows, SizeIs(1)) << problem(manifest);
  EXPECT_EQ(manifest.rows[0].name, "a b.h5");
  EXPECT_EQ(manifest.rows[0].bytes, std::nullopt);
  EXPECT_EQ(manifest.rows[0].md5, "");
}

// RFC 4180, 2.1 to 2.7.
TEST(ManifestCsv, ReadsQuotesDelimitersAndLineEndsInFields) {
  const Manifest manifest =
      csv("path,dataset,name\r\n"
          "\"a,b\",IDB-1,a\r\n"
          "\"say \"\"hi\"\"\",IDB-1,b\r\n"
          "\"two\r\nlines\",IDB-1,c\r\n"
          "\n"
          " blanks ,IDB-1,d");
  EXPECT_THAT(manifest.problems, IsEmpty());
  EXPECT_THAT(paths(manifest), ElementsAre("a,b", "say \"hi\"", "two\r\nlines", " blanks "));
  ASSERT_THAT(manifest.rows, SizeIs(4));
  // The line where the row begins; line ends in quotes count.
  EXPECT_EQ(manifest.rows[2].line, 4U);
  EXPECT_EQ(manifest.rows[3].line, 7U);
}

TEST(ManifestCsv, ReadsAllLineEndsAndByteOrderMark) {
  for (const std::string& end : std::vector<std::string>{"\n", "\r\n", "\r"}) {
    const Manifest manifest =
        csv("\xEF\xBB\xBFpath,dataset" + end + "a,IDB-1" + end + "b,IDB-1" + end);
    EXPECT_THAT(paths(manifest), ElementsAre("a", "b"));
    EXPECT_EQ(manifest.rows.back().line, 3U);
    EXPECT_THAT(manifest.problems, IsEmpty());
  }
}

TEST(ManifestTsv, ReadsTabsAndKeepsCommas) {
  const Manifest manifest = tsv("path\tdataset\tname\na,b\tIDB-1\t\n\"c\td\"\tIDB-1\tc\n");
  EXPECT_THAT(paths(manifest), ElementsAre("a,b", "c\td"));
}

TEST(ManifestJson, ReadsObjectPerLine) {
  const Manifest manifest =
      jsonl("{\"path\": \"a\\\"\\u00e9\", \"dataset\": \"IDB-1\", \"bytes\": 7}\r\n\n" +
            fmt::format("{{\"md5\":\"{}\",\"dataset\":\"IDB-2\",\"path\":\"b\","
                        "\"bytes\":\"8\",\"name\":null,\"sha256\":\"\"}}",
                        md5));
  EXPECT_THAT(manifest.problems, IsEmpty());
  ASSERT_THAT(manifest.rows, SizeIs(2));
  EXPECT_EQ(manifest.rows[0].path, "a\"\u00e9");
  EXPECT_EQ(manifest.rows[0].bytes, 7U);
  EXPECT_EQ(manifest.rows[1].name, "b");
  EXPECT_EQ(manifest.rows[1].bytes, 8U);
  EXPECT_EQ(manifest.rows[1].md5, md5);
  EXPECT_EQ(manifest.rows[1].line, 3U);
}

TEST(ManifestDirectory, PrecedesRelativePathsOnly) {
  const std::string text = "path,dataset\na,IDB-1\n/b,IDB-1\n../c,IDB-1\n";
  EXPECT_THAT(paths(csv(text, "/data")), ElementsAre("/data/a", "/b", "/data/../c"));
  EXPECT_THAT(paths(csv(text, "x/")), ElementsAre("x/a", "/b", "x/../c"));
  EXPECT_THAT(paths(csv(text)), ElementsAre("a", "/b", "../c"));
}

TEST(ManifestColumns, IgnoresOthersWithOneWarning) {
  const Manifest table = csv("path,dataset,operator,\na,IDB-1,Ada,\nb,IDB-1,Ada,\n");
  EXPECT_THAT(table.warnings, ElementsAre(AllOf(StartsWith("m.csv: "), HasSubstr("'operator'"))));
  EXPECT_THAT(table.rows, SizeIs(2));
  const Manifest lines = jsonl(
      "{\"path\":\"a\",\"dataset\":\"D\",\"x\":1}\n{\"path\":\"b\",\"dataset\":\"D\",\"x\":[{}]}");
  EXPECT_THAT(lines.warnings, ElementsAre(AllOf(StartsWith("m.jsonl: "), HasSubstr("'x'"))));
  EXPECT_THAT(lines.rows, SizeIs(2));
}

// Ignoring such a column would omit a requested comparison.
TEST(ManifestColumns, RejectsMisspelledNames) {
  for (const std::string& name :
       std::vector<std::string>{"SHA-256", "sha256sum", " md5", "Bytes", "XXH_128"})
    EXPECT_THAT(
        problem(csv("path,dataset," + name + "\na,IDB-1,1\n")),
        AllOf(StartsWith("m.csv line 1: "), HasSubstr("'" + name + "'"), HasSubstr("write '")));
  EXPECT_THAT(problem(jsonl("{\"path\":\"a\",\"dataset\":\"D\",\"MD5\":\"\"}")),
              AllOf(StartsWith("m.jsonl line 1: "), HasSubstr("write 'md5'")));
}

TEST(ManifestColumns, RequiresPathAndDataset) {
  EXPECT_THAT(problem(csv("path\na\n")), HasSubstr("no column 'dataset'"));
  EXPECT_THAT(problem(csv("dataset\nIDB-1\n")), HasSubstr("no column 'path'"));
  EXPECT_THAT(problem(csv("path,dataset,path\n")), HasSubstr("two columns 'path'"));
  EXPECT_THAT(problem(csv("path;dataset\na;IDB-1\n")), HasSubstr("semicolons"));
  EXPECT_THAT(problem(csv("path\tdataset\n")), HasSubstr("tabs"));
  EXPECT_THAT(problem(csv("")), HasSubstr("header"));
  EXPECT_THAT(problem(csv("/data/a.h5,IDB-1\n")), HasSubstr("no column 'path'"));
}

TEST(ManifestRows, ReportsAllProblemsWithLine) {
  const Manifest manifest =
      csv("path,dataset,name,bytes,xxh128,md5,sha256\n"
          "good,IDB-1,,0,,,\n"
          ",I/B,,12.0,123," +
          md5.substr(1) + "g," + sha256 +
          "0\n"
          "a,,x/y,-1,,,\n"
          "b,IDB-1\n"
          "c/,IDB-1,,18446744073709551616,,,\n");
  EXPECT_THAT(paths(manifest), ElementsAre("good"));
  EXPECT_THAT(
      manifest.problems,
      ElementsAre(AllOf(StartsWith("m.csv line 3: "), HasSubstr("path is missing")),
                  AllOf(StartsWith("m.csv line 3: "), HasSubstr("'I/B' is not a dataset key")),
                  AllOf(StartsWith("m.csv line 3: "), HasSubstr("'12.0'")),
                  AllOf(StartsWith("m.csv line 3: xxh128 "), HasSubstr("3 hexadecimal digits"),
                        HasSubstr("32")),
                  AllOf(StartsWith("m.csv line 3: md5 "), HasSubstr("other characters")),
                  AllOf(StartsWith("m.csv line 3: sha256 "), HasSubstr("65 hexadecimal digits")),
                  AllOf(StartsWith("m.csv line 4: "), HasSubstr("'x/y' contains a slash")),
                  AllOf(StartsWith("m.csv line 4: "), HasSubstr("dataset is missing")),
                  AllOf(StartsWith("m.csv line 4: "), HasSubstr("'-1'")),
                  AllOf(StartsWith("m.csv line 5: "), HasSubstr("2 fields"), HasSubstr("7")),
                  AllOf(StartsWith("m.csv line 6: "), HasSubstr("'c/'"), HasSubstr("is empty")),
                  AllOf(StartsWith("m.csv line 6: "), HasSubstr("'18446744073709551616'"))));
  EXPECT_EQ(manifest.problem_count, 12U);
  const Result<void> usable = manifest.usable("m.csv");
  ASSERT_FALSE(usable);
  EXPECT_EQ(usable.error().kind, ErrorKind::usage);
  EXPECT_THAT(usable.error().message, AllOf(HasSubstr("m.csv"), HasSubstr("12 errors")));
}

TEST(ManifestRows, ListsTwentyProblemsAndCountsAll) {
  std::string text = "path,dataset\n";
  for (int i = 0; i < 50; ++i) text += fmt::format("file{},\n", i);
  const Manifest manifest = csv(text);
  EXPECT_THAT(manifest.problems, SizeIs(20));
  EXPECT_THAT(manifest.problems.back(), StartsWith("m.csv line 21: "));
  EXPECT_EQ(manifest.problem_count, 50U);
  EXPECT_THAT(manifest.usable("m.csv").error().message,
              AllOf(HasSubstr("50 errors"), HasSubstr("first 20")));
}

TEST(ManifestRows, RejectsDuplicateNamesInDataset) {
  EXPECT_THAT(problem(csv("path,dataset,name\n"
                          "x/a,IDB-1,\n"
                          "a,IDB-2,\n"
                          "b,IDB-1,a\n")),
              AllOf(StartsWith("m.csv line 4: "), HasSubstr("'a'"), HasSubstr("IDB-1"),
                    HasSubstr("line 2")));
}

TEST(ManifestRows, ListsDuplicateNamesAmongOtherProblems) {
  std::string text = "path,dataset\n";
  for (int i = 0; i < 30; ++i) text += i % 2 == 0 ? "same,IDB-1\n" : ",IDB-1\n";
  const Manifest manifest = csv(text);
  EXPECT_EQ(manifest.problem_count, 29U);
  ASSERT_THAT(manifest.problems, SizeIs(20));
  for (int i = 0; i < 20; ++i)
    EXPECT_THAT(manifest.problems[static_cast<std::size_t>(i)],
                AllOf(StartsWith(fmt::format("m.csv line {}: ", i + 3)),
                      HasSubstr(i % 2 == 0 ? "missing" : "name of line 2 too")));
}

TEST(ManifestRows, RejectsInvalidUtf8) {
  EXPECT_THAT(problem(csv("path,dataset,name\ncaf\xE9,IDB-1,cafe\n")),
              AllOf(StartsWith("m.csv line 2: "), HasSubstr("UTF-8")));
  EXPECT_THAT(problem(csv(std::string("path,dataset,name\na\0b,IDB-1,c\n", 30))),
              AllOf(StartsWith("m.csv line 2: "), HasSubstr("NUL")));
  EXPECT_THAT(problem(csv(std::string("\xFF\xFEp\0a\0t\0h\0", 10))), HasSubstr("UTF-16"));
  EXPECT_THAT(problem(jsonl("{\"path\":\"caf\xE9\",\"dataset\":\"D\"}")),
              AllOf(StartsWith("m.jsonl line 1: "), HasSubstr("UTF-8")));
  EXPECT_THAT(problem(jsonl("{\"path\":\"a\\u0000b\",\"dataset\":\"D\",\"name\":\"c\"}")),
              HasSubstr("NUL"));
}

TEST(ManifestSyntax, StopsAtWrongQuote) {
  const std::string head = "path,dataset,name\na,IDB-1,\n";
  for (const char* row : {"b\"c,IDB-1,\n", "\"b\" ,IDB-1,\n"})
    EXPECT_THAT(problem(csv(head + row + "d,,\n")),
                AllOf(StartsWith("m.csv line 3: "), HasSubstr("quote")));
  EXPECT_THAT(problem(csv(head + "b,IDB-1,\n\"c,IDB-1,\nd,,\n")),
              AllOf(StartsWith("m.csv line 4: "), HasSubstr("no closing quote")));
  EXPECT_THAT(problem(csv(head + "\"" + std::string(std::size_t{2} << 20, 'x'))),
              AllOf(StartsWith("m.csv line 3: "), HasSubstr("longer than")));
}

TEST(ManifestSyntax, ReportsLinesThatAreNotObjects) {
  const std::string good = "{\"path\":\"a\",\"dataset\":\"D\"}";
  EXPECT_THAT(paths(jsonl(good)), ElementsAre("a"));
  for (const std::string& line :
       {"[" + good, good + ",", std::string("\"path\""), std::string("{\"path\":\"a\"")})
    EXPECT_THAT(problem(jsonl("\n" + line + "\n")),
                AllOf(StartsWith("m.jsonl line 2: "), HasSubstr("not a JSON object")));
  const std::string deep = "{\"x\":" + std::string(1000, '[') + std::string(1000, ']') + "}";
  EXPECT_THAT(problem(jsonl("\n" + deep + "\n")),
              AllOf(StartsWith("m.jsonl line 2: "), HasSubstr("more than 8 levels")));
  EXPECT_THAT(problem(jsonl("{\"path\":\"a\",\"dataset\":\"D\",\"path\":\"b\"}")),
              HasSubstr("key 'path' twice"));
  EXPECT_THAT(problem(jsonl("{\"path\":1,\"dataset\":\"D\"}")),
              HasSubstr("'path' is not a string"));
  for (const char* bytes : {"-1", "1.5", "7.0", "\"x\"", "1e30"})
    EXPECT_THAT(
        problem(jsonl(fmt::format("{{\"path\":\"a\",\"dataset\":\"D\",\"bytes\":{}}}", bytes))),
        HasSubstr("whole number"));
  EXPECT_THAT(problem(jsonl("{\"path\":\"a\",\"dataset\":\"D\",\"bytes\":true}")),
              HasSubstr("'bytes' is not a number"));
}

/// A directory with files.
class ManifestFile : public testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& text) {
    test::write_file(directory_ / name, text);
    return (directory_ / name).string();
  }
  test::TempDir directory_;
};

TEST_F(ManifestFile, DetectsFormatAndResolvesPaths) {
  const auto first = [&](const std::string& name, const std::string& text) {
    const auto manifest = read_manifest(write(name, text), ManifestFormat::automatic);
    if (!manifest) return manifest.error().message;
    return manifest->rows.empty() ? problem(*manifest) : manifest->rows[0].path;
  };
  const std::string there = directory_.path().string() + "/a";
  EXPECT_EQ(first("m.csv", "path,dataset\na,D\n"), there);
  EXPECT_EQ(first("m.TSV", "path\tdataset\na\tD\n"), there);
  EXPECT_EQ(first("m.jsonl", "{\"path\":\"a\",\"dataset\":\"D\"}"), there);
  EXPECT_EQ(first("m.ndjson", "{\"path\":\"a\",\"dataset\":\"D\"}"), there);
  EXPECT_THAT(first("m.txt", "path,dataset\na,D\n"),
              AllOf(HasSubstr("m.txt"), HasSubstr("--format")));
  EXPECT_THAT(first("empty.csv", "path,dataset\n"), HasSubstr("no rows"));
  EXPECT_THAT(first("none.jsonl", ""), HasSubstr("no rows"));
}

TEST_F(ManifestFile, ReportsWhyItCannotBeRead) {
  const auto missing = read_manifest("/no/such/m.csv", ManifestFormat::automatic);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::usage);
  EXPECT_THAT(missing.error().message,
              AllOf(HasSubstr("/no/such/m.csv"), HasSubstr("No such file")));
  const auto directory = read_manifest(directory_.path().string(), ManifestFormat::csv);
  ASSERT_FALSE(directory);
  EXPECT_THAT(directory.error().message, HasSubstr("Is a directory"));
}

/// For example `generate | sluice run /dev/stdin`, or a shell's <(generate).
TEST_F(ManifestFile, ResolvesPathsInPipeFromWorkingDirectory) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const UniqueFd reading(ends[0]);
  UniqueFd writing(ends[1]);
  const std::string text = "path,dataset\nb,IDB-1\n";
  ASSERT_EQ(::write(writing.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  writing.reset();
  const auto manifest =
      read_manifest(fmt::format("/proc/self/fd/{}", reading.get()), ManifestFormat::csv);
  ASSERT_TRUE(manifest) << manifest.error().message;
  ASSERT_THAT(manifest->rows, SizeIs(1));
  EXPECT_EQ(manifest->rows.front().path, "b");
}

/// Fields that cross the boundary of two reads of 64 KiB.
TEST_F(ManifestFile, ReadsFieldsAcrossReads) {
  std::string text = "path,dataset,bytes\r\n";
  for (int i = 0; i < 20000; ++i)
    text += fmt::format("\"dir \"\"{}\"\"\r\n/file-{}, é\",IDB-1,{}\r\n", i, i, i);
  const auto manifest = read_manifest(write("m.csv", text), ManifestFormat::automatic);
  ASSERT_TRUE(manifest);
  ASSERT_EQ(manifest->problem_count, 0U) << manifest->problems.front();
  ASSERT_THAT(manifest->rows, SizeIs(20000));
  for (int i = 0; i < 20000; ++i) {
    const ManifestRow& row = manifest->rows[static_cast<std::size_t>(i)];
    ASSERT_EQ(row.name, fmt::format("file-{}, é", i));
    ASSERT_EQ(row.bytes, static_cast<std::uint64_t>(i));
    ASSERT_EQ(row.line, static_cast<std::size_t>(2 * i + 2));
  }
}

}  // namespace
}  // namespace sluice::cli::manifest_test
