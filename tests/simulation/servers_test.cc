// The simulated servers by themselves: they are what the engine is judged by.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/simulation/bank.h"
#include "tests/simulation/form.h"

namespace sluice::sim::servers_test {
namespace {

using testing::HasSubstr;
using Method = sluice::Request::Method;

std::string form(const std::vector<std::pair<std::string, std::string>>& fields) {
  std::string body;
  for (const auto& [name, value] : fields) {
    body += "--B\r\nContent-Disposition: form-data; name=\"" + name + "\"";
    if (name == "bytechunk" || name == "binary") body += "; filename=\"a.bin\"";
    body += "\r\n\r\n" + value + "\r\n";
  }
  return body + "--B--\r\n";
}

class SimulatedServer : public testing::Test {
 protected:
  Answer ask(Server& server, Method method, const std::string& path, const std::string& body = {},
             std::map<std::string, std::string> headers = {}) {
    Head head{
        .method = method, .path = path, .headers = std::move(headers), .body_size = body.size()};
    head.headers.emplace("authorization", "Token token=" + bank_.token);
    const auto call = server.begin(head);
    if (auto refused = call->refusal()) return *std::move(refused);
    if (!body.empty()) call->body(body);
    last_step_ = call->step();
    return call->finish();
  }
  Answer post(Server& server, const std::vector<std::pair<std::string, std::string>>& fields) {
    return ask(server, Method::post, "/api/dataset/" + bank_.dataset + "/datafile", form(fields),
               {{"content-type", "multipart/form-data; boundary=B"}});
  }
  /// Returns the head of a PATCH of the first upload, at offset 0.
  Head patch_of_four_bytes() const {
    return {.method = Method::patch,
            .path = "/files/upload1",
            .headers = {{"tus-resumable", "1.0.0"},
                        {"upload-offset", "0"},
                        {"content-type", "application/offset+octet-stream"},
                        {"authorization", "Token token=" + bank_.token}},
            .body_size = 4};
  }

  Bank bank_;
  Step last_step_ = Step::other;
};

TEST_F(SimulatedServer, ReadsForms) {
  const auto fields =
      parse_form("multipart/form-data; boundary=B", form({{"a", ""}, {"b", "1\r\n2"}}));
  ASSERT_TRUE(fields);
  ASSERT_EQ(fields->size(), 2U);
  EXPECT_EQ((*fields)[0].data, "");
  EXPECT_EQ((*fields)[1].data, "1\r\n2");
  EXPECT_FALSE(parse_form("multipart/form-data; boundary=B", form({{"a", "1"}}).substr(0, 40)));
}

TEST_F(SimulatedServer, AppendsChunksOnlyInOrder) {
  const auto server = make_phased_server(bank_);
  EXPECT_EQ(post(*server, {{"phase", "setup"}, {"filename", "a"}, {"filesize", "4"}}).body,
            "successfully set up a");
  const auto transfer = [&](const std::string& previous, const std::string& bytes) {
    return post(*server, {{"phase", "transfer"},
                          {"filename", "a"},
                          {"previous_size", previous},
                          {"bytechunk", bytes}});
  };
  EXPECT_EQ(transfer("0", "ab").body, "successfully added chunk to a");
  const Answer twice = transfer("0", "ab");
  EXPECT_EQ(twice.status, 200);
  EXPECT_THAT(twice.body, HasSubstr("\"progress\":2"));
  EXPECT_THAT(transfer("-1", "?").body, HasSubstr("\"progress\":2"));
  EXPECT_EQ(last_step_, Step::probe);
  EXPECT_EQ(transfer("2", "cd").status, 200);
  EXPECT_THAT(post(*server, {{"phase", "verify"}, {"filename", "a"}}).body,
              HasSubstr("a successfully uploaded"));
  ASSERT_EQ(bank_.registered.size(), 1U);
  EXPECT_EQ(bank_.registered.front().bytes, "abcd");
  EXPECT_THAT(post(*server, {{"phase", "setup"}, {"filename", "a"}}).body,
              HasSubstr("already exists"));
}

TEST_F(SimulatedServer, RegistersTwiceAfterTwoVerifies) {
  const auto server = make_phased_server(bank_);
  post(*server, {{"phase", "setup"}, {"filename", "a"}, {"filesize", "0"}});
  post(*server, {{"phase", "verify"}, {"filename", "a"}});
  post(*server, {{"phase", "verify"}, {"filename", "a"}});
  EXPECT_EQ(bank_.registered.size(), 2U);
}

TEST_F(SimulatedServer, SetupDeletesStagedBytes) {
  const auto server = make_phased_server(bank_);
  post(*server, {{"phase", "setup"}, {"filename", "a"}, {"filesize", "4"}});
  post(*server, {{"phase", "setup"}, {"filename", "b"}, {"filesize", "4"}});
  EXPECT_THAT(post(*server, {{"phase", "verify"}, {"filename", "a"}}).body,
              HasSubstr("No such file"));
}

TEST_F(SimulatedServer, KeepsTheBytesOfABrokenPatch) {
  bank_.generation = Bank::Generation::tus;
  const auto server = make_tus_server(bank_, {.extensions = {"creation"}});
  const Answer made = ask(*server, Method::post, "/files/", {},
                          {{"tus-resumable", "1.0.0"}, {"upload-length", "4"}});
  ASSERT_EQ(made.status, 201);
  Head head = patch_of_four_bytes();
  {
    const auto call = server->begin(head);
    EXPECT_FALSE(call->refusal());
    EXPECT_EQ(server->begin(head)->refusal()->status, 423);
    call->body("ab");
    call->broken();
  }
  const std::map<std::string, std::string> plain{{"tus-resumable", "1.0.0"}};
  EXPECT_EQ(ask(*server, Method::head, "/files/upload1", {}, plain).header("upload-offset"), "2");
  EXPECT_EQ(server->begin(head)->refusal()->status, 409);
  head.headers["upload-offset"] = "2";
  EXPECT_EQ(server->begin(head)->refusal()->status, 413);
}

TEST_F(SimulatedServer, KeepsAPartOfAPatchAndSaysHowMuch) {
  bank_.generation = Bank::Generation::tus;
  for (const bool keeps : {false, true}) {
    const auto server = make_tus_server(bank_, {.extensions = {"creation"}, .keeps_broken = keeps});
    const std::map<std::string, std::string> plain{{"tus-resumable", "1.0.0"}};
    ask(*server, Method::post, "/files/", {}, {{"tus-resumable", "1.0.0"}, {"upload-length", "4"}});
    const Head head = patch_of_four_bytes();
    const auto call = server->begin(head);
    EXPECT_FALSE(call->refusal());
    call->body("abcd");
    Dice dice(1);
    const std::string kept(call->finish_with_part(dice).header("upload-offset").value_or(""));
    EXPECT_GE(kept, "1");
    EXPECT_LE(kept, "3");
    EXPECT_EQ(ask(*server, Method::head, "/files/upload1", {}, plain).header("upload-offset"),
              kept);
  }
}

TEST_F(SimulatedServer, JoinsPartsOnce) {
  bank_.generation = Bank::Generation::tus;
  const auto server = make_tus_server(bank_, {.extensions = {"creation", "concatenation"}});
  for (const char* id : {"upload1", "upload2"}) {
    ask(*server, Method::post, "/files/", {},
        {{"tus-resumable", "1.0.0"}, {"upload-length", "2"}, {"upload-concat", "partial"}});
    ask(*server, Method::patch, std::string("/files/") + id, id[6] == '1' ? "ab" : "cd",
        {{"tus-resumable", "1.0.0"},
         {"upload-offset", "0"},
         {"content-type", "application/offset+octet-stream"}});
  }
  const auto join = [&](const std::string& urls) {
    return ask(*server, Method::post, "/files/", {},
               {{"tus-resumable", "1.0.0"}, {"upload-concat", "final;" + urls}});
  };
  EXPECT_THAT(join("/files/upload1 /files/upload2").body, HasSubstr("smaller than the minimum"));
  EXPECT_EQ(join("http://bank.sim/files/upload1").status, 201);
  EXPECT_EQ(join("http://bank.sim/files/upload1").status, 400);
  EXPECT_EQ(post(*server, {{"filename", "a"}, {"tus_url", "http://bank.sim/files/upload3"}}).status,
            200);
  EXPECT_EQ(bank_.registered.front().bytes, "ab");
  EXPECT_EQ(post(*server, {{"filename", "a"}, {"tus_url", "/files/upload1"}}).body,
            "Invalid TUS upload reference\n");
  EXPECT_EQ(bank_.misuse, "");
}

TEST_F(SimulatedServer, ReportsSecondJoinDuringFirstAsMisuse) {
  bank_.generation = Bank::Generation::tus;
  const auto server = make_tus_server(bank_, {.extensions = {"creation", "concatenation"}});
  const Head head{.method = Method::post,
                  .path = "/files/",
                  .headers = {{"tus-resumable", "1.0.0"},
                              {"upload-concat", "final;/files/upload1"},
                              {"authorization", "Token token=" + bank_.token}}};
  const auto first = server->begin(head);
  EXPECT_FALSE(first->refusal());
  EXPECT_EQ(bank_.misuse, "");
  EXPECT_FALSE(server->begin(head)->refusal());
  EXPECT_NE(bank_.misuse, "");
  first->finish();
  EXPECT_TRUE(bank_.joining.empty());
}

TEST_F(SimulatedServer, RefusesAChunkWithAWrongChecksum) {
  bank_.generation = Bank::Generation::tus;
  for (const bool keeps : {false, true}) {
    const auto server =
        make_tus_server(bank_, {.extensions = {"creation", "checksum"}, .keeps_broken = keeps});
    const std::map<std::string, std::string> plain{{"tus-resumable", "1.0.0"}};
    ask(*server, Method::post, "/files/", {}, {{"tus-resumable", "1.0.0"}, {"upload-length", "5"}});
    const auto patch = [&](const std::string& bytes) {
      return ask(*server, Method::patch, "/files/upload1", bytes,
                 {{"tus-resumable", "1.0.0"},
                  {"upload-offset", "0"},
                  {"upload-checksum", "sha1 qvTGHdzF6KLavt4PO0gs2a6pQ00="},  // of hello
                  {"content-type", "application/offset+octet-stream"}});
    };
    EXPECT_EQ(patch("hallo").status, 460);
    EXPECT_EQ(ask(*server, Method::head, "/files/upload1", {}, plain).header("upload-offset"), "0");
    EXPECT_EQ(patch("hello").status, 204);
  }
}

TEST_F(SimulatedServer, RefusesAWrongToken) {
  const auto server = make_binary_server(bank_);
  bank_.generation = Bank::Generation::binary;
  Head head{.path = "/api/dataset/" + bank_.dataset + "/datafile",
            .headers = {{"content-type", "multipart/form-data; boundary=B"}},
            .body_size = 1};
  EXPECT_EQ(server->begin(head)->finish().status, 401);
  EXPECT_EQ(post(*server, {{"binary", "bytes"}}).status, 200);
  EXPECT_EQ(bank_.registered.front().name, "a.bin");
}

}  // namespace
}  // namespace sluice::sim::servers_test
