// Files in parallel parts, and chunks with checksums, with databankd.
#include <fmt/format.h>

#include "tests/e2e/e2e.h"

namespace sluice::e2e::lanes_test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class Lanes : public testing::Test {
 protected:
  Lanes() { test::write_file(path_, test::random_bytes(size, 3)); }

  test::Finished upload(const Bank& bank, const Arguments& more, const char* pool = "1M") {
    return upload(bank, more, pool, state_);
  }
  test::Finished upload(const Bank& bank, const Arguments& more, const char* pool,
                        const test::TempDir& state) {
    Arguments all{"--json", "--protocol", "tus", "--block", "64K", "--pool", pool};
    all.insert(all.end(), {"--state-dir", state.path()});
    all.insert(all.end(), more.begin(), more.end());
    all.insert(all.end(), {dataset, path_});
    return put(bank.url(), all);
  }
  static json upload_of(const test::Finished& finished) {
    return report_of(finished).at("uploads").at(0);
  }

  static constexpr std::size_t size = 21'000'001;  // at most four parts
  test::TempDir directory_;
  test::TempDir state_;
  const std::string path_ = directory_ / "scan.h5";
};

TEST_F(Lanes, UploadsWithAnyNumberOfLanes) {
  for (const char* lanes : {"1", "2", "8", "16"}) {
    SCOPED_TRACE(lanes);
    Bank bank({"--protocols", "tus"});
    const auto finished =
        upload(bank, {"--lanes", lanes, "--read", "direct", "--digest", "md5", "--retries", "3"});
    ASSERT_EQ(finished.status, 0) << finished.err;
    EXPECT_TRUE(test::same_content(path_, bank.deposited("scan.h5")));
    const json upload = upload_of(finished);
    EXPECT_EQ(upload.at("xxh128"), xxh128_of_file(path_));
    EXPECT_LE(upload.at("lanes").get<unsigned>(), 4U);
    EXPECT_GE(upload.at("lanes").get<unsigned>(), lanes == std::string("1") ? 1U : 2U);
    EXPECT_EQ(upload.at("md5").get<std::string>().size(), 32U);
    EXPECT_EQ(bank.registered().size(), 1U);
  }
}

TEST_F(Lanes, UploadsWithAnyNumberOfNetworkThreads) {
  for (const char* threads : {"1", "2", "5"}) {
    SCOPED_TRACE(threads);
    test::TempDir state;
    Bank bank({"--protocols", "tus", "--fault", "reset-mid-body,at=2,on=patch"});
    const auto finished =
        upload(bank, {"--lanes", "2", "--network-threads", threads, "--retries", "3"}, "1M", state);
    ASSERT_EQ(finished.status, 0) << finished.err;
    EXPECT_TRUE(test::same_content(path_, bank.deposited("scan.h5")));
    const json upload = upload_of(finished);
    EXPECT_EQ(upload.at("xxh128"), xxh128_of_file(path_));
    EXPECT_EQ(upload.at("lanes"), 2U);
    EXPECT_EQ(bank.registered().size(), 1U);
  }
}

/// One part is lost during the upload, the connection of another breaks: both recover.
TEST_F(Lanes, RecoversEachPartSeparately) {
  Bank bank({"--protocols", "tus", "--fault", "expire,at=2,on=patch", "--fault",
             "reset-mid-body,at=4,on=patch"});
  const auto finished = upload(bank, {"--lanes", "3", "--retries", "5"});
  ASSERT_EQ(finished.status, 0) << finished.err;
  EXPECT_THAT(finished.err, HasSubstr("part at offset"));
  EXPECT_TRUE(test::same_content(path_, bank.deposited("scan.h5")));
  EXPECT_EQ(bank.registered().size(), 1U);
}

/// The join's response is lost, or parts or the joined upload are lost: the whole file is sent
/// again in the same run, and registered once.
TEST_F(Lanes, ResendsFileLostInJoin) {
  for (const char* fault :
       {"lose-response,at=1,on=join", "expire,at=1,on=join", "status:404,at=1,on=join"}) {
    SCOPED_TRACE(fault);
    test::TempDir state;
    Bank bank({"--protocols", "tus", "--fault", fault});
    const auto finished =
        upload(bank, {"--lanes", "3", "--retries", "5", "--register-wait", "0s"}, "1M", state);
    ASSERT_EQ(finished.status, 0) << finished.err;
    EXPECT_TRUE(test::same_content(path_, bank.deposited("scan.h5")));
    EXPECT_EQ(bank.registered().size(), 1U);
    EXPECT_EQ(report_of(finished).at("uploads").size(), 1U);
  }
}

/// Without retries, the next run of the same command sends the file.
TEST_F(Lanes, NextRunResendsFileLostInJoin) {
  Bank bank({"--protocols", "tus", "--fault", "lose-response,at=1,on=join"});
  const auto first = upload(bank, {"--lanes", "3", "--retries", "0"});
  EXPECT_NE(first.status, 0);
  EXPECT_TRUE(bank.registered().empty());
  const auto second = upload(bank, {"--lanes", "3", "--retries", "3", "--register-wait", "0s"});
  EXPECT_EQ(second.status, 0) << second.err;
  EXPECT_TRUE(test::same_content(path_, bank.deposited("scan.h5")));
  EXPECT_EQ(bank.registered().size(), 1U);
}

/// In the same run; the parts at the server are deleted.
TEST_F(Lanes, SendsFileInOnePieceIfJoinIsRefused) {
  Bank bank({"--protocols", "tus", "--fault", "status:500,every=1,on=join"});
  const auto finished = upload(bank, {"--lanes", "2", "--retries", "2"});
  ASSERT_EQ(finished.status, 0) << finished.err;
  EXPECT_THAT(finished.err, HasSubstr("uploading the file again, in one piece"));
  EXPECT_TRUE(test::same_content(path_, bank.deposited("scan.h5")));
  EXPECT_EQ(bank.registered().size(), 1U);
  EXPECT_EQ(upload_of(finished).at("lanes"), 0U);
  const std::string log = bank.process().out();
  const auto count = [&](std::string_view what) {
    std::size_t times = 0;
    for (std::size_t at = 0; (at = log.find(what, at)) != std::string::npos; ++at) ++times;
    return times;
  };
  EXPECT_EQ(count(" create "), 3U);
  EXPECT_EQ(count(" delete "), 2U);
}

TEST_F(Lanes, SendsNoPartsWithoutConcatenation) {
  Bank bank({"--protocols", "tus", "--tus-extensions", "creation"});
  const auto finished = upload(bank, {"--lanes", "3"});
  EXPECT_EQ(finished.status, 2);
  EXPECT_THAT(finished.err, HasSubstr("concatenation"));
  EXPECT_EQ(bank.process().out().find("/files/\" create"), std::string::npos);
}

using VerifyChunks = Lanes;

TEST_F(VerifyChunks, ResendsCorruptedChunk) {
  Bank bank({"--protocols", "tus", "--fault", "checksum,at=2,on=patch"});
  const auto finished = upload(bank, {"--verify-chunks", "on", "--retries", "3"});
  ASSERT_EQ(finished.status, 2) << "chunks of 5 MiB and more do not fit into a pool of 1 MiB";
  EXPECT_THAT(finished.err, HasSubstr("--pool"));
  const auto again = upload(bank, {"--verify-chunks", "on", "--retries", "3"}, "16M");
  ASSERT_EQ(again.status, 0) << again.err;
  EXPECT_TRUE(test::same_content(path_, bank.deposited("scan.h5")));
}

/// With a checksum, the server keeps nothing of an incomplete chunk.
TEST_F(VerifyChunks, ShortensChunkAfterConnectionLoss) {
  Bank bank({"--protocols", "tus", "--fault", "reset-mid-body,at=1,on=patch"});
  const auto finished = upload(bank, {"--verify-chunks", "on", "--retries", "3"}, "24M");
  ASSERT_EQ(finished.status, 0) << finished.err;
  EXPECT_TRUE(test::same_content(path_, bank.deposited("scan.h5")));
  EXPECT_EQ(upload_of(finished).at("chunks"), 3) << "12 MiB broke: 6, 6 and the rest";
}

/// databankd compares the checksums: a wrong header would cause a 460.
TEST_F(VerifyChunks, SendsChecksumsThatServerConfirms) {
  Bank bank({"--protocols", "tus"});
  const auto finished = upload(bank, {"--verify-chunks", "on", "--chunk", "6M"}, "16M");
  ASSERT_EQ(finished.status, 0) << finished.err;
  EXPECT_EQ(upload_of(finished).at("retries"), 0);
  EXPECT_TRUE(test::same_content(path_, bank.deposited("scan.h5")));
}

/// Each needs memory for a whole chunk; they must not block each other in the pool.
TEST_F(VerifyChunks, ConcurrentUploadsShareThePool) {
  Bank bank({"--protocols", "tus"});
  Arguments all{"--protocol", "tus", "--verify-chunks", "auto", "--block",    "64K",
                "--pool",     "1M",  "--transfers",     "4",    "--state-dir"};
  all.insert(all.end(), {state_.path(), dataset});
  for (int i = 0; i < 8; ++i) {
    all.push_back(directory_ / fmt::format("file{}", i));
    test::write_file(all.back(), test::random_bytes(240'000, static_cast<std::uint64_t>(i)));
  }
  const auto finished = put(bank.url(), all);
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_EQ(bank.registered().size(), 8U);
}

TEST_F(VerifyChunks, FailsAfterTwoCorruptedChunks) {
  Bank bank({"--protocols", "tus", "--fault", "checksum,every=1,on=patch"});
  const auto finished = upload(bank, {"--verify-chunks", "on", "--retries", "9"}, "16M");
  EXPECT_EQ(finished.status, 8);
  EXPECT_THAT(finished.err, HasSubstr("460"));
  EXPECT_TRUE(bank.registered().empty());
}

}  // namespace
}  // namespace sluice::e2e::lanes_test
