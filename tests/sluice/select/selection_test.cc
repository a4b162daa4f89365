#include "tools/sluice/select/selection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/temp_dir.h"
#include "tools/sluice/select/file_list.h"

namespace sluice::cli::selection_test {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class SelectFiles : public testing::Test {
 protected:
  SelectFiles() { options_.recursive = true; }

  std::string file(const std::string& path, const std::string& content = "x") {
    const std::string whole = directory_ / path;
    fs::create_directories(fs::path(whole).parent_path());
    test::write_file(whole, content);
    return whole;
  }

  Selection select() {
    Result<Selection> selection = select_files(options_, own_);
    EXPECT_TRUE(selection) << selection.error().message;
    return selection ? *std::move(selection) : Selection();
  }
  std::string refused() {
    const Result<Selection> selection = select_files(options_, own_);
    EXPECT_FALSE(selection);
    if (selection) return "";
    EXPECT_EQ(selection.error().kind, ErrorKind::usage);
    return selection.error().message;
  }
  static std::vector<std::string> names(const Selection& selection) {
    std::vector<std::string> names;
    for (const SelectedFile& file : selection.files) names.push_back(file.name);
    return names;
  }

  test::TempDir directory_;
  OwnFiles own_;
  SelectOptions options_;
};

TEST_F(SelectFiles, SelectsInOrder) {
  file("tree/b", "12");
  file("tree/sub/c", "345");
  options_.paths = {file("z", "6789"), directory_ / "tree"};
  const Selection selection = select();
  EXPECT_THAT(names(selection), ElementsAre("z", "b", "c"));
  EXPECT_EQ(selection.files[2].path, (directory_ / "tree/sub/c").string());
  EXPECT_EQ(selection.files[2].bytes, 3U);
  EXPECT_EQ(selection.bytes, 9U);
  EXPECT_THAT(selection.left_out, IsEmpty());
}

TEST_F(SelectFiles, RejectsDirectoryWithoutRecursive) {
  options_.recursive = false;
  options_.paths = {file("a"), directory_.path()};
  EXPECT_THAT(refused(), AllOf(HasSubstr(directory_.path()), HasSubstr("--recursive")));
}

TEST_F(SelectFiles, RejectsDuplicateNames) {
  const std::string one = file("x/a.tif");
  const std::string other = file("y/a.tif");
  options_.paths = {directory_.path()};
  EXPECT_THAT(refused(), AllOf(HasSubstr(one), HasSubstr(other), HasSubstr("'a.tif'"),
                               HasSubstr("--name-from path")));
  file("z/a.tif");
  EXPECT_THAT(refused(), HasSubstr("1 more"));
  options_.names.from = NameFrom::path;
  EXPECT_THAT(names(select()), ElementsAre("x__a.tif", "y__a.tif", "z__a.tif"));
}

TEST_F(SelectFiles, ChecksJoinedNames) {
  options_.names.from = NameFrom::path;
  const std::string one = file("a/b__c");
  const std::string other = file("a__b/c");
  options_.paths = {directory_.path()};
  EXPECT_THAT(refused(), AllOf(HasSubstr(one), HasSubstr(other), HasSubstr("--separator")));
  options_.names.separator = "-";
  EXPECT_THAT(names(select()), ElementsAre("a-b__c", "a__b-c"));
  for (const char* bad : {"", "/", "\n", "\xff", "a/b"}) {
    options_.names.separator = bad;
    EXPECT_THAT(refused(), HasSubstr("--separator"));
  }
  options_.names.separator = ".";
  EXPECT_THAT(names(select()), SizeIs(2));
}

TEST_F(SelectFiles, SkipsFileWithInvalidName) {
  options_.names.from = NameFrom::path;
  const std::string longer(200, 'd');
  file(longer + "/" + longer);
  file("a\nb");
  file("\xff");
  file("good");
  options_.paths = {directory_.path()};
  Selection selection = select();
  EXPECT_THAT(names(selection), ElementsAre("good"));
  ASSERT_THAT(selection.left_out, SizeIs(3));
  for (const LeftOut& item : selection.left_out) {
    EXPECT_EQ(item.reason, LeftOutReason::name);
    EXPECT_FALSE(item.asked_for);
  }
  EXPECT_THAT(selection.left_out[0].why, HasSubstr("control character"));
  EXPECT_THAT(selection.left_out[1].why, HasSubstr("UTF-8"));
  EXPECT_THAT(selection.left_out[2].why, HasSubstr("longer than 255"));
  options_.skip = {LeftOutReason::name};
  selection = select();
  for (const LeftOut& item : selection.left_out) EXPECT_TRUE(item.asked_for);
  options_.names.longest = 3;
  selection = select();
  EXPECT_THAT(names(selection), IsEmpty());
  EXPECT_THAT(selection.left_out[1].why, AllOf(HasSubstr("good"), HasSubstr("receipt")));
}

TEST_F(SelectFiles, MarksRequestedSkips) {
  file("a");
  file("b.tmp");
  ASSERT_EQ(::mkfifo((directory_ / "fifo").c_str(), 0600), 0);
  fs::create_symlink("a", directory_ / "link");
  options_.paths = {directory_.path(), directory_ / "missing"};
  options_.filters = {{FilterRule::Kind::exclude, "*.tmp"}};
  options_.skip = {LeftOutReason::link};
  const Selection selection = select();
  EXPECT_THAT(names(selection), ElementsAre("a"));
  EXPECT_EQ(selection.filtered, 1U);
  ASSERT_THAT(selection.left_out, SizeIs(4));
  EXPECT_TRUE(selection.left_out[0].asked_for);   // b.tmp
  EXPECT_FALSE(selection.left_out[1].asked_for);  // fifo
  EXPECT_TRUE(selection.left_out[2].asked_for);   // link
  EXPECT_EQ(selection.left_out[3].reason, LeftOutReason::missing);
  EXPECT_FALSE(selection.left_out[3].asked_for);
  EXPECT_THAT(selection.left_out[3].why, HasSubstr("No such file"));
  options_.list_filtered = false;
  EXPECT_THAT(select().left_out, SizeIs(3));
  EXPECT_EQ(select().filtered, 1U);
}

TEST_F(SelectFiles, ReportsWhyNothingIsSelected) {
  options_.paths = {directory_.path()};
  EXPECT_THAT(refused(), HasSubstr("hold no file"));
  file("a.tif");
  options_.filters = {{FilterRule::Kind::include, "*.tif"}, {FilterRule::Kind::exclude, "*"}};
  EXPECT_THAT(refused(), HasSubstr("the last rule"));
  own_.add(directory_ / "a.tif");
  options_.filters = {};
  EXPECT_THAT(refused(), HasSubstr("a.tif is not uploaded"));
}

TEST_F(SelectFiles, ReadsListsAndPatternsFromFiles) {
  options_.recursive = false;
  const std::string a = file("a");
  const std::string b = file("b\nc");
  file("list", a + "\r\n\n" + file("skipped.tmp") + "\n" + file("last"));
  options_.files_from = directory_ / "list";
  options_.filters = {{FilterRule::Kind::exclude_from, file("rules", "*.tmp\n")}};
  EXPECT_THAT(names(select()), ElementsAre("a", "last"));
  file("list", a + '\0' + b + '\0');
  EXPECT_THAT(refused(), HasSubstr("--null"));
  options_.null_separated = true;
  EXPECT_THAT(select().files, SizeIs(1));
  EXPECT_EQ(select().left_out.back().path, b);
  options_.files_from = directory_ / "none";
  EXPECT_THAT(refused(), HasSubstr("No such file"));
  options_.files_from.clear();
  options_.filters = {{FilterRule::Kind::exclude_from, directory_ / "none"}};
  EXPECT_THAT(refused(), AllOf(HasSubstr("--exclude-from"), HasSubstr("No such file")));
}

TEST_F(SelectFiles, RejectsNameForSeveralFiles) {
  options_.recursive = false;
  options_.paths = {file("a")};
  options_.name = "other";
  EXPECT_THAT(names(select()), ElementsAre("other"));
  options_.name = "x/y";
  EXPECT_THAT(refused(), HasSubstr("contains a slash"));
  options_.name = "other";
  options_.paths.push_back(file("b"));
  EXPECT_THAT(refused(), HasSubstr("--name"));
  options_.paths = {directory_.path()};
  options_.recursive = true;
  EXPECT_THAT(refused(), HasSubstr("--recursive"));
}

TEST_F(SelectFiles, RejectsRepeatedFile) {
  options_.paths = {file("a"), file("a")};
  EXPECT_THAT(refused(), HasSubstr("is given twice"));
}

TEST(SelectNames, MakesRelativePaths) {
  EXPECT_EQ(relative_path("a/b"), "a/b");
  EXPECT_EQ(relative_path("./a//b/./c"), "a/b/c");
  EXPECT_EQ(relative_path("../../a/../b"), "a/b");
  EXPECT_EQ(relative_path("/data/x/b"), "b");
  EXPECT_EQ(relative_path(""), "");
}

TEST(SelectNames, JoinsPaths) {
  EXPECT_EQ(dataset_name({}, "a/b/c"), "c");
  EXPECT_EQ(dataset_name({}, "c"), "c");
  EXPECT_EQ(dataset_name({.from = NameFrom::path, .separator = "--"}, "a/b/c"), "a--b--c");
}

TEST(SelectFileList, SplitsAtNulOnly) {
  const auto paths = parse_file_list(std::string("a\nb\0\0c\r\0", 9), true, "list");
  ASSERT_TRUE(paths);
  EXPECT_THAT(*paths, ElementsAre("a\nb", "c\r"));
  EXPECT_THAT(*parse_file_list("\xef\xbb\xbf#a\r\n b \n", false, "list"), ElementsAre("#a", " b "));
  EXPECT_THAT(*parse_file_list("", false, "list"), IsEmpty());
  // Line numbers include empty lines.
  const auto bad = parse_file_list(std::string("a\n\nb\n\0c\n", 8), false, "list");
  ASSERT_FALSE(bad);
  EXPECT_THAT(bad.error().message, HasSubstr("line 4 of list"));
}

TEST(SelectSkip, ParsesReasons) {
  EXPECT_THAT(*parse_skip("links,names"), ElementsAre(LeftOutReason::link, LeftOutReason::name));
  for (const char* bad : {"link", "links,", "filter", "links, names", ",", "all"})
    EXPECT_FALSE(parse_skip(bad)) << bad;
}

}  // namespace
}  // namespace sluice::cli::selection_test
