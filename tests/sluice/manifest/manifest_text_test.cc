#include "tools/sluice/manifest/manifest_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::cli::manifest_text_test {
namespace {

using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

ManifestRow row_of(const std::string& path, const std::string& name) {
  ManifestRow row;
  row.path = path;
  row.dataset = "IDB-1";
  row.name = name;
  row.bytes = 12345678901;
  row.xxh128 = "99aa06d3014798d86001c324468d497f";
  row.md5 = "d41d8cd98f00b204e9800998ecf8427e";
  row.sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  return row;
}

class ManifestTextOf : public testing::TestWithParam<ManifestFormat> {};

TEST_P(ManifestTextOf, RoundTrips) {
  const std::vector<ManifestRow> rows{
      row_of("a.h5", "a.h5"),
      row_of("say \"hi\", twice.h5", "say \"hi\", twice.h5"),
      row_of("two\nlines\r\nand a\ttab/b", "b"),
      row_of(" blanks ", " blanks "),
      row_of("/caf\u00e9/\u5f15\u7528.h5", "\u5f15\u7528.h5"),
      row_of("\"", "\""),
      row_of("\\n \u2028 \x7f/c", "-c"),
      row_of("=1+1", "=1+1"),
      row_of(",", "\\"),
  };
  const ManifestText writer(GetParam(), {DigestKind::sha256, DigestKind::md5});
  std::string text = writer.header();
  for (const ManifestRow& row : rows) text += writer.row(row);
  const Manifest read = parse_manifest(text, GetParam(), "m", "");
  EXPECT_THAT(read.problems, IsEmpty()) << text;
  EXPECT_THAT(read.warnings, IsEmpty());
  ASSERT_THAT(read.rows, SizeIs(rows.size()));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(read.rows[i].path, rows[i].path);
    EXPECT_EQ(read.rows[i].dataset, rows[i].dataset);
    EXPECT_EQ(read.rows[i].name, rows[i].name);
    EXPECT_EQ(read.rows[i].bytes, rows[i].bytes);
    EXPECT_EQ(read.rows[i].xxh128, rows[i].xxh128);
    EXPECT_EQ(read.rows[i].md5, rows[i].md5);
    EXPECT_EQ(read.rows[i].sha256, rows[i].sha256);
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, ManifestTextOf,
                         testing::Values(ManifestFormat::csv, ManifestFormat::tsv,
                                         ManifestFormat::jsonl));

TEST(ManifestText, QuotesOnlyWhatNeedsQuotes) {
  const ManifestText writer(ManifestFormat::csv, {});
  EXPECT_EQ(writer.header(), "path,dataset,name,bytes,xxh128\n");
  ManifestRow row = row_of("a \"b\".h5", "a b.h5");
  row.dataset.clear();
  EXPECT_EQ(writer.row(row),
            "\"a \"\"b\"\".h5\",,a b.h5,12345678901,99aa06d3014798d86001c324468d497f\n");
}

TEST(ManifestText, OmitsDigestsNotRequested) {
  const ManifestText table(ManifestFormat::tsv, {DigestKind::md5});
  EXPECT_EQ(table.header(), "path\tdataset\tname\tbytes\txxh128\tmd5\n");
  const ManifestText lines(ManifestFormat::jsonl, {});
  EXPECT_EQ(lines.header(), "");
  EXPECT_EQ(lines.row(row_of("a", "a")),
            "{\"path\":\"a\",\"dataset\":\"IDB-1\",\"name\":\"a\",\"bytes\":12345678901,"
            "\"xxh128\":\"99aa06d3014798d86001c324468d497f\"}\n");
}

}  // namespace
}  // namespace sluice::cli::manifest_text_test
