#include "tools/sluice/run/parsed_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace sluice::cli::parsed_options_test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;

TEST(ParsedOptions, DefaultsAreAutomatic) {
  const auto parsed = parse_upload_options({});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->chunk_bytes, 0U);
  EXPECT_FALSE(parsed->lookahead);
  EXPECT_FALSE(parsed->lanes);
  EXPECT_FALSE(parsed->transfers);
  EXPECT_EQ(parsed->token_wait, 0s);
  EXPECT_FALSE(parsed->progress_interval);
  EXPECT_THAT(parsed->digests, IsEmpty());
}

TEST(ParsedOptions, ReadsValues) {
  UploadOptions options;
  options.chunk = "64M";
  options.lookahead = "0";
  options.lanes = std::to_string(most_lanes);
  options.transfers = "5";
  options.token_wait = "2m";
  options.progress_interval = "1s";
  options.digests = "sha256,md5";
  const auto parsed = parse_upload_options(options);
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->chunk_bytes, std::uint64_t{64} << 20);
  EXPECT_EQ(parsed->lookahead, 0U);
  EXPECT_EQ(parsed->lanes, most_lanes);
  EXPECT_EQ(parsed->transfers, 5U);
  EXPECT_EQ(parsed->token_wait, 2min);
  EXPECT_EQ(parsed->progress_interval, 1s);
  EXPECT_EQ(parsed->digests.size(), 2U);
}

TEST(ParsedOptions, ErrorsNameOption) {
  struct Case {
    std::string UploadOptions::*option;
    std::string text;
    std::string start;
  };
  for (const Case& wrong : {Case{&UploadOptions::chunk, "0", "--chunk must be at least 1 byte"},
                            Case{&UploadOptions::chunk, "much", "--chunk: "},
                            Case{&UploadOptions::lookahead, "17", "--lookahead must be auto or"},
                            Case{&UploadOptions::lanes, "-1", "--lanes must be auto or"},
                            Case{&UploadOptions::lanes, "2x", "--lanes must be auto or"},
                            Case{&UploadOptions::transfers, "0", "--transfers must be auto or"},
                            Case{&UploadOptions::token_wait, "soon", "--token-wait: "},
                            Case{&UploadOptions::progress_interval, "0s",
                                 "--progress-interval must be at least 1 second"}}) {
    UploadOptions options;
    options.*wrong.option = wrong.text;
    const auto parsed = parse_upload_options(options);
    ASSERT_FALSE(parsed) << wrong.start;
    EXPECT_EQ(parsed.error().kind, ErrorKind::usage);
    EXPECT_THAT(parsed.error().message, StartsWith(wrong.start));
  }
}

TEST(ParsedOptions, EngineGetsSizesAndTimeouts) {
  UploadOptions options;
  options.pool = "32M";
  options.block = "1M";
  options.limit_rate = "10M";
  options.network_threads = "2";
  options.retries = 3;
  options.stall_timeout = 7;
  options.register_wait = "1h";
  options.state_dir = "/tmp/state";
  options.no_journal = true;
  const auto engine = parse_engine_options(options, 0);
  ASSERT_TRUE(engine) << engine.error().message;
  EXPECT_EQ(engine->pool_bytes, std::size_t{32} << 20);
  EXPECT_EQ(engine->block_bytes, std::size_t{1} << 20);
  EXPECT_GT(engine->bytes_per_second, 0U);
  EXPECT_EQ(engine->network_threads, 2U);
  EXPECT_EQ(engine->retry.retries, 3U);
  EXPECT_EQ(engine->stall_timeout, 7s);
  EXPECT_EQ(engine->register_wait, 1h);
  EXPECT_EQ(engine->state_dir, "/tmp/state");
  EXPECT_FALSE(engine->journal);
}

/// An upload is resumed with the block size of its journal entry, or a larger one.
TEST(ParsedOptions, EngineHasAtLeastBlockOfResumedUpload) {
  UploadOptions options;
  options.block = "1M";
  EXPECT_EQ(parse_engine_options(options, std::uint64_t{8} << 20)->block_bytes,
            std::size_t{8} << 20);
}

TEST(ParsedOptions, EngineErrorsNameOption) {
  UploadOptions options;
  options.limit_rate = "0";
  EXPECT_THAT(parse_engine_options(options, 0).error().message,
              StartsWith("--limit-rate must be greater than 0"));
  options.limit_rate.clear();
  options.network_threads = "0";
  EXPECT_THAT(parse_engine_options(options, 0).error().message,
              StartsWith("--network-threads must be auto or"));
}

TEST(ParsedOptions, RequestKeepsOwnDigestsWithoutRepetition) {
  UploadOptions options;
  options.chunk = "8M";
  ParsedOptions parsed;
  parsed.chunk_bytes = std::uint64_t{8} << 20;
  parsed.digests = {DigestKind::md5, DigestKind::sha256};
  UploadRequest request;
  request.digests = {DigestKind::sha256};
  apply(options, parsed, request);
  EXPECT_THAT(request.digests, ElementsAre(DigestKind::sha256, DigestKind::md5));
  EXPECT_EQ(request.chunk_bytes, parsed.chunk_bytes);
  EXPECT_FALSE(request.heed_chunk_limit) << "the user has chosen the length";
}

}  // namespace
}  // namespace sluice::cli::parsed_options_test
