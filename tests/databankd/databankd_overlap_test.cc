// Concurrent chunks of one dataset, and delays of the server.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <xxhash.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>

#include "io/unique_fd.h"
#include "tests/databankd/databankd_fixture.h"
#include "tests/support/temp_dir.h"

namespace sluice::overlap_test {
namespace {

using test::Arguments;
using test::header;
using test::transfer_request;
using test::operator+;
using testing::HasSubstr;

constexpr std::size_t mib = std::size_t{1} << 20;

std::string xxh128(const std::string& bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

class Overlap : public test::Curl {};

TEST_F(Overlap, AcceptsPipelinedChunk) {
  for (const Arguments& mode : {Arguments{}, Arguments{"--discard"}}) {
    start(mode);
    setup("a");
    const std::string first = test::random_bytes(2 * mib, 5);
    const std::string second = test::random_bytes(2 * mib, 6);
    const std::string request = transfer_request(std::to_string(first.size()), second);
    const UniqueFd fd = connect();
    // Sends all but the last bytes, which follow after the response to the other request.
    send(fd, request.substr(0, request.size() - 100));
    EXPECT_EQ(transfer("a", 0, chunk_file(first)).body, "successfully added chunk to a");
    send(fd, request.substr(request.size() - 100));
    EXPECT_THAT(receive_until(fd, "to a"), HasSubstr("successfully added chunk to a"));
    verify("a");
    EXPECT_EQ(registered().back()["xxh128"], xxh128(first + second));
    stop();
    server_.reset();
    empty_store();
  }
}

/// Each half exceeds the socket buffers: sending it completes only if the server reads it.
TEST_F(Overlap, ReadsBodiesOfDatasetConcurrently) {
  for (const Arguments& mode : {Arguments{}, Arguments{"--discard"}}) {
    start(mode);
    setup("a");
    const std::string first = test::random_bytes(48 * mib, 12);
    const std::string second = test::random_bytes(48 * mib, 13);
    const std::string one = transfer_request("0", first);
    const std::string two = transfer_request(std::to_string(first.size()), second);
    const UniqueFd to_one = connect();
    const UniqueFd to_two = connect();
    send(to_two, two.substr(0, two.size() / 2));
    send(to_one, one.substr(0, one.size() / 2));
    send(to_two, two.substr(two.size() / 2, two.size() / 2 - 100));
    send(to_one, one.substr(one.size() / 2));
    EXPECT_THAT(receive_until(to_one, "to a"), HasSubstr("successfully added chunk to a"));
    send(to_two, two.substr(two.size() / 2 * 2 - 100));
    EXPECT_THAT(receive_until(to_two, "to a"), HasSubstr("successfully added chunk to a"));
    verify("a");
    EXPECT_EQ(registered().back()["xxh128"], xxh128(first + second));
    stop();
    server_.reset();
    empty_store();
  }
}

/// The server's end does not wait for the delay, and bodies that arrive meanwhile are read.
TEST_F(Overlap, DelaysEachChunk) {
  for (const Arguments& mode : {Arguments{}, Arguments{"--discard"}}) {
    start(mode + Arguments{"--think", "86400s", "--dataset", "IDB-2=secret"});
    setup("a");
    const UniqueFd thinking = connect();
    send(thinking, transfer_request("0", "abc"));
    const UniqueFd arriving = connect();
    send(arriving, transfer_request("3", test::random_bytes(48 * mib, 14)));
    EXPECT_EQ(curl({"-H", header, "-F", "phase=setup", "-F", "filename=b", "-F", "filesize=3",
                    root_ + "/api/dataset/IDB-2/datafile"})
                  .status,
              200);
    char byte = 0;
    EXPECT_LT(::recv(thinking.get(), &byte, 1, MSG_DONTWAIT), 0);
    stop();
    server_.reset();
    empty_store();
  }
}

TEST_F(Overlap, DelaysChunksSequentially) {
  start({"--think", "150ms"});
  setup("a");
  const auto begun = std::chrono::steady_clock::now();
  const UniqueFd one = connect();
  const UniqueFd two = connect();
  send(one, transfer_request("0", "abc"));
  // It would be refused without a delay if it were processed first, so send its end later.
  const std::string request = transfer_request("3", "def");
  send(two, request.substr(0, request.size() - 1));
  EXPECT_THAT(receive_until(one, "to a"), HasSubstr("successfully added chunk to a"));
  EXPECT_GE(std::chrono::steady_clock::now() - begun, std::chrono::milliseconds(150));
  send(two, request.substr(request.size() - 1));
  EXPECT_THAT(receive_until(two, "to a"), HasSubstr("successfully added chunk to a"));
  EXPECT_GE(std::chrono::steady_clock::now() - begun, std::chrono::milliseconds(300));
  EXPECT_EQ(progress("a"), 6);
}

}  // namespace
}  // namespace sluice::overlap_test
