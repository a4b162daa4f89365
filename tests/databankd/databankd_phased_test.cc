// Every answer of the phased protocol (protocol section 1), without a socket.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/temp_dir.h"
#include "tools/databankd/data_bank.h"
#include "tools/databankd/digest.h"
#include "tools/databankd/phased.h"

namespace sluice::databankd {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::TempDir;
using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* key = "TESTIDB-1234567";
constexpr const char* authorization = "Token token=secret";
constexpr const char* bad_request = R"({"status":400,"error":"Bad Request"})";

struct Part {
  std::string name;
  std::string value;
  bool is_file = false;
};

std::string xxh128(const std::string& bytes) {
  Digest digest;
  digest.update(std::as_bytes(std::span(bytes)));
  return digest.hex();
}

void add(PhasedCall& call, const Part& part) {
  // In two pieces, as the network may have it.
  const std::size_t half = part.value.size() / 2;
  call.field(part.name, std::string_view(part.value).substr(0, half), 0, part.is_file);
  if (half < part.value.size())
    call.field(part.name, std::string_view(part.value).substr(half), half, part.is_file);
}

class Phased : public testing::TestWithParam<bool> {
 protected:
  Phased() { open(); }

  void open() {
    bank_.reset();
    DataBank::Options options;
    options.store = store_.path();
    options.tokens = {{key, "secret"}, {"TESTIDB-2", "other"}};
    options.published = {"TESTIDB-3"};
    options.token_lifetime = lifetime_;
    options.token_files = {{key, files_ / "token"}};
    options.discard = GetParam();
    auto bank = DataBank::open(options);
    ASSERT_TRUE(bank) << bank.error().message;
    bank_ = *std::move(bank);
  }

  Answer call(const std::vector<Part>& parts,
              std::optional<std::string_view> header = authorization,
              std::string_view dataset = key) {
    PhasedCall call(*bank_, dataset, header);
    for (const Part& part : parts) add(call, part);
    return call.finish("http://localhost:3000");
  }

  Answer setup(const std::string& name, const std::string& size = "100") {
    return call({{"phase", "setup"}, {"filename", name}, {"filesize", size}});
  }
  Answer transfer(const std::string& name, const std::string& previous_size,
                  const std::string& chunk) {
    return call({{"phase", "transfer"},
                 {"filename", name},
                 {"previous_size", previous_size},
                 {"bytechunk", chunk, true}});
  }
  Answer verify(const std::string& name) { return call({{"phase", "verify"}, {"filename", name}}); }

  void expect(const Answer& answer, unsigned status, const std::string& body) {
    EXPECT_EQ(answer.status, status);
    EXPECT_EQ(answer.body, body);
  }
  void expect_unexpected(const Answer& answer, std::uint64_t expected,
                         const std::string& received) {
    expect(answer, 200,
           R"({"error":"Unexpected previous_size value.  Expected: )" + std::to_string(expected) +
               ", Recieved: " + received + R"(\n","progress":)" + std::to_string(expected) +
               R"(,"status":500})");
  }

  std::vector<json> registered() {
    std::vector<json> lines;
    std::string text = test::read_file(store_ / "registered.jsonl");
    for (std::size_t end; (end = text.find('\n')) != std::string::npos; text.erase(0, end + 1))
      lines.push_back(json::parse(text.substr(0, end)));
    EXPECT_EQ(text, "");
    return lines;
  }
  std::string stored(const std::string& name) { return test::read_file(store_ / key / name); }

  const TempDir store_;
  const TempDir files_;
  std::chrono::seconds lifetime_ = std::chrono::hours(72);
  std::unique_ptr<DataBank> bank_;
};

INSTANTIATE_TEST_SUITE_P(, Phased, testing::Bool(),
                         [](const auto& param) { return param.param ? "discarding" : "storing"; });

TEST_P(Phased, TakesAFileInChunks) {
  expect(setup("a.txt", "6"), 200, "successfully set up a.txt");
  expect(transfer("a.txt", "0", "abc"), 200, "successfully added chunk to a.txt");
  expect(transfer("a.txt", "3", "def"), 200, "successfully added chunk to a.txt");
  expect(verify("a.txt"), 200,
         "a.txt successfully uploaded.  Refresh dataset page to see newly uploaded file. "
         "http://localhost:3000/datasets/TESTIDB-1234567/edit");
  EXPECT_THAT(registered(),
              testing::ElementsAre(json{
                  {"dataset", key}, {"name", "a.txt"}, {"size", 6}, {"xxh128", xxh128("abcdef")}}));
  if (!GetParam()) {
    EXPECT_EQ(stored("a.txt"), "abcdef");
  }
}

TEST_P(Phased, WritesTheLineAsItIsDocumented) {
  setup("a");
  verify("a");
  EXPECT_EQ(test::read_file(store_ / "registered.jsonl"),
            R"({"dataset":"TESTIDB-1234567","name":"a","size":0,)"
            R"("xxh128":"99aa06d3014798d86001c324468d497f"})"
            "\n");
}

TEST_P(Phased, TakesAnEmptyFileWithoutATransfer) {
  setup("empty", "0");
  EXPECT_EQ(verify("empty").status, 200U);
  EXPECT_EQ(registered().at(0)["size"], 0);
  EXPECT_EQ(fs::exists(store_ / key / "empty"), !GetParam());
}

// --- who may

TEST_P(Phased, KnowsOnlyItsDrafts) {
  for (const char* dataset : {"TESTIDB-9", "", "..", "TESTIDB-3"})
    expect(call({{"phase", "verify"}, {"filename", "a"}}, authorization, dataset), 404,
           "Dataset Not Found");
}

TEST_P(Phased, WantsAToken) {
  const std::vector<Part> parts = {{"phase", "verify"}, {"filename", "a"}};
  expect(call(parts, std::nullopt), 401, "HTTP Token: Access denied.\n");
  expect(call(parts, "Basic dTpw"), 401, "HTTP Token: Access denied.\n");
  expect(call(parts, "Token token=wrong"), 500,
         R"({"status":500,"error":"Internal Server Error"})");
  // Another dataset's token.
  expect(call(parts, "Token token=other"), 500,
         R"({"status":500,"error":"Internal Server Error"})");
  EXPECT_THAT(call(parts, "Token token=\"secret\"").body, StartsWith("No such file"));
}

TEST_P(Phased, TakesANewTokenFromItsFile) {
  setup("a");
  test::write_file(files_ / "token", "new\n");
  expect(call({{"phase", "setup"}, {"filename", "a"}}, "Token token=new"), 500,
         "missing paramter: filesize\n");
  expect(setup("a"), 500, R"({"status":500,"error":"Internal Server Error"})");
}

TEST_P(Phased, RefusesACallThatWasRefusedWhenItsChunkCame) {
  setup("a");
  PhasedCall transfer(*bank_, key, "Token token=new");
  for (const Part& part : {Part{"phase", "transfer"}, Part{"filename", "a"},
                           Part{"previous_size", "0"}, Part{"bytechunk", "abc", true}})
    add(transfer, part);
  test::write_file(files_ / "token", "new\n");
  expect(transfer.finish("http://localhost:3000"), 500,
         R"({"status":500,"error":"Internal Server Error"})");
}

TEST_P(Phased, RefusesAnExpiredToken) {
  lifetime_ = std::chrono::seconds(0);
  open();
  expect(setup("a"), 500, R"({"status":500,"error":"Internal Server Error"})");
}

TEST_P(Phased, AppendsNothingForAWrongToken) {
  setup("a");
  call({{"phase", "transfer"},
        {"filename", "a"},
        {"previous_size", "0"},
        {"bytechunk", "abc", true}},
       "Token token=wrong");
  expect_unexpected(transfer("a", "-1", "x"), 0, "-1");
}

// --- requests that are none

TEST_P(Phased, WantsAPhaseAndAFilename) {
  expect(call({}), 500, "invalid request");
  expect(call({{"filename", "a"}}), 500, "invalid request");
  expect(call({{"phase", "setup"}}), 400, "missing paramter: filename");
  expect(call({{"phase", "finish"}, {"filename", "a"}}), 400, "invalid phase parameter: finish");
  expect(call({{"phase", ""}, {"filename", "a"}}), 400, "invalid phase parameter: ");
}

TEST_P(Phased, TakesAFieldAsItCameLast) {
  expect(call({{"phase", "verify"},
               {"phase", "setup"},
               {"filename", "b"},
               {"filename", "a"},
               {"filesize", "1"}}),
         200, "successfully set up a");
}

TEST_P(Phased, RefusesWhatItCannotRead) {
  expect(setup("caf\xe9"), 400, bad_request);  // Latin-1
  expect(setup(std::string(100000, 'a')), 400, bad_request);
  PhasedCall call(*bank_, key, authorization);
  add(call, {"phase", "setup"});
  add(call, {"filename", "a"});
  add(call, {"filesize", "1"});
  call.malformed();
  expect(call.finish("http://localhost:3000"), 400, bad_request);
}

// --- setup

TEST_P(Phased, SetupWithoutASizeOnlyTellsWhetherTheNameIsTaken) {
  setup("a");
  transfer("a", "0", "abc");
  const std::vector<Part> ask = {{"phase", "setup"}, {"filename", "a"}};
  expect(call(ask), 500, "missing paramter: filesize\n");
  expect_unexpected(transfer("a", "-1", "x"), 3, "-1");
  verify("a");
  expect(call(ask), 500, "File with the name a already exists in this dataset.\n");
  expect(setup("a"), 500, "File with the name a already exists in this dataset.\n");
}

TEST_P(Phased, SetupClearsTheStagingArea) {
  setup("a");
  transfer("a", "0", "abc");
  setup("b");
  EXPECT_THAT(transfer("a", "3", "d").body, StartsWith("No such file"));
  expect_unexpected(transfer("b", "-1", "x"), 0, "-1");
  setup("b");
  transfer("b", "0", "xyz");
  setup("b");
  expect_unexpected(transfer("b", "3", "x"), 0, "3");
}

TEST_P(Phased, SetupLeavesOtherDatasetsAlone) {
  setup("a");
  transfer("a", "0", "abc");
  expect(call({{"phase", "setup"}, {"filename", "a"}, {"filesize", "1"}}, "Token token=other",
              "TESTIDB-2"),
         200, "successfully set up a");
  expect_unexpected(transfer("a", "-1", "x"), 3, "-1");
}

TEST_P(Phased, SetupKnowsTheLargestFile) {
  expect(setup("a", "2199023255552"), 200, "successfully set up a");
  expect(setup("a", "2199023255553"), 500, "File too large. Max file size: 2TB.\n");
  expect(setup("a", "99999999999999999999999"), 500, "File too large. Max file size: 2TB.\n");
  // It did not touch what is staged.
  expect_unexpected(transfer("a", "-1", "x"), 0, "-1");
}

TEST_P(Phased, SetupRefusesNamesThatAreNoBaseNames) {
  setup("a");
  for (const std::string name : {"../a", "b/c", "/etc/passwd", "..", ".", ""}) {
    const Answer answer = setup(name, "1");
    EXPECT_EQ(answer.status, 500U) << name;
    EXPECT_THAT(answer.body, HasSubstr("@ rb_sysopen - /datafiles/api/TESTIDB-1234567/")) << name;
    EXPECT_THAT(transfer(name, "0", "x").body, StartsWith("No such file")) << name;
    EXPECT_THAT(verify(name).body, StartsWith("No such file")) << name;
  }
  EXPECT_EQ(setup(std::string("a\0b", 3)).status, 500U);
  expect_unexpected(transfer("a", "-1", "x"), 0, "-1");
}

TEST_P(Phased, TakesAnyOtherName) {
  for (const std::string name :
       {"with space", "quo\"te", "semi;colon", "na\xc3\xafve \xe6\x96\x87", "..a", "-rf",
        "new\nline", "100%", "back\\slash", ".staging", "registered.jsonl"}) {
    expect(setup(name), 200, "successfully set up " + name);
    expect(transfer(name, "0", name), 200, "successfully added chunk to " + name);
    EXPECT_EQ(verify(name).status, 200U);
    EXPECT_EQ(registered().back()["name"], name);
    if (!GetParam()) {
      EXPECT_EQ(stored(name), name);
    }
  }
}

// --- transfer

TEST_P(Phased, TransferComparesBeforeItAppends) {
  setup("a");
  transfer("a", "0", "abc");
  expect_unexpected(transfer("a", "0", "abc"), 3, "0");
  expect_unexpected(transfer("a", "6", "abc"), 3, "6");
  expect_unexpected(transfer("a", "-1", "x"), 3, "-1");
  expect(transfer("a", "3", "def"), 200, "successfully added chunk to a");
  verify("a");
  EXPECT_EQ(registered().at(0)["xxh128"], xxh128("abcdef"));
}

TEST_P(Phased, TransferReadsNumbersAsRubyDoes) {
  setup("a");
  expect(transfer("a", "nonsense", "0123456789ab"), 200, "successfully added chunk to a");
  expect_unexpected(transfer("a", "nonsense", "x"), 12, "0");
  expect(transfer("a", " 12abc", "x"), 200, "successfully added chunk to a");
}

TEST_P(Phased, TransferTakesItsFieldsInAnyOrder) {
  setup("a");
  expect(call({{"bytechunk", "abc", true},
               {"previous_size", "0"},
               {"filename", "a"},
               {"phase", "transfer"}}),
         200, "successfully added chunk to a");
  expect(call({{"bytechunk", "def", true},
               {"previous_size", "3"},
               {"filename", "a"},
               {"phase", "transfer"}}),
         200, "successfully added chunk to a");
  verify("a");
  EXPECT_EQ(registered().at(0)["xxh128"], xxh128("abcdef"));
}

TEST_P(Phased, TransferWantsItsFields) {
  setup("a");
  transfer("a", "0", "abc");
  expect(call({{"phase", "transfer"}, {"filename", "a"}, {"bytechunk", "x", true}}), 200,
         R"({"error":"missing paramater: previous_size","progress":3,"status":500})");
  expect(call({{"phase", "transfer"}, {"filename", "a"}, {"previous_size", "3"}}), 200,
         R"({"error":"missing bytechunk","progress":3,"status":500})");
}

TEST_P(Phased, TransferRefusesAChunkWithoutAFilename) {
  setup("a");
  const Answer answer = call({{"phase", "transfer"},
                              {"filename", "a"},
                              {"previous_size", "0"},
                              {"bytechunk", "abc", false}});
  EXPECT_EQ(answer.status, 200U);
  const json object = json::parse(answer.body);
  EXPECT_THAT(object["error"], StartsWith("undefined method `read'"));
  EXPECT_EQ(object["progress"], 0);
  EXPECT_EQ(object["status"], 500);
  expect_unexpected(call({{"phase", "transfer"},
                          {"filename", "a"},
                          {"previous_size", "-1"},
                          {"bytechunk", "abc", false}}),
                    0, "-1");
}

TEST_P(Phased, TransferNeedsASetup) {
  expect(transfer("a", "0", "abc"), 500,
         "No such file or directory @ rb_file_s_size - /datafiles/api/TESTIDB-1234567/a\n");
  expect(transfer("a", "-1", "x"), 500,
         "No such file or directory @ rb_file_s_size - /datafiles/api/TESTIDB-1234567/a\n");
}

TEST_P(Phased, TransferTakesAnEmptyChunk) {
  setup("a");
  expect(transfer("a", "0", ""), 200, "successfully added chunk to a");
  expect_unexpected(transfer("a", "-1", ""), 0, "-1");
}

TEST_P(Phased, AnUnfinishedTransferLeavesNoTrace) {
  setup("a");
  transfer("a", "0", "abc");
  {
    PhasedCall call(*bank_, key, authorization);
    add(call, {"phase", "transfer"});
    add(call, {"filename", "a"});
    add(call, {"previous_size", "3"});
    add(call, {"bytechunk", std::string(1 << 20, 'x'), true});
    // Its connection breaks: no finish().
  }
  expect_unexpected(transfer("a", "-1", "x"), 3, "-1");
  transfer("a", "3", "def");
  verify("a");
  EXPECT_EQ(registered().at(0)["xxh128"], xxh128("abcdef"));
}

// A client may send the next chunk's body while the last one is being appended (protocol
// section 1.7).
TEST_P(Phased, AChunkMayArriveBeforeTheOneItFollows) {
  setup("a");
  PhasedCall second(*bank_, key, authorization);
  add(second, {"phase", "transfer"});
  add(second, {"filename", "a"});
  add(second, {"previous_size", "3"});
  second.field("bytechunk", "d", 0, true);
  expect(transfer("a", "0", "abc"), 200, "successfully added chunk to a");
  second.field("bytechunk", "e", 1, true);
  second.field("bytechunk", "f", 2, true);
  expect(second.finish(""), 200, "successfully added chunk to a");

  PhasedCall fourth(*bank_, key, authorization);
  add(fourth, {"phase", "transfer"});
  add(fourth, {"filename", "a"});
  add(fourth, {"previous_size", "9"});
  add(fourth, {"bytechunk", "jkl", true});
  transfer("a", "6", "ghi");
  expect(fourth.finish(""), 200, "successfully added chunk to a");
  verify("a");
  EXPECT_EQ(registered().at(0)["size"], 12);
  EXPECT_EQ(registered().at(0)["xxh128"], xxh128("abcdefghijkl"));
  if (!GetParam()) {
    EXPECT_EQ(stored("a"), "abcdefghijkl");
  }
}

TEST_P(Phased, OfTwoEqualChunksTheFirstToFinishWins) {
  setup("a");
  PhasedCall slow(*bank_, key, authorization);
  add(slow, {"phase", "transfer"});
  add(slow, {"filename", "a"});
  add(slow, {"previous_size", "0"});
  add(slow, {"bytechunk", "slow", true});
  expect(transfer("a", "0", "fast!"), 200, "successfully added chunk to a");
  expect_unexpected(slow.finish(""), 5, "0");
  verify("a");
  EXPECT_EQ(registered().at(0)["xxh128"], xxh128("fast!"));
}

TEST_P(Phased, ASecondSetupDoesNoHarmToAFirstChunkOnItsWay) {
  setup("a");
  PhasedCall call(*bank_, key, authorization);
  add(call, {"phase", "transfer"});
  add(call, {"filename", "a"});
  add(call, {"previous_size", "0"});
  add(call, {"bytechunk", "abc", true});
  setup("a");
  expect(call.finish(""), 200, "successfully added chunk to a");
  verify("a");
  EXPECT_EQ(registered().at(0)["xxh128"], xxh128("abc"));
}

TEST_P(Phased, OfManyThreadsWithTheSamePreviousSizeOneWins) {
  setup("a");
  std::uint64_t size = 0;
  for (int round = 0; round < 20; ++round) {
    std::vector<std::string> bodies(4);
    std::vector<std::thread> threads;
    for (std::string& body : bodies) {
      threads.emplace_back(
          [&, this] { body = transfer("a", std::to_string(size), std::string(1000, 'x')).body; });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(std::count(bodies.begin(), bodies.end(), "successfully added chunk to a"), 1);
    size += 1000;
  }
  verify("a");
  EXPECT_EQ(registered().at(0)["xxh128"], xxh128(std::string(20000, 'x')));
}

// --- verify

TEST_P(Phased, VerifyNeedsASetup) {
  expect(verify("a"), 500,
         "No such file or directory @ rb_file_s_size - /datafiles/api/TESTIDB-1234567/a\n");
  setup("b");
  EXPECT_EQ(verify("a").status, 500U);
  EXPECT_TRUE(registered().empty());
}

TEST_P(Phased, VerifyRegistersWhateverIsThere) {
  setup("a", "1000");
  transfer("a", "0", "abc");
  EXPECT_EQ(verify("a").status, 200U);
  EXPECT_EQ(registered().at(0)["size"], 3);
}

TEST_P(Phased, VerifySentTwiceRegistersTwice) {
  setup("a");
  transfer("a", "0", "abc");
  EXPECT_EQ(verify("a").status, 200U);
  EXPECT_EQ(verify("a").status, 200U);
  ASSERT_EQ(registered().size(), 2U);
  EXPECT_EQ(registered().at(0), registered().at(1));
}

TEST_P(Phased, WhatIsAppendedLaterIsNotInTheRegisteredFile) {
  setup("a");
  transfer("a", "0", "abc");
  verify("a");
  expect(transfer("a", "3", "def"), 200, "successfully added chunk to a");
  if (!GetParam()) {
    EXPECT_EQ(stored("a"), "abc");
  }
  verify("a");
  EXPECT_EQ(registered().at(0)["xxh128"], xxh128("abc"));
  EXPECT_EQ(registered().at(1)["xxh128"], xxh128("abcdef"));
  if (!GetParam()) {
    EXPECT_EQ(stored("a"), "abcdef");
  }
}

// --- restarts

TEST_P(Phased, ARestartKeepsWhatIsRegistered) {
  setup("a");
  verify("a");
  open();
  expect(setup("a"), 500, "File with the name a already exists in this dataset.\n");
  EXPECT_EQ(setup("b").status, 200U);
}

TEST_P(Phased, ARestartKeepsWhatIsStaged) {
  setup("a");
  transfer("a", "0", "abc");
  open();
  if (GetParam()) {  // it has kept nothing that could be staged
    EXPECT_THAT(transfer("a", "3", "def").body, StartsWith("No such file"));
    return;
  }
  expect_unexpected(transfer("a", "-1", "x"), 3, "-1");
  expect(transfer("a", "3", "def"), 200, "successfully added chunk to a");
  verify("a");
  EXPECT_EQ(registered().at(0)["xxh128"], xxh128("abcdef"));
  EXPECT_EQ(stored("a"), "abcdef");
}

TEST_P(Phased, ARestartSkipsALineThatACrashCutShort) {
  setup("a");
  verify("a");
  bank_.reset();
  test::write_file(store_ / "registered.jsonl",
                   test::read_file(store_ / "registered.jsonl") + R"({"dataset":"TEST)");
  open();
  EXPECT_EQ(setup("a").status, 500U);
  setup("b");
  verify("b");
  EXPECT_THAT(test::read_file(store_ / "registered.jsonl"),
              HasSubstr("{\"dataset\":\"TEST\n{\"dataset\":\"TESTIDB-1234567\",\"name\":\"b\""));
}

class Storing : public Phased {};
INSTANTIATE_TEST_SUITE_P(, Storing, testing::Values(false));

TEST_P(Storing, TransferKnowsTheLargestFile) {
  setup("a");
  const fs::path staged = store_ / ".staging/TESTIDB-1234567/a";
  fs::resize_file(staged, 2199023255552);  // all hole
  const json object = json::parse(transfer("a", "2199023255552", "x").body);
  EXPECT_EQ(object["error"], "File too large. Max file size: 2TB.\n");
  EXPECT_EQ(object["progress"], 2199023255552);
  fs::resize_file(staged, 2199023255551);
  expect(transfer("a", "2199023255551", "x"), 200, "successfully added chunk to a");
}

TEST_P(Storing, NoticesThatTheStagedFileIsGone) {
  setup("a");
  transfer("a", "0", "abc");
  fs::remove(store_ / ".staging/TESTIDB-1234567/a");
  EXPECT_THAT(transfer("a", "3", "x").body, StartsWith("No such file"));
  EXPECT_THAT(verify("a").body, StartsWith("No such file"));
}

TEST_P(Storing, DoesNotFollowALinkOutOfTheStore) {
  const TempDir outside;
  test::write_file(outside / "precious", "abc");
  fs::create_directories(store_ / ".staging/TESTIDB-1234567");
  fs::create_symlink(outside / "precious", store_ / ".staging/TESTIDB-1234567/a");
  EXPECT_THAT(transfer("a", "3", "def").body, StartsWith("No such file"));
  EXPECT_EQ(test::read_file(outside / "precious"), "abc");
}

TEST_P(Storing, ReportsADiskThatFails) {
  setup("a");
  transfer("a", "0", "abc");
  fs::remove_all(store_ / ".staging/TESTIDB-1234567");
  test::write_file(store_ / ".staging/TESTIDB-1234567", "no directory");
  fs::permissions(store_ / ".staging", fs::perms::owner_read | fs::perms::owner_exec);
  // Root may write anyway; then this is an ordinary setup.
  const Answer answer = setup("b");
  fs::permissions(store_ / ".staging", fs::perms::owner_all);
  if (answer.status != 200) {
    EXPECT_THAT(answer.body, StartsWith("Permission denied @ dir_s_mkdir"));
  }
}

// --- to_i

TEST(ToI, IsRubys) {
  EXPECT_EQ(to_i("0"), 0);
  EXPECT_EQ(to_i("12"), 12);
  EXPECT_EQ(to_i("12abc"), 12);
  EXPECT_EQ(to_i("abc"), 0);
  EXPECT_EQ(to_i(""), 0);
  EXPECT_EQ(to_i("-1"), -1);
  EXPECT_EQ(to_i("+7"), 7);
  EXPECT_EQ(to_i("--1"), 0);
  EXPECT_EQ(to_i(" \n 5 6"), 5);
  EXPECT_EQ(to_i("1_000"), 1000);
  EXPECT_EQ(to_i("1__0"), 1);
  EXPECT_EQ(to_i("_1"), 0);
  EXPECT_EQ(to_i("0x10"), 0);
  EXPECT_EQ(to_i("3.9"), 3);
  EXPECT_EQ(to_i("9223372036854775807"), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(to_i("9223372036854775808"), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(to_i("99999999999999999999"), std::numeric_limits<std::int64_t>::max());
}

// --- the data bank itself

TEST(DataBank, RefusesKeysAndTokensThatCannotBe) {
  const TempDir store;
  for (const char* wrong : {"", "..", "a/b", "a b", ".staging", "k\xc3\xa9y"}) {
    DataBank::Options options;
    options.store = store.path();
    options.tokens = {{wrong, "token"}};
    const auto bank = DataBank::open(options);
    ASSERT_FALSE(bank) << wrong;
    EXPECT_EQ(bank.error().kind, ErrorKind::usage);
  }
  DataBank::Options options;
  options.store = store.path();
  options.tokens = {{key, ""}};
  EXPECT_FALSE(DataBank::open(options));
}

TEST(DataBank, SharesItsStoreWithNobody) {
  const TempDir store;
  DataBank::Options options;
  options.store = store.path();
  const auto first = DataBank::open(options);
  ASSERT_TRUE(first);
  const auto second = DataBank::open(options);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message, HasSubstr("another databankd"));
}

}  // namespace
}  // namespace sluice::databankd
