// The automatic chunk length, and what the journal stores of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/journal/journal.h"
#include "tests/engine/upload/upload_fixture.h"

namespace sluice::upload_chunks_test {
namespace {

using testing::ElementsAre;

constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;

class UploadChunks : public UploadTest {
 protected:
  UploadChunks() { options_.state_dir = directory_ / "state"; }

  /// Returns the chunk lengths of the upload of a new file with `size` bytes.
  std::vector<std::size_t> chunks_of(std::size_t size, std::uint64_t asked = 0) {
    const std::string name = fmt::format("file-{}", files_++);
    write(name, size);
    UploadRequest asking = request(name);
    asking.chunk_bytes = asked;
    expect_registered(start(asking)->wait(), name);
    std::vector<std::size_t> chunks;
    for (const auto& seen : server_.seen())
      if (seen.phase == Phase::transfer && seen.field("filename") == name)
        chunks.push_back(seen.payload_size);
    return chunks;
  }

  std::unique_ptr<Journal> journal() {
    auto journal = Journal::open(options_.state_dir);
    EXPECT_TRUE(journal) << journal.error().message;
    return *std::move(journal);
  }
  ServerFacts facts() { return journal()->facts(server_.url()).value_or(ServerFacts()); }

  int files_ = 0;
};

TEST_F(UploadChunks, StartAtSixteenMebibytes) {
  EXPECT_THAT(chunks_of(17 * mib), ElementsAre(16 * mib, mib));
  EXPECT_EQ(facts().chunk_bytes, std::nullopt) << "nothing was learned";
}

TEST_F(UploadChunks, StartAtLengthOfLastUpload) {
  ASSERT_TRUE(journal()->set_chunk_bytes(server_.url(), 128 * kib));
  ASSERT_TRUE(journal()->set_chunk_bytes("https://another.example", 64 * kib));
  // Below 16 MiB, each committed chunk doubles the length.
  EXPECT_THAT(chunks_of(600 * kib), ElementsAre(128 * kib, 256 * kib, 216 * kib));
  EXPECT_EQ(facts().chunk_bytes, 256 * kib);
  EXPECT_THAT(chunks_of(600 * kib), ElementsAre(256 * kib, 344 * kib));
}

TEST_F(UploadChunks, HaveRequestedLength) {
  ASSERT_TRUE(journal()->set_chunk_bytes(server_.url(), 128 * kib));
  EXPECT_THAT(chunks_of(600 * kib, 200 * kib), ElementsAre(200 * kib, 200 * kib, 200 * kib));
  EXPECT_EQ(facts().chunk_bytes, 128 * kib);
}

TEST_F(UploadChunks, ShrinkAfterFailureAndStoreLength) {
  options_.retry.retries = 5;
  options_.retry.first = std::chrono::milliseconds(1);
  server_.set_faults({{.phase = Phase::transfer, .occurrence = 0, .answer = http_answer(502, "")}});
  EXPECT_THAT(chunks_of(20 * mib), ElementsAre(16 * mib, 8 * mib, 8 * mib, 4 * mib));
  EXPECT_EQ(facts().chunk_bytes, 8 * mib);
}

}  // namespace
}  // namespace sluice::upload_chunks_test
