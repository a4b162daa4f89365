#include "tools/sluice/tokens/token_store.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <string>

#include "tests/support/temp_dir.h"
#include "tools/sluice/tokens/token_expiry.h"

namespace sluice::cli::token_store_test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const std::string production = "https://databank.illinois.edu";
const std::string demo = "https://demo.databank.illinois.edu";

mode_t mode_of(const std::string& path) {
  struct stat facts {};
  EXPECT_EQ(::stat(path.c_str(), &facts), 0) << path;
  return facts.st_mode & 07777;
}

class TokenStoreTest : public testing::Test {
 protected:
  test::TempDir directory_;
  const std::string path_ = (directory_ / "config/sluice/tokens").string();
  const TokenStore store_{path_};
};

TEST_F(TokenStoreTest, KeepsOneTokenForEachDatasetOfEachSystem) {
  ASSERT_TRUE(store_.add(production, "IDB-1", Secret("one")));
  ASSERT_TRUE(store_.add(demo, "IDB-1", Secret("two")));
  ASSERT_TRUE(store_.add(production, "IDB-2", Secret("three")));
  EXPECT_EQ(test::read_file(store_.find(production, "IDB-1")->file), "one\n");
  EXPECT_EQ(test::read_file(store_.find(demo, "IDB-1")->file), "two\n");
  EXPECT_EQ(test::read_file(store_.file_of(production, "IDB-2")), "three\n");
  EXPECT_FALSE(store_.find(demo, "IDB-2"));

  // Names that are not those of tokens: a leftover temporary file, and another encoding.
  test::write_file(path_ + "/.sluice-0123", "x");
  test::write_file(path_ + "/IDB-3", "x");
  test::write_file(path_ + "/IDB-3@%61", "x");
  const auto all = store_.list();
  ASSERT_TRUE(all) << all.error().message;
  ASSERT_THAT(*all, SizeIs(3));
  EXPECT_EQ((*all)[0].system, production);
  EXPECT_EQ((*all)[1].system, demo);
  EXPECT_EQ((*all)[2].dataset, "IDB-2");
}

TEST_F(TokenStoreTest, CreatesPrivateFiles) {
  ASSERT_TRUE(store_.add(production, "IDB-1", Secret("one")));
  EXPECT_EQ(mode_of(path_), 0700U);
  EXPECT_EQ(mode_of(store_.file_of(production, "IDB-1")), 0600U);
  // A directory that is open to all users.
  ASSERT_EQ(::chmod(path_.c_str(), 0777), 0);
  ASSERT_TRUE(store_.add(production, "IDB-1", Secret("two")));
  EXPECT_EQ(mode_of(path_), 0700U);
}

TEST_F(TokenStoreTest, ReplacesLinkInsteadOfItsTarget) {
  const std::string other = (directory_ / "other").string();
  test::write_file(other, "untouched");
  ASSERT_TRUE(store_.add(production, "IDB-1", Secret("one")));
  const std::string file = store_.file_of(production, "IDB-1");
  std::filesystem::remove(file);
  std::filesystem::create_symlink(other, file);
  ASSERT_TRUE(store_.add(production, "IDB-1", Secret("two")));
  EXPECT_EQ(test::read_file(file), "two\n");
  EXPECT_EQ(test::read_file(other), "untouched");
  EXPECT_THAT(*store_.list(), SizeIs(1));
}

TEST_F(TokenStoreTest, RemovesToken) {
  EXPECT_EQ(*store_.remove(production, "IDB-1"), false);
  ASSERT_TRUE(store_.add(production, "IDB-1", Secret("one")));
  ASSERT_TRUE(store_.add(demo, "IDB-1", Secret("one")));
  EXPECT_EQ(*store_.remove(production, "IDB-1"), true);
  EXPECT_EQ(*store_.remove(production, "IDB-1"), false);
  EXPECT_FALSE(store_.find(production, "IDB-1"));
  EXPECT_TRUE(store_.find(demo, "IDB-1"));
}

TEST_F(TokenStoreTest, ReturnsTimeOfAddition) {
  const auto before = std::chrono::system_clock::now() - std::chrono::seconds(2);
  ASSERT_TRUE(store_.add(production, "IDB-1", Secret("one")));
  EXPECT_GE(store_.find(production, "IDB-1")->added, before);
  EXPECT_LE(store_.find(production, "IDB-1")->added, std::chrono::system_clock::now());
}

TEST_F(TokenStoreTest, ReportsErrors) {
  EXPECT_THAT(*store_.list(), IsEmpty());
  test::write_file(directory_ / "config", "a file");
  const auto added = store_.add(production, "IDB-1", Secret("s3cret"));
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().kind, ErrorKind::local_file);
  EXPECT_THAT(added.error().message, AllOf(HasSubstr("config"), HasSubstr("Not a directory")));
  EXPECT_THAT(*store_.list(), IsEmpty());

  const TokenStore nowhere("");
  EXPECT_FALSE(nowhere.find(production, "IDB-1"));
  EXPECT_THAT(*nowhere.list(), IsEmpty());
  EXPECT_EQ(nowhere.add(production, "IDB-1", Secret("one")).error().kind, ErrorKind::usage);

  const TokenStore fine((directory_ / "fine").string());
  EXPECT_THAT(fine.add("https://" + std::string(300, 'h'), "IDB-1", Secret("x")).error().message,
              HasSubstr("too long"));
}

TEST(TokenFileNames, AreUniqueAndRoundTrip) {
  EXPECT_EQ(token_file_name(production, "IDB-1"), "IDB-1@databank.illinois.edu");
  EXPECT_EQ(token_file_name("http://localhost:3000", "X_1"), "X_1@http+localhost:3000");
  EXPECT_EQ(token_file_name("https://a/b c", "X"), "X@a%2Fb%20c");
  for (const std::string& system :
       {production, demo, std::string("http://localhost:3000"), std::string("https://http:80"),
        std::string("https://[::1]:8443/data/bank"), std::string("https://http+x"),
        std::string("https://b\u00fccher.example/%41")}) {
    const auto parsed = parse_token_file_name(token_file_name(system, "IDB-1"));
    ASSERT_TRUE(parsed) << system;
    EXPECT_EQ(parsed->system, system);
    EXPECT_EQ(parsed->dataset, "IDB-1");
  }
  for (const char* name : {"", "@", "IDB-1", "IDB-1@", "@host", "IDB 1@host", "IDB-1@ho%st",
                           "IDB-1@host%2", "IDB-1@a/b", ".@host", ".."})
    EXPECT_FALSE(parse_token_file_name(name)) << name;
}

TEST(TokenExpiry, IsThreeDaysAfterTheTokenWasStored) {
  using namespace std::chrono_literals;
  const WallTime added{1'000'000s};
  EXPECT_EQ(token_expires(added, added + 1h) - added, 72h);
  EXPECT_EQ(token_expires(added + 9000h, added) - added, 72h) << "a file's time in the future";
  EXPECT_EQ(when(added + 5h, added), "in 5 h 00 min");
  EXPECT_EQ(when(added, added + 49h), "2 d 1 h ago");
}

TEST(TokenExpiry, WarnsOfEarlyExpiry) {
  using namespace std::chrono_literals;
  const WallTime added{1'000'000s};
  const auto warning = [&](std::chrono::hours age, std::optional<double> left) {
    return expiry_warning("IDB-1", added, added + age, left, "sluice token add IDB-1").value_or("");
  };
  EXPECT_EQ(warning(0h, {}), "");
  EXPECT_EQ(warning(71h, {}), "");
  EXPECT_EQ(warning(70h, 7100.0), "");
  EXPECT_THAT(warning(70h, 7300.0),
              AllOf(HasSubstr("IDB-1"), HasSubstr("in 2 h 00 min"), HasSubstr("2 h 01 min"),
                    HasSubstr("sluice token add IDB-1")));
  EXPECT_THAT(warning(73h, {}),
              AllOf(HasSubstr("expired (1 h 00 min ago"), HasSubstr("sluice token add IDB-1")));
}

}  // namespace
}  // namespace sluice::cli::token_store_test
