#include "tools/sluice/manifest/digest_files.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "engine/digest/evp_digest.h"
#include "engine/digest/xxh128_state.h"
#include "tests/support/temp_dir.h"

namespace sluice::cli::digest_files_test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::SizeIs;

constexpr auto long_enough = std::chrono::seconds(300);

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::string xxh128_of(const std::string& text) {
  Xxh128State state;
  state.update(bytes_of(text));
  return state.hex();
}

std::string digest_of(DigestKind kind, const std::string& text) {
  auto digest = EvpDigest::create(kind);
  digest->update(bytes_of(text));
  return digest->hex();
}

class DigestFilesTest : public testing::Test {
 protected:
  /// Waits for and returns the digests of all files.
  DigestFiles::Results digests(const std::vector<std::string>& paths,
                               const std::vector<DigestKind>& kinds, unsigned threads) {
    const auto running = DigestFiles::start(paths, kinds, threads);
    EXPECT_TRUE(running) << running.error().message;
    EXPECT_TRUE((*running)->wait_until(std::chrono::steady_clock::now() + long_enough));
    EXPECT_EQ((*running)->files_done(), paths.size());
    bytes_done_ = (*running)->bytes_done();
    return (*running)->take_results();
  }

  test::TempDir directory_;
  std::uint64_t bytes_done_ = 0;
};

TEST_F(DigestFilesTest, ReturnsDigestsInOrderOfPaths) {
  // Empty, less than a block, several blocks, the largest file that one thread reads, and a larger
  // one.
  std::vector<std::string> contents;
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, DigestFiles::block_bytes, 2 * DigestFiles::block_bytes + 1,
        static_cast<std::size_t>(DigestFiles::most_small_bytes),
        static_cast<std::size_t>(DigestFiles::most_small_bytes) + 1,
        9 * DigestFiles::block_bytes + 17})
    contents.push_back(test::random_bytes(size, size));
  std::vector<std::string> paths;
  std::uint64_t total = 0;
  for (const std::string& content : contents) {
    paths.push_back((directory_ / fmt::format("file{}", paths.size())).string());
    test::write_file(paths.back(), content);
    total += content.size();
  }
  for (const unsigned threads : {1U, 4U}) {
    const auto results = digests(paths, {DigestKind::sha256, DigestKind::md5}, threads);
    ASSERT_THAT(results, SizeIs(contents.size()));
    for (std::size_t i = 0; i < contents.size(); ++i) {
      ASSERT_TRUE(results[i]) << results[i].error().message;
      EXPECT_EQ(results[i]->bytes, contents[i].size());
      EXPECT_EQ(results[i]->xxh128, xxh128_of(contents[i]));
      EXPECT_EQ(results[i]->md5, digest_of(DigestKind::md5, contents[i]));
      EXPECT_EQ(results[i]->sha256, digest_of(DigestKind::sha256, contents[i]));
    }
    EXPECT_EQ(bytes_done_, total);
  }
  const auto results = digests({paths[1], paths[6]}, {}, 2);
  EXPECT_EQ(results[0]->md5, "");
  EXPECT_EQ(results[1]->sha256, "");
}

TEST_F(DigestFilesTest, ReturnsErrorForUnreadableFiles) {
  const std::string good = (directory_ / "good").string();
  test::write_file(good, "text");
  const std::string missing = (directory_ / "missing").string();
  const auto results = digests({missing, good, directory_.path().string()}, {}, 2);
  EXPECT_EQ(results[0].error().kind, ErrorKind::local_file);
  EXPECT_THAT(results[0].error().message, AllOf(HasSubstr("missing"), HasSubstr("No such file")));
  EXPECT_EQ(results[1]->xxh128, xxh128_of("text"));
  EXPECT_EQ(results[2].error().kind, ErrorKind::local_file);
  EXPECT_THAT(digests({}, {}, 2), SizeIs(0));
}

TEST_F(DigestFilesTest, EndsSoonAfterCancel) {
  const std::string path = (directory_ / "large").string();
  test::write_file(path, "x");
  std::filesystem::resize_file(path, std::uint64_t{1} << 40);  // a hole that takes an hour to hash
  const auto running = DigestFiles::start({path, path}, {DigestKind::md5}, 1);
  ASSERT_TRUE(running) << running.error().message;
  while ((*running)->bytes_done() == 0)
    ASSERT_FALSE(
        (*running)->wait_until(std::chrono::steady_clock::now() + std::chrono::milliseconds(5)));
  (*running)->cancel();
  ASSERT_TRUE((*running)->wait_until(std::chrono::steady_clock::now() + long_enough));
  const auto results = (*running)->take_results();
  EXPECT_EQ(results[0].error().kind, ErrorKind::interrupted);
  EXPECT_EQ(results[1].error().kind, ErrorKind::interrupted);
}

}  // namespace
}  // namespace sluice::cli::digest_files_test
