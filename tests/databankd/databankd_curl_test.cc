// The databankd binary with `curl` as the client, and with a plain socket for invalid requests.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <xxhash.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "io/unique_fd.h"
#include "tests/databankd/databankd_fixture.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace sluice::curl_test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::Arguments;
using test::binary;
using test::Curl;
using test::Finished;
using test::header;
using test::Process;
using test::Reply;
using test::TempDir;
using test::transfer_request;
using test::operator+;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif
#else
constexpr bool sanitized = false;
#endif

constexpr std::size_t mib = std::size_t{1} << 20;

std::string xxh128(const std::string& bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

TEST_F(Curl, UploadsAFile) {
  start();
  const Reply set_up = setup("a.bin", "3000000");
  EXPECT_EQ(set_up.status, 200);
  EXPECT_EQ(set_up.body, "successfully set up a.bin");
  EXPECT_THAT(set_up.content_type, StartsWith("application/json"));
  const std::string first = test::random_bytes(2000000, 1);
  const std::string second = test::random_bytes(1000000, 2);
  EXPECT_EQ(transfer("a.bin", 0, chunk_file(first)).body, "successfully added chunk to a.bin");
  EXPECT_EQ(transfer("a.bin", 2000000, chunk_file(second)).body,
            "successfully added chunk to a.bin");
  const Reply verified = verify("a.bin");
  EXPECT_EQ(verified.status, 200);
  EXPECT_EQ(verified.body,
            "a.bin successfully uploaded.  Refresh dataset page to see newly uploaded file. " +
                root_ + "/datasets/IDB-1/edit");
  EXPECT_TRUE(stored("a.bin") == first + second);
  EXPECT_EQ(registered().at(0), (json{{"dataset", "IDB-1"},
                                      {"name", "a.bin"},
                                      {"size", 3000000},
                                      {"xxh128", xxh128(first + second)}}));
}

TEST_F(Curl, AcceptsUrlencodedSetupAndVerify) {
  start();
  const Arguments name = {"--data-urlencode", "filename=a b&c=d%2B+\xc3\xa9.txt"};
  const std::string plain = "a b&c=d%2B+\xc3\xa9.txt";
  EXPECT_EQ(call(Arguments{"-d", "phase=setup"} + name).body, "missing paramter: filesize\n");
  EXPECT_EQ(call(Arguments{"-d", "phase=setup", "-d", "filesize=0"} + name).body,
            "successfully set up " + plain);
  EXPECT_THAT(call(Arguments{"-d", "phase=verify"} + name).body,
              StartsWith(plain + " successfully uploaded."));
  EXPECT_EQ(registered().at(0)["name"], plain);
  EXPECT_TRUE(fs::exists(store_ / "IDB-1" / plain));
}

TEST_F(Curl, AcceptsFieldsInAnyOrder) {
  start();
  setup("a");
  const std::string content = test::random_bytes(3 * mib, 3);
  const fs::path chunk = chunk_file(content);
  Arguments form = {"-F", "bytechunk=@" + chunk.string(),
                    "-F", "previous_size=0",
                    "-F", "filename=a",
                    "-F", "phase=transfer"};
  EXPECT_EQ(call(form).body, "successfully added chunk to a");
  EXPECT_EQ(transfer("a", 3 * mib, chunk).body, "successfully added chunk to a");
  verify("a");
  EXPECT_EQ(registered().at(0)["xxh128"], xxh128(content + content));
}

TEST_F(Curl, RejectsChunkWithStatus200) {
  start();
  setup("a");
  const fs::path chunk = chunk_file("abc");
  transfer("a", 0, chunk);
  const Reply reply = transfer("a", 0, chunk);
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, R"({"error":"Unexpected previous_size value.  Expected: 3, Recieved: 0\n",)"
                        R"("progress":3,"status":500})");
  EXPECT_EQ(progress("a"), 3);
  EXPECT_EQ(progress("b"), -1);
  // A bytechunk without a filename.
  const Reply text = call(
      {"-F", "phase=transfer", "-F", "filename=a", "-F", "previous_size=3", "-F", "bytechunk=xyz"});
  EXPECT_EQ(text.status, 200);
  EXPECT_EQ(json::parse(text.body)["progress"], 3);
  EXPECT_EQ(progress("a"), 3);
}

TEST_F(Curl, AcceptsAnyBytes) {
  start({"--discard"});
  setup("a");
  // Every beginning of the end of a part, at every alignment, but no boundary.
  std::string content;
  for (std::size_t i = 0; content.size() < 3 * mib; ++i)
    content += std::string(i % 61, 'x') + "\r\n--" + std::string(i % 37, '-') + "\r\n\r";
  EXPECT_EQ(transfer("a", 0, chunk_file(content)).body, "successfully added chunk to a");
  verify("a");
  EXPECT_EQ(registered().at(0)["xxh128"], xxh128(content));
}

TEST_F(Curl, KeepsNames) {
  start();
  const fs::path chunk = chunk_file("abc");
  for (const std::string name : {"with space.txt", "quo\"te'.txt", "semi;colon=x.txt",
                                 "na\xc3\xafve \xe6\x96\x87.txt", "per%20cent+.txt"}) {
    EXPECT_EQ(setup(name).body, "successfully set up " + name);
    EXPECT_EQ(transfer(name, 0, chunk).body, "successfully added chunk to " + name);
    EXPECT_EQ(verify(name).status, 200);
    EXPECT_EQ(stored(name), "abc");
    EXPECT_EQ(registered().back()["name"], name);
    EXPECT_EQ(setup(name).body,
              "File with the name " + name + " already exists in this dataset.\n");
  }
}

TEST_F(Curl, KeepsNamesInsideTheStore) {
  start();
  for (const std::string name : {"../../escaped", "/tmp/escaped", "..", "sub/dir"}) {
    EXPECT_EQ(setup(name).status, 500) << name;
    EXPECT_EQ(transfer(name, 0, chunk_file("abc")).status, 500) << name;
    EXPECT_EQ(verify(name).status, 500) << name;
  }
  EXPECT_FALSE(fs::exists(store_.path().parent_path() / "escaped"));
  EXPECT_FALSE(fs::exists(store_ / "escaped"));
}

TEST_F(Curl, RequiresTokenHeader) {
  start({"--dataset", "IDB-2=two", "--published", "IDB-3"});
  const Arguments ask = {"-d", "phase=setup", "-d", "filename=a"};
  const auto with = [&](const std::string& authorization, const std::string& dataset) {
    return curl(Arguments{"-H", "Authorization: " + authorization} + ask +
                Arguments{root_ + "/api/dataset/" + dataset + "/datafile"});
  };
  EXPECT_EQ(with("Token token=secret", "IDB-1").body, "missing paramter: filesize\n");
  EXPECT_EQ(with("Token token=\"secret\"", "IDB-1").body, "missing paramter: filesize\n");
  EXPECT_EQ(with("Token token=wrong", "IDB-1").body,
            R"({"status":500,"error":"Internal Server Error"})");
  EXPECT_EQ(with("Token token=two", "IDB-1").status, 500);
  EXPECT_EQ(with("Token token=two", "IDB-2").body, "missing paramter: filesize\n");
  EXPECT_EQ(with("Basic dTpw", "IDB-1").status, 401);
  const Reply none = curl(ask + Arguments{endpoint()});
  EXPECT_EQ(none.status, 401);
  EXPECT_EQ(none.body, "HTTP Token: Access denied.\n");
  EXPECT_THAT(none.content_type, StartsWith("application/json"));
  for (const char* dataset : {"IDB-3", "IDB-4"}) {
    EXPECT_EQ(with("Token token=secret", dataset).status, 404);
    EXPECT_EQ(with("Token token=secret", dataset).body, "Dataset Not Found");
  }
}

TEST_F(Curl, ExpiresTokens) {
  start({"--token-lifetime", "0"});
  EXPECT_EQ(setup("a").body, R"({"status":500,"error":"Internal Server Error"})");
}

TEST_F(Curl, ReadsATokenFromAFile) {
  test::write_file(files_ / "token", "hidden\n");
  start({"--dataset", "IDB-2=@" + (files_ / "token").string()});
  EXPECT_EQ(curl({"-H", "Authorization: Token token=hidden", "-d", "phase=setup", "-d",
                  "filename=a", root_ + "/api/dataset/IDB-2/datafile"})
                .body,
            "missing paramter: filesize\n");
}

TEST_F(Curl, RejectsOtherEndpoints) {
  start();
  EXPECT_EQ(curl({endpoint()}).status, 405);
  EXPECT_EQ(curl({"-X", "PUT", "-d", "x", endpoint()}).status, 405);
  EXPECT_EQ(curl({root_ + "/"}).status, 404);
  EXPECT_EQ(curl({"-X", "OPTIONS", root_ + "/filesystem"}).status, 404);
  EXPECT_EQ(call({"-d", ""}).body, "invalid request");
  EXPECT_EQ(call({"-H", "Content-Type: application/json", "-d", "{}"}).body, "invalid request");
}

TEST_F(Curl, KeepsConnections) {
  start();
  setup("a");
  // Two requests over one connection; the first is refused.
  const Finished finished =
      test::run(curl_options(Arguments{"-H", header} + transfer_form("a", 5, chunk_file("abc")) +
                             Arguments{endpoint(), "--next", "-sS", "--noproxy", "*", "-w",
                                       "\n%{num_connects} x", "-H", header} +
                             transfer_form("a", 0, chunk_file("abc")) + Arguments{endpoint()}));
  EXPECT_THAT(finished.out, HasSubstr("successfully added chunk to a\n0 x"));
}

// --- bodies that break off

TEST_F(Curl, IncompleteBodyLeavesNoTrace) {
  for (const Arguments& mode : {Arguments{}, Arguments{"--discard"}}) {
    start(mode);
    setup("a");
    transfer("a", 0, chunk_file("abc"));
    const std::string request = transfer_request("3", test::random_bytes(3 * mib, 4));
    for (const std::size_t length : {request.size() / 2, request.size() - 1, request.size() - 12}) {
      const UniqueFd fd = connect();
      send(fd, request.substr(0, length));
      ::shutdown(fd.get(), SHUT_WR);
      EXPECT_EQ(receive_until(fd, ""), "");  // returns when the server has closed the connection
      EXPECT_EQ(progress("a"), 3);
    }
    {
      // Broken off with a reset.
      const UniqueFd fd = connect();
      send(fd, request.substr(0, request.size() / 2));
      const linger at_once{1, 0};
      ::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
    EXPECT_EQ(progress("a"), 3);
    EXPECT_EQ(transfer("a", 3, chunk_file("def")).body, "successfully added chunk to a");
    verify("a");
    EXPECT_EQ(registered().back()["xxh128"], xxh128("abcdef"));
    stop();
    server_.reset();
    empty_store();
  }
}

TEST_F(Curl, RejectsFormWithoutEnd) {
  start();
  setup("a");
  // Has the announced length, but no last boundary.
  std::string request = transfer_request("0", "abc");
  const std::string boundary = "\r\n--limit--\r\n";
  request.replace(request.size() - boundary.size(), boundary.size(),
                  std::string(boundary.size(), 'x'));
  const UniqueFd fd = connect();
  send(fd, request);
  EXPECT_THAT(receive_until(fd, "Bad Request\"}"), StartsWith("HTTP/1.1 400"));
  EXPECT_EQ(progress("a"), 0);
}

TEST_F(Curl, ParsesNextRequestAfterBody) {
  start();
  setup("a");
  const UniqueFd fd = connect();
  send(fd, transfer_request("0", "abc") + transfer_request("-1", "x"));
  const std::string answers = receive_until(fd, "\"progress\":3");
  EXPECT_THAT(answers, HasSubstr("successfully added chunk to a"));
  EXPECT_THAT(answers, HasSubstr("\"progress\":3"));
}

TEST_F(Curl, OneOfTwoConcurrentTransfersWins) {
  start();
  setup("a");
  const std::string content = test::random_bytes(20 * mib, 7);
  const fs::path chunk = chunk_file(content);
  const Process::Options options =
      curl_options(Arguments{"-H", header} + transfer_form("a", 0, chunk) + Arguments{endpoint()});
  Process one(options);
  Process two(options);
  EXPECT_EQ(one.wait(), 0);
  EXPECT_EQ(two.wait(), 0);
  std::vector<std::string> bodies = {read_reply(one.out()).body, read_reply(two.out()).body};
  std::sort(bodies.begin(), bodies.end());
  EXPECT_EQ(bodies[0], "successfully added chunk to a");
  EXPECT_THAT(bodies[1], HasSubstr("Expected: 20971520, Recieved: 0"));
  verify("a");
  EXPECT_EQ(registered().at(0)["xxh128"], xxh128(content));
}

// --- registered and staged files

TEST_F(Curl, RegistersTwiceAfterTwoVerifies) {
  start();
  setup("a");
  transfer("a", 0, chunk_file("abc"));
  EXPECT_EQ(verify("a").status, 200);
  EXPECT_EQ(verify("a").status, 200);
  EXPECT_EQ(registered().size(), 2U);
}

TEST_F(Curl, KeepsStoreAfterRestart) {
  start();
  setup("done");
  verify("done");
  setup("a");
  transfer("a", 0, chunk_file("abc"));
  stop();
  start();
  EXPECT_EQ(setup("done").body, "File with the name done already exists in this dataset.\n");
  EXPECT_EQ(progress("a"), 3);
  EXPECT_EQ(transfer("a", 3, chunk_file("def")).body, "successfully added chunk to a");
  EXPECT_EQ(verify("a").status, 200);
  EXPECT_EQ(stored("a"), "abcdef");
  EXPECT_EQ(registered().back()["xxh128"], xxh128("abcdef"));
}

TEST_F(Curl, DiscardsBytes) {
  start({"--discard"});
  setup("a");
  const std::string content = test::random_bytes(5 * mib + 17, 8);
  transfer("a", 0, chunk_file(content));
  transfer("a", content.size(), chunk_file("tail"));
  EXPECT_EQ(verify("a").status, 200);
  EXPECT_EQ(registered().at(0), (json{{"dataset", "IDB-1"},
                                      {"name", "a"},
                                      {"size", content.size() + 4},
                                      {"xxh128", xxh128(content + "tail")}}));
  std::uintmax_t bytes = 0;
  for (const auto& entry : fs::recursive_directory_iterator(store_.path()))
    if (entry.is_regular_file()) bytes += entry.file_size();
  EXPECT_LT(bytes, 1000U);
}

TEST_F(Curl, KeepsNoBodyInMemory) {
  const std::size_t size = sanitized ? 64 * mib : 1024 * mib;
  for (const Arguments& mode : {Arguments{"--discard"}, Arguments{}}) {
    start(mode);
    setup("a");
    const fs::path chunk = chunk_file("");
    fs::resize_file(chunk, mode.empty() ? size / 4 : size);  // a hole
    EXPECT_EQ(transfer("a", 0, chunk).body, "successfully added chunk to a");
    stop();
    if (!sanitized) {
      EXPECT_LT(server_->peak_memory(), 64 * mib);
    }
    server_.reset();
  }
}

TEST_F(Curl, ContinuesAfterFullDisk) {
  Process::Options options;
  // A limit of 2048 blocks of 512 bytes simulates a full disk.
  options.argv = {"/bin/sh", "-c",
                  "ulimit -f 2048; exec \"$0\" --listen 127.0.0.1:0 --store \"$1\" --dataset "
                  "IDB-1=secret",
                  binary, store_.path().string()};
  launch(options);
  setup("a");
  const std::string content = test::random_bytes(mib - 1000, 9);
  transfer("a", 0, chunk_file(content));
  const auto expect_full = [&](const Reply& reply) {
    EXPECT_EQ(reply.status, 500);
    EXPECT_EQ(reply.body, "File too large @ io_write - /datafiles/api/IDB-1/a\n");
    EXPECT_EQ(progress("a"), static_cast<std::int64_t>(content.size()));
  };
  expect_full(transfer("a", content.size(), chunk_file(test::random_bytes(3 * mib, 10))));
  // This file alone would fit, but not together with the other.
  expect_full(transfer("a", content.size(), chunk_file(test::random_bytes(2000, 11))));
  EXPECT_EQ(transfer("a", content.size(), chunk_file("end")).status, 200);
  verify("a");
  EXPECT_TRUE(stored("a") == content + "end");
  EXPECT_EQ(registered().at(0)["xxh128"], xxh128(content + "end"));
}

// --- the program

Finished databankd(const Arguments& arguments) {
  Process::Options options;
  options.argv = Arguments{binary} + arguments;
  return test::run(options, std::chrono::seconds(60));
}

TEST_F(Curl, StopsOnSignal) {
  for (const int signal : {SIGINT, SIGTERM}) {
    start();
    const UniqueFd idle = connect();
    const UniqueFd busy = connect();
    setup("a");
    send(busy, transfer_request("0", "abc", 1000));
    server_->signal(signal);
    EXPECT_EQ(server_->wait(std::chrono::seconds(60)), 0);
    EXPECT_EQ(server_->out(), "listening on " + root_ + "\n");
    server_.reset();
  }
}

TEST_F(Curl, ListensOnIpv6OrReportsError) {
  Process::Options options;
  options.argv = {binary, "--listen", "[::1]:0", "--store", store_.path().string()};
  Process process(options);
  const std::string line = process.wait_for_line("listening on");
  process.signal(SIGTERM);
  if (process.wait() == 0) {
    EXPECT_THAT(line, StartsWith("listening on http://[::1]:"));
  } else {  // a machine without IPv6
    EXPECT_EQ(line, "");
    EXPECT_THAT(process.err(), HasSubstr("[::1]"));
  }
}

TEST_F(Curl, LogsRequestsWithoutTokens) {
  start({"--verbose"});
  setup("a\x1b[31m");
  verify("a\x1b[31m");
  stop();
  EXPECT_THAT(server_->err(), HasSubstr(R"(setup "a\u001b[31m")"));
  EXPECT_THAT(server_->err(), HasSubstr(R"(registered "a\u001b[31m" in IDB-1, 0 bytes)"));
  EXPECT_THAT(server_->err(), Not(HasSubstr("secret")));
}

TEST_F(Curl, PrintsNothingWithQuiet) {
  start({"--quiet"});
  setup("a");
  verify("a");
  stop();
  EXPECT_EQ(server_->err(), "");
}

TEST(Databankd, PrintsHelpAndVersion) {
  EXPECT_EQ(databankd({"--version"}).status, 0);
  EXPECT_THAT(databankd({"--version"}).out, StartsWith("databankd "));
  const Finished help = databankd({"--help"});
  EXPECT_EQ(help.status, 0);
  EXPECT_THAT(help.out, HasSubstr("--dataset KEY=TOKEN"));
}

TEST(Databankd, RejectsInvalidArguments) {
  const TempDir store;
  const std::string path = store.path().string();
  for (const Arguments& wrong :
       std::vector<Arguments>{{},
                              {"--dataset", "a=b"},
                              {"--store", path, "--dataset", "nothing"},
                              {"--store", path, "--dataset", "a/b=token"},
                              {"--store", path, "--dataset", "a="},
                              {"--store", path, "--dataset", "a=@" + path + "/none"},
                              {"--store", path, "--dataset", "a=b", "--dataset", "a=c"},
                              {"--store", path, "--published", "a b"},
                              {"--store", path, "--token-lifetime", "-1"},
                              {"--store", path, "--think", "200"},
                              {"--store", path, "--think", ""},
                              {"--store", path, "--listen", "nonsense"},
                              {"--store", path, "--listen", "127.0.0.1:70000"},
                              {"--store", path, "--listen", "::1:3000"},
                              {"--store", path, "--quiet", "--verbose"},
                              {"--store", path, "--unknown"}}) {
    const Finished finished = databankd(wrong);
    EXPECT_EQ(finished.status, 2) << testing::PrintToString(wrong);
    EXPECT_NE(finished.err, "");
    EXPECT_EQ(finished.out, "");
  }
}

TEST_F(Curl, ReportsUnavailableResources) {
  start();
  const TempDir other;
  const Finished port = databankd(
      {"--store", other.path().string(), "--listen", root_.substr(std::string("http://").size())});
  EXPECT_EQ(port.status, 1);
  EXPECT_THAT(port.err, HasSubstr("Address already in use"));
  const Finished store = databankd({"--store", store_.path().string(), "--listen", "127.0.0.1:0"});
  EXPECT_EQ(store.status, 1);
  EXPECT_THAT(store.err, HasSubstr("another databankd uses this store"));
  test::write_file(other / "file", "");
  const Finished file =
      databankd({"--store", (other / "file").string(), "--listen", "127.0.0.1:0"});
  EXPECT_EQ(file.status, 1);
  EXPECT_THAT(file.err, HasSubstr("cannot use"));
}

}  // namespace
}  // namespace sluice::curl_test
