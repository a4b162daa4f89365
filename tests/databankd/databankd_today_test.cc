// Today's server at the datasets' endpoint: registration of uploads, and binary uploads. Also the
// choice of protocols.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/databankd/databankd_tus_fixture.h"

namespace sluice::today_test {
namespace {

using nlohmann::json;
using test::Arguments;
using test::Finished;
using test::header;
using test::HttpReply;
using test::Process;
using test::Reply;
using test::Tus;
using test::xxh128;
using test::operator+;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

constexpr std::size_t mib = std::size_t{1} << 20;
constexpr const char* invalid_request = "invalid request";
constexpr const char* denied = "HTTP Token: Access denied.\n";

/// The parameter: whether the server discards the bytes.
class TodaysServer : public test::Tus, public testing::WithParamInterface<bool> {
 protected:
  TodaysServer() { discards_ = GetParam(); }

  Reply deposit(const std::string& name, const std::filesystem::path& file,
                const Arguments& more = {}) const {
    return call(Arguments{"-F", "binary=@" + file.string() + ";filename=" + name} + more);
  }
  std::string success(const std::string& name) const {
    return "successfully uploaded " + name + "\nsee in dataset at " + root_ + "/datasets/IDB-1 \n";
  }
};

INSTANTIATE_TEST_SUITE_P(, TodaysServer, testing::Bool(),
                         [](const auto& param) { return param.param ? "discarding" : "storing"; });

// --- register

TEST_P(TodaysServer, RegistersAnUpload) {
  start_tus();
  const std::string upload = create("3");
  patch(upload, 0, "abc");
  const HttpReply reply = register_upload("a", root_ + upload);
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, success("a"));
  EXPECT_THAT(reply.header("content-type"), StartsWith("application/json"));
  EXPECT_EQ(registered(),
            std::vector<json>(
                {{{"dataset", "IDB-1"}, {"name", "a"}, {"size", 3}, {"xxh128", xxh128("abc")}}}));
  stop();
  EXPECT_THAT(server_->err(),
              HasSubstr("registered \"a\" in IDB-1, 3 bytes, xxh128 " + xxh128("abc") + "\n"));
}

TEST_P(TodaysServer, RegistersByMultipartForm) {
  start_tus();
  const std::string upload = create("3");
  patch(upload, 0, "abc");
  const Reply reply = call({"-F", "filename=\xC3\xA4 b", "-F", "tus_url=" + root_ + upload, "-F",
                            "size=3", "-F", "dataset_key=IDB-1"});
  EXPECT_EQ(reply.body, success("\xC3\xA4 b"));
  EXPECT_THAT(registered(), SizeIs(1));
}

TEST_P(TodaysServer, RegistersTwice) {
  start_tus();
  const std::string upload = create("6");
  patch(upload, 0, "abc");
  EXPECT_EQ(register_upload("a", upload).status, 200);
  EXPECT_EQ(register_upload("a", upload).status, 200);
  // The upload was unfinished; later bytes are not in the dataset.
  EXPECT_EQ(patch(upload, 3, "def").status, 204);
  if (!discards_) {
    EXPECT_EQ(stored("a"), "abc");
  }
  EXPECT_EQ(register_upload("a", upload).status, 200);
  EXPECT_EQ(register_upload("b", upload).status, 200);
  if (!discards_) {
    EXPECT_EQ(stored("a"), "abcdef");
  }
  const auto lines = registered();
  ASSERT_THAT(lines, SizeIs(4));
  EXPECT_EQ(lines[0]["xxh128"], xxh128("abc"));
  EXPECT_EQ(lines[1], lines[0]);
  EXPECT_EQ(lines[2]["xxh128"], xxh128("abcdef"));
}

TEST_P(TodaysServer, RegistersUnfinishedUpload) {
  start_tus();
  const std::string upload = create("6");
  const UniqueFd open = patch_partly(upload, 0, "abc", 3);
  wait_for_offset(upload, 3);
  EXPECT_EQ(register_upload("a", upload).status, 200);
  EXPECT_EQ(registered().at(0)["size"], 3);
  send(open, "def");
  EXPECT_THAT(receive_until(open, ""), StartsWith("HTTP/1.1 204 "));
  if (!discards_) {
    EXPECT_EQ(registered().at(0)["xxh128"], xxh128("abc"));
    EXPECT_EQ(stored("a"), "abc");
  }
}

TEST_P(TodaysServer, RejectsRegistrationOfMissingUpload) {
  start_tus();
  const HttpReply reply = register_upload("a", "http://elsewhere/files/0123");
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(reply.body, "Invalid TUS upload reference\n");
  EXPECT_EQ(register_upload("", create("0")).status, 500);
  EXPECT_EQ(register_upload("a/b", create("0")).status, 500);
  EXPECT_EQ(register_upload("%ff", create("0")).status, 400);
  EXPECT_THAT(registered(), IsEmpty());
}

// --- the one-shot form

TEST_P(TodaysServer, AcceptsBinaryUpload) {
  start_tus();
  const std::string content = test::random_bytes(5 * mib + 1, 1);
  const Reply reply = deposit("a b", chunk_file(content));
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, success("a b"));
  EXPECT_THAT(reply.content_type, StartsWith("application/json"));
  const auto lines = registered();
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_EQ(lines[0]["size"], content.size());
  EXPECT_EQ(lines[0]["xxh128"], xxh128(content));
  if (!discards_) {
    EXPECT_TRUE(stored("a b") == content);
  }
}

TEST_P(TodaysServer, AcceptsEmptyBinaryUpload) {
  start_tus();
  EXPECT_EQ(deposit("a", chunk_file("")).body, success("a"));
  EXPECT_EQ(registered().at(0)["xxh128"], xxh128(""));
  EXPECT_EQ(std::filesystem::exists(store_ / "IDB-1" / "a"), !discards_);
}

TEST_P(TodaysServer, AcceptsTakenName) {
  start_tus();
  EXPECT_EQ(deposit("a", chunk_file("abc")).status, 200);
  EXPECT_EQ(deposit("a", chunk_file("de")).status, 200);
  EXPECT_THAT(registered(), SizeIs(2));
  if (!discards_) {
    EXPECT_EQ(stored("a"), "de");
  }
}

TEST_P(TodaysServer, RejectsInvalidName) {
  start_tus();
  EXPECT_EQ(deposit("a/b", chunk_file("abc")).status, 500);
  EXPECT_EQ(deposit("..", chunk_file("abc")).status, 500);
  // A field without a filename is not a file.
  EXPECT_EQ(call({"-F", "binary=abc"}).body, invalid_request);
  EXPECT_THAT(registered(), IsEmpty());
}

TEST_P(TodaysServer, IncompleteBodyLeavesNothing) {
  start_tus();
  const std::string body =
      "--limit\r\nContent-Disposition: form-data; name=\"binary\"; filename=\"a\"\r\n\r\nabc\r\n";
  for (const char* end : {"", "--limit"}) {
    const UniqueFd fd = connect();
    send(fd, bytes_of("POST", "/api/dataset/IDB-1/datafile",
                      {{"Content-Type", "multipart/form-data; boundary=limit"}}, body + end));
    EXPECT_THAT(receive_until(fd, ""), StartsWith("HTTP/1.1 400 "));
  }
  EXPECT_THAT(registered(), IsEmpty());
  EXPECT_FALSE(std::filesystem::exists(store_ / "IDB-1" / "a"));
}

// --- who may, and what is spoken

TEST_P(TodaysServer, RejectsWrongTokens) {
  start_tus({"--dataset", "IDB-2=other"});
  const std::string upload = create("0");
  const auto with = [&](const char* authorization, const Arguments& form) {
    return curl(Arguments{"-H", authorization} + form + Arguments{endpoint()});
  };
  const Arguments enlisting = {"-F", "filename=a", "-F", "tus_url=" + upload};
  const Arguments depositing = {"-F", "binary=@" + chunk_file("abc").string()};
  for (const char* authorization :
       {"Authorization:", "Authorization: Token token=other", "Authorization: Bearer secret"}) {
    for (const Arguments& form : {enlisting, depositing}) {
      EXPECT_EQ(with(authorization, form).status, 401) << authorization;
      EXPECT_EQ(with(authorization, form).body, denied);
    }
  }
  const Arguments elsewhere = {root_ + "/api/dataset/IDB-9/datafile"};
  EXPECT_EQ(curl(Arguments{"-H", header} + depositing + elsewhere).body, "Dataset Not Found");
  EXPECT_THAT(registered(), IsEmpty());
}

TEST_P(TodaysServer, PhasedFailsWith500ForWrongToken) {
  start_tus();
  const Reply reply = curl({"-H", "Authorization: Token token=wrong", "-F", "phase=setup", "-F",
                            "filename=a", endpoint()});
  EXPECT_EQ(reply.status, 500);
}

TEST_P(TodaysServer, RejectsPhasedWithoutPhased) {
  start_tus({"--protocols", "tus,binary"});
  for (const Reply& reply : {setup("a"), transfer("a", 0, chunk_file("abc")), verify("a")}) {
    EXPECT_EQ(reply.status, 500);
    EXPECT_EQ(reply.body, invalid_request);
  }
  const Reply reply = curl({"-H", "Authorization: Token token=wrong", "-F", "phase=setup", "-F",
                            "filename=a", endpoint()});
  EXPECT_EQ(reply.status, 401);
  EXPECT_EQ(reply.body, denied);
  EXPECT_EQ(deposit("a", chunk_file("abc")).status, 200);
  EXPECT_EQ(request("OPTIONS", "/files/").status, 204);
}

TEST_P(TodaysServer, RejectsTusWithoutTus) {
  start_tus({"--protocols", "phased,binary"});
  for (const char* path : {"/files", "/files/", "/files/0123"})
    EXPECT_EQ(request("OPTIONS", path).status, 404);
  EXPECT_EQ(register_upload("a", "/files/0123").body, invalid_request);
  EXPECT_EQ(setup("a").status, 200);
  EXPECT_EQ(deposit("b", chunk_file("abc")).status, 200);
}

TEST_P(TodaysServer, RejectsBinaryWithoutBinary) {
  start_tus({"--protocols", "phased"});
  EXPECT_EQ(deposit("b", chunk_file("abc")).body, invalid_request);
  EXPECT_EQ(setup("a").status, 200);
  EXPECT_THAT(registered(), IsEmpty());
}

TEST_F(Tus, RejectsInvalidOptions) {
  const std::vector<std::pair<Arguments, std::string>> wrong = {
      {{"--protocols", ""}, "--protocols: the value is empty"},
      {{"--protocols=", "tus"}, "--protocols: the value is empty"},
      {{"--protocols", "phased,"}, "--protocols: invalid value 'phased,'"},
      {{"--protocols", "ftp"}, "--protocols: invalid value 'ftp'; give one or more of phased"},
      {{"--tus-extensions", "creation,"},
       "--tus-extensions: invalid value 'creation,'; give none, or"},
      {{"--tus-max-size", "x"}, "--tus-max-size: invalid value 'x'; give a size"},
      {{"--part-min", "-1"}, "--part-min: invalid value '-1'; give a size"},
      {{"--threads", "-1"}, "--threads"},
      {{"--join-time", "2"}, "--join-time: invalid value '2'; give a time of up to a day"},
      {{"--thread-wait", "2"}, "--thread-wait: invalid value '2'; give a time of up to a day"},
      {{"--tus-expires", "1001d"},
       "--tus-expires: invalid value '1001d'; give a time of up to 1000 days"},
      {{"--location", "here"}, "--location: invalid value 'here'; give absolute, http, relative"},
  };
  for (const auto& [arguments, message] : wrong) {
    Process::Options options;
    options.argv = databankd_argv(arguments);
    const Finished finished = test::run(options);
    EXPECT_EQ(finished.status, 2) << message;
    EXPECT_THAT(finished.err, HasSubstr(message));
  }
}

}  // namespace
}  // namespace sluice::today_test
