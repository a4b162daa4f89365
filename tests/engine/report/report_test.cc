#include "engine/report/report.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace sluice::report_test {
namespace {

TEST(Report, FindsBottleneckByWaitingTimes) {
  Stages stages;
  stages.send = {.busy_s = 5, .wait_s = 4};
  stages.server = {.busy_s = 1, .wait_s = 9};
  stages.wait_for_read_s = 3;
  stages.wait_for_checksum_s = 1;
  EXPECT_EQ(find_bottleneck(stages), Bottleneck::disk);
  stages.wait_for_checksum_s = 3.5;
  EXPECT_EQ(find_bottleneck(stages), Bottleneck::checksum);
  // The checksum stage was idle longer than the network side waited for blocks.
  stages.checksum.wait_s = 6;
  EXPECT_EQ(find_bottleneck(stages), Bottleneck::network);
  // The wait for checksums exceeds the busy time of send and server, so the idle time does not
  // count.
  stages.wait_for_checksum_s = 5.5;
  EXPECT_EQ(find_bottleneck(stages), Bottleneck::checksum);
  stages.wait_for_checksum_s = 1;
  // The readers waited longer than the network side, so the disk is not the bottleneck.
  stages.read.wait_s = 6;
  EXPECT_EQ(find_bottleneck(stages), Bottleneck::network);
  stages.server.busy_s = 7;
  EXPECT_EQ(find_bottleneck(stages), Bottleneck::server);
}

TEST(Report, FindsJournalBottleneck) {
  Stages stages;
  stages.send = {.busy_s = 3, .wait_s = 6};
  stages.server = {.busy_s = 1, .wait_s = 9};
  stages.wait_for_read_s = 1;
  stages.wait_for_checksum_s = 1;
  stages.wait_for_journal_s = 4;
  EXPECT_EQ(find_bottleneck(stages), Bottleneck::journal);
  EXPECT_STREQ(to_string(Bottleneck::journal), "journal");
  stages.send.busy_s = 4.5;
  EXPECT_EQ(find_bottleneck(stages), Bottleneck::network);
  // The readers were idle for 3 s, and the network side waited 2 s for blocks and 4 s for the
  // journal.
  stages.read.wait_s = 3;
  stages.wait_for_read_s = 2;
  stages.wait_for_checksum_s = 0;
  EXPECT_EQ(find_bottleneck(stages), Bottleneck::network);
}

TEST(Report, BottleneckOfEmptyUploadIsTheServer) {
  EXPECT_EQ(find_bottleneck(Stages{}), Bottleneck::server);
}

TEST(Report, JsonHasEveryDocumentedField) {
  Report report;
  report.dataset = "IDB-1";
  report.file = "/data/caf\xE9";  // paths may contain bytes that are not UTF-8; JSON may not
  report.name = "x\"y";
  report.bytes = report.committed = 2199023255552;
  report.status = Report::Status::registered;
  report.protocol = "phased";
  report.seconds = 2;
  report.xxh128 = "00";
  report.chunks = 3;
  report.stages.read = {.busy_s = 1, .wait_s = 0.5};

  auto json = nlohmann::json::parse(to_json(report));
  EXPECT_FALSE(json.contains("registered_as"));
  EXPECT_EQ(report.stored_name(), "x\"y");
  report.registered_as = "x_y";
  json = nlohmann::json::parse(to_json(report));
  EXPECT_EQ(json.at("registered_as"), "x_y");
  EXPECT_EQ(report.stored_name(), "x_y");
  EXPECT_EQ(json.at("dataset"), "IDB-1");
  EXPECT_EQ(json.at("name"), "x\"y");
  EXPECT_EQ(json.at("bytes"), 2199023255552);
  EXPECT_EQ(json.at("status"), "registered");
  EXPECT_EQ(json.at("protocol"), "phased");
  EXPECT_EQ(json.at("seconds"), 2.0);
  EXPECT_EQ(json.at("bytes_per_second"), 1099511627776.0);
  EXPECT_EQ(json.at("xxh128"), "00");
  EXPECT_EQ(json.at("chunks"), 3);
  EXPECT_EQ(json.at("retries"), 0);
  EXPECT_EQ(json.at("resumed_from"), 0);
  EXPECT_EQ(json.at("bottleneck"), "server");
  for (const char* stage : {"read", "checksum", "send", "server"}) {
    EXPECT_TRUE(json.at("stages").at(stage).at("busy_s").is_number()) << stage;
    EXPECT_TRUE(json.at("stages").at(stage).at("wait_s").is_number()) << stage;
  }
  EXPECT_EQ(json.at("stages").at("read").at("wait_s"), 0.5);
  EXPECT_TRUE(json.at("error").is_null());
}

TEST(Report, JsonContainsTheError) {
  Report report;
  report.status = Report::Status::failed;
  report.error = Error{ErrorKind::token_refused, "no"};
  const auto json = nlohmann::json::parse(to_json(report));
  EXPECT_EQ(json.at("status"), "failed");
  EXPECT_EQ(json.at("error").at("kind"), "token_refused");
  EXPECT_EQ(json.at("error").at("message"), "no");
}

TEST(Report, RateIsZeroWithoutDuration) {
  EXPECT_EQ(Report().bytes_per_second(), 0);
}

}  // namespace
}  // namespace sluice::report_test
