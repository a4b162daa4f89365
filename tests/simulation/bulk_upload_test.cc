#include "tests/simulation/bulk_upload.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/simulation/counted_file.h"
#include "tests/simulation/stored.h"

namespace sluice::sim::bulk_upload_test {
namespace {

using namespace std::chrono_literals;

TEST(CountedBytes, HaveASizeAndNoValues) {
  Stored stored("ab");
  stored.append("cd");
  EXPECT_EQ(stored.text(), "abcd");
  stored.append_counted(0);
  EXPECT_TRUE(stored.has_values());
  stored.append_counted(10);
  stored.append("ef");
  EXPECT_EQ(stored.size(), 16U);
  EXPECT_FALSE(stored.has_values());
  EXPECT_EQ(stored.text(), "");
  stored.shorten(5);
  EXPECT_EQ(stored.size(), 5U);
  const Piece piece{.counted = 7};
  EXPECT_EQ(piece.first(3).size(), 3U);
  EXPECT_EQ(Piece{.text = "abc"}.first(2).text, "ab");
}

TEST(CountedBytes, ReadsZerosFromFileOfAnySize) {
  CountedFile file("/sim/a", std::uint64_t{1} << 50, 4096);
  const auto opened = file.open("/sim/a", 4096);
  ASSERT_TRUE(opened);
  const auto read = opened->source->read((std::uint64_t{1} << 50) - 4096, 4096, {});
  ASSERT_TRUE(read);
  EXPECT_EQ(read->size(), 4096U);
  EXPECT_EQ((*read)[4095], std::byte{0});
  EXPECT_FALSE(opened->source->read((std::uint64_t{1} << 50) - 4095, 4096, {}));
  EXPECT_FALSE(file.open("/sim/b", 4096));
}

/// Sends a chunk of `counted` bytes and some real ones at its begin and end.
Answer transfer(Server& server, const Bank& bank, std::uint64_t previous, std::uint64_t counted) {
  const auto field = [](const std::string& name, const std::string& value) {
    return "--B\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n";
  };
  const std::string begin =
      field("phase", "transfer") + field("filename", "a") +
      field("previous_size", std::to_string(previous)) +
      "--B\r\nContent-Disposition: form-data; name=\"bytechunk\"; filename=\"a\"\r\n\r\nxx";
  const std::string end = "yyy\r\n--B--\r\n";
  const auto call = server.begin({.path = "/api/dataset/" + bank.dataset + "/datafile",
                                  .headers = {{"authorization", "Token token=" + bank.token},
                                              {"content-type", "multipart/form-data; boundary=B"}},
                                  .body_size = begin.size() + counted + end.size()});
  call->body(begin);
  call->counted_body(counted);
  call->body(end);
  return call->finish();
}

TEST(CountedBytes, ServerChecksOffsets) {
  Bank bank;
  const auto server = make_phased_server(bank);
  const auto post = [&](const std::string& phase) {
    const std::string body =
        "--B\r\nContent-Disposition: form-data; name=\"phase\"\r\n\r\n" + phase +
        "\r\n--B\r\nContent-Disposition: form-data; name=\"filename\"\r\n\r\na\r\n"
        "--B\r\nContent-Disposition: form-data; name=\"filesize\"\r\n\r\n2010\r\n--B--\r\n";
    const auto call =
        server->begin({.path = "/api/dataset/" + bank.dataset + "/datafile",
                       .headers = {{"authorization", "Token token=" + bank.token},
                                   {"content-type", "multipart/form-data; boundary=B"}},
                       .body_size = body.size()});
    call->body(body);
    return call->finish();
  };
  EXPECT_EQ(post("setup").status, 200);
  EXPECT_EQ(transfer(*server, bank, 0, 1000).body, "successfully added chunk to a");
  EXPECT_NE(transfer(*server, bank, 1000, 1000).body.find("\"progress\":1005"), std::string::npos);
  EXPECT_EQ(transfer(*server, bank, 1005, 1000).body, "successfully added chunk to a");
  EXPECT_EQ(post("verify").status, 200);
  ASSERT_EQ(bank.registered.size(), 1U);
  EXPECT_EQ(bank.registered.front().size, 2010U);
}

TEST(BulkUpload, FillsALinkAndRegistersTheWholeFile) {
  for (const auto generation : {Bank::Generation::phased, Bank::Generation::tus}) {
    BulkUpload bulk;
    bulk.size = 4'000'000'000;
    bulk.round_trip = 10ms;
    bulk.generation = generation;
    const BulkResult result = run_bulk_upload(bulk);
    EXPECT_EQ(result.report.status, Report::Status::registered);
    EXPECT_EQ(result.registered, bulk.size);
    EXPECT_GE(result.received, bulk.size);
    EXPECT_GT(4e9 / result.seconds, 0.9 * bulk.payload_rate);
    EXPECT_LE(result.most_buffers, 16U);
    EXPECT_LT(result.longest_pause, 1);
  }
}

TEST(BulkUpload, IsTheSameForTheSameSeed) {
  BulkUpload bulk;
  bulk.size = 1'000'000'000;
  bulk.loss = 0.001;
  bulk.seed = 5;
  const BulkResult first = run_bulk_upload(bulk);
  const BulkResult second = run_bulk_upload(bulk);
  EXPECT_EQ(first.events, second.events);
  EXPECT_EQ(first.seconds, second.seconds);
  bulk.seed = 6;
  EXPECT_NE(run_bulk_upload(bulk).seconds, first.seconds);
}

TEST(BulkUpload, EndsAfterSoManyEvents) {
  BulkUpload bulk;
  bulk.most_events = 5000;
  const BulkResult result = run_bulk_upload(bulk);
  EXPECT_EQ(result.report.status, Report::Status::interrupted);
  EXPECT_EQ(result.registered, 0U);
}

}  // namespace
}  // namespace sluice::sim::bulk_upload_test
