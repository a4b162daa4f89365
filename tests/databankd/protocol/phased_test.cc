// Every response of the phased protocol (protocol section 1), without a socket; transfers are in
// transfer_test.cc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/databankd/protocol/phased_fixture.h"
#include "tests/support/temp_dir.h"

namespace sluice::databankd::phased_test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* bad_request = R"({"status":400,"error":"Bad Request"})";

INSTANTIATE_TEST_SUITE_P(, Phased, testing::Bool(),
                         [](const auto& param) { return param.param ? "discarding" : "storing"; });

TEST_P(Phased, AcceptsFileInChunks) {
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

TEST_P(Phased, WritesDocumentedLine) {
  setup("a");
  verify("a");
  EXPECT_EQ(test::read_file(store_ / "registered.jsonl"),
            R"({"dataset":"TESTIDB-1234567","name":"a","size":0,)"
            R"("xxh128":"99aa06d3014798d86001c324468d497f"})"
            "\n");
}

TEST_P(Phased, AcceptsEmptyFileWithoutTransfer) {
  setup("empty", "0");
  EXPECT_EQ(verify("empty").status, 200U);
  EXPECT_EQ(registered().at(0)["size"], 0);
  EXPECT_EQ(fs::exists(store_ / key / "empty"), !GetParam());
}

// --- who may

TEST_P(Phased, AcceptsOnlyDrafts) {
  for (const char* dataset : {"TESTIDB-9", "", "..", "TESTIDB-3"})
    expect(call({{"phase", "verify"}, {"filename", "a"}}, authorization, dataset), 404,
           "Dataset Not Found");
}

TEST_P(Phased, RequiresToken) {
  const std::vector<Part> parts = {{"phase", "verify"}, {"filename", "a"}};
  expect(call(parts, std::nullopt), 401, "HTTP Token: Access denied.\n");
  expect(call(parts, "Basic dTpw"), 401, "HTTP Token: Access denied.\n");
  expect(call(parts, "Token token=wrong"), 500,
         R"({"status":500,"error":"Internal Server Error"})");
  // The token of another dataset.
  expect(call(parts, "Token token=other"), 500,
         R"({"status":500,"error":"Internal Server Error"})");
  EXPECT_THAT(call(parts, "Token token=\"secret\"").body, StartsWith("No such file"));
}

TEST_P(Phased, ReadsNewTokenFromFile) {
  setup("a");
  test::write_file(files_ / "token", "new\n");
  expect(call({{"phase", "setup"}, {"filename", "a"}}, "Token token=new"), 500,
         "missing paramter: filesize\n");
  expect(setup("a"), 500, R"({"status":500,"error":"Internal Server Error"})");
}

TEST_P(Phased, RefusalAtChunkIsFinal) {
  setup("a");
  PhasedCall transfer(*bank_, key, "Token token=new");
  for (const Part& part : {Part{"phase", "transfer"}, Part{"filename", "a"},
                           Part{"previous_size", "0"}, Part{"bytechunk", "abc", true}})
    add(transfer, part);
  test::write_file(files_ / "token", "new\n");
  expect(transfer.finish("http://localhost:3000"), 500,
         R"({"status":500,"error":"Internal Server Error"})");
}

TEST_P(Phased, RejectsExpiredToken) {
  lifetime_ = std::chrono::seconds(0);
  open();
  expect(setup("a"), 500, R"({"status":500,"error":"Internal Server Error"})");
}

TEST_P(Phased, AppendsNothingWithWrongToken) {
  setup("a");
  call({{"phase", "transfer"},
        {"filename", "a"},
        {"previous_size", "0"},
        {"bytechunk", "abc", true}},
       "Token token=wrong");
  expect_unexpected(transfer("a", "-1", "x"), 0, "-1");
}

// --- requests that are none

TEST_P(Phased, RequiresPhaseAndFilename) {
  expect(call({}), 500, "invalid request");
  expect(call({{"filename", "a"}}), 500, "invalid request");
  expect(call({{"phase", "setup"}}), 400, "missing paramter: filename");
  expect(call({{"phase", "finish"}, {"filename", "a"}}), 400, "invalid phase parameter: finish");
  expect(call({{"phase", ""}, {"filename", "a"}}), 400, "invalid phase parameter: ");
}

TEST_P(Phased, UsesLastOfRepeatedFields) {
  expect(call({{"phase", "verify"},
               {"phase", "setup"},
               {"filename", "b"},
               {"filename", "a"},
               {"filesize", "1"}}),
         200, "successfully set up a");
}

TEST_P(Phased, RejectsInvalidForms) {
  expect(setup("caf\xe9"), 400, bad_request);  // Latin-1
  expect(setup(std::string(100000, 'a')), 400, bad_request);
  PhasedCall call(*bank_, key, authorization);
  add(call, {"phase", "setup"});
  add(call, {"filename", "a"});
  add(call, {"filesize", "1"});
  call.mark_malformed();
  expect(call.finish("http://localhost:3000"), 400, bad_request);
}

// --- setup

TEST_P(Phased, SetupWithoutSizeChecksName) {
  setup("a");
  transfer("a", "0", "abc");
  const std::vector<Part> ask = {{"phase", "setup"}, {"filename", "a"}};
  expect(call(ask), 500, "missing paramter: filesize\n");
  expect_unexpected(transfer("a", "-1", "x"), 3, "-1");
  verify("a");
  expect(call(ask), 500, "File with the name a already exists in this dataset.\n");
  expect(setup("a"), 500, "File with the name a already exists in this dataset.\n");
}

TEST_P(Phased, SetupClearsStagingArea) {
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

TEST_P(Phased, SetupKeepsOtherDatasets) {
  setup("a");
  transfer("a", "0", "abc");
  expect(call({{"phase", "setup"}, {"filename", "a"}, {"filesize", "1"}}, "Token token=other",
              "TESTIDB-2"),
         200, "successfully set up a");
  expect_unexpected(transfer("a", "-1", "x"), 3, "-1");
}

TEST_P(Phased, SetupChecksMaximumSize) {
  expect(setup("a", "2199023255552"), 200, "successfully set up a");
  expect(setup("a", "2199023255553"), 500, "File too large. Max file size: 2TB.\n");
  expect(setup("a", "99999999999999999999999"), 500, "File too large. Max file size: 2TB.\n");
  // The staged file is unchanged.
  expect_unexpected(transfer("a", "-1", "x"), 0, "-1");
}

TEST_P(Phased, SetupRejectsNamesWithSlash) {
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

TEST_P(Phased, AcceptsAnyOtherName) {
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

// --- verify

TEST_P(Phased, VerifyRequiresSetup) {
  expect(verify("a"), 500,
         "No such file or directory @ rb_file_s_size - /datafiles/api/TESTIDB-1234567/a\n");
  setup("b");
  EXPECT_EQ(verify("a").status, 500U);
  EXPECT_TRUE(registered().empty());
}

TEST_P(Phased, VerifyRegistersIncompleteFile) {
  setup("a", "1000");
  transfer("a", "0", "abc");
  EXPECT_EQ(verify("a").status, 200U);
  EXPECT_EQ(registered().at(0)["size"], 3);
}

TEST_P(Phased, RepeatedVerifyRegistersTwice) {
  setup("a");
  transfer("a", "0", "abc");
  EXPECT_EQ(verify("a").status, 200U);
  EXPECT_EQ(verify("a").status, 200U);
  ASSERT_EQ(registered().size(), 2U);
  EXPECT_EQ(registered().at(0), registered().at(1));
}

TEST_P(Phased, LaterAppendDoesNotChangeRegisteredFile) {
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

TEST_P(Phased, RestartKeepsRegisteredFiles) {
  setup("a");
  verify("a");
  open();
  expect(setup("a"), 500, "File with the name a already exists in this dataset.\n");
  EXPECT_EQ(setup("b").status, 200U);
}

TEST_P(Phased, RestartKeepsStagedFile) {
  setup("a");
  transfer("a", "0", "abc");
  open();
  if (GetParam()) {  // a discarding server keeps no staged file
    EXPECT_THAT(transfer("a", "3", "def").body, StartsWith("No such file"));
    return;
  }
  expect_unexpected(transfer("a", "-1", "x"), 3, "-1");
  expect(transfer("a", "3", "def"), 200, "successfully added chunk to a");
  verify("a");
  EXPECT_EQ(registered().at(0)["xxh128"], xxh128("abcdef"));
  EXPECT_EQ(stored("a"), "abcdef");
}

TEST_P(Phased, RestartSkipsIncompleteLine) {
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

TEST_P(Storing, TransferChecksMaximumSize) {
  setup("a");
  const fs::path staged = store_ / ".staging/TESTIDB-1234567/a";
  fs::resize_file(staged, 2199023255552);  // a hole
  const json object = json::parse(transfer("a", "2199023255552", "x").body);
  EXPECT_EQ(object["error"], "File too large. Max file size: 2TB.\n");
  EXPECT_EQ(object["progress"], 2199023255552);
  fs::resize_file(staged, 2199023255551);
  expect(transfer("a", "2199023255551", "x"), 200, "successfully added chunk to a");
}

TEST_P(Storing, NoticesDeletedStagedFile) {
  setup("a");
  transfer("a", "0", "abc");
  fs::remove(store_ / ".staging/TESTIDB-1234567/a");
  EXPECT_THAT(transfer("a", "3", "x").body, StartsWith("No such file"));
  EXPECT_THAT(verify("a").body, StartsWith("No such file"));
}

TEST_P(Storing, DoesNotFollowLinks) {
  const TempDir outside;
  test::write_file(outside / "precious", "abc");
  fs::create_directories(store_ / ".staging/TESTIDB-1234567");
  fs::create_symlink(outside / "precious", store_ / ".staging/TESTIDB-1234567/a");
  EXPECT_THAT(transfer("a", "3", "def").body, StartsWith("No such file"));
  EXPECT_EQ(test::read_file(outside / "precious"), "abc");
}

TEST_P(Storing, ReportsDiskErrors) {
  setup("a");
  transfer("a", "0", "abc");
  fs::remove_all(store_ / ".staging/TESTIDB-1234567");
  test::write_file(store_ / ".staging/TESTIDB-1234567", "no directory");
  fs::permissions(store_ / ".staging", fs::perms::owner_read | fs::perms::owner_exec);
  // Root can write anyway; then this is an ordinary setup.
  const Answer answer = setup("b");
  fs::permissions(store_ / ".staging", fs::perms::owner_all);
  if (answer.status != 200) {
    EXPECT_THAT(answer.body, StartsWith("Permission denied @ dir_s_mkdir"));
  }
}

// --- to_i

TEST(ToI, ParsesLikeRuby) {
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

}  // namespace
}  // namespace sluice::databankd::phased_test
