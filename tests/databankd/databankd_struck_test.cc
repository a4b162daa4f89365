// The effect of each --fault on the client and on the server's state.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <xxhash.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "tests/databankd/databankd_fixture.h"

namespace sluice::struck_test {
namespace {

namespace fs = std::filesystem;
using test::Arguments;
using test::Finished;
using test::Process;
using test::Reply;
using test::transfer_request;
using test::operator+;
using testing::AnyOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

constexpr std::size_t mib = std::size_t{1} << 20;
constexpr int empty_reply = 52;     // CURLE_GOT_NOTHING
constexpr int send_failed = 55;     // CURLE_SEND_ERROR
constexpr int receive_failed = 56;  // CURLE_RECV_ERROR
constexpr const char* internal_server_error = R"({"status":500,"error":"Internal Server Error"})";

std::string xxh128(const std::string& bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

/// The parameter: whether the server discards the bytes.
class Faults : public test::Curl, public testing::WithParamInterface<bool> {
 protected:
  /// Starts databankd with its log on stdout, where tests can wait for a line.
  void start_with(const Arguments& faults, const Arguments& more = {}) {
    Arguments arguments = Arguments{"--verbose"} + more;
    if (GetParam()) arguments.push_back("--discard");
    for (const std::string& fault : faults) arguments = arguments + Arguments{"--fault", fault};
    Process::Options options;
    options.argv =
        Arguments{"/bin/sh", "-c", "exec \"$0\" \"$@\" 2>&1"} + databankd_argv(arguments);
    launch(options);
  }

  Reply transfer_bytes(const std::string& name, std::uint64_t previous_size,
                       const std::string& bytes) {
    return transfer(name, previous_size, chunk_file(bytes));
  }

  /// Expects that all of `content` is staged or registered.
  void expect_content(const std::string& name, const std::string& content) {
    EXPECT_EQ(progress(name), static_cast<std::int64_t>(content.size()));
    EXPECT_EQ(verify(name).status, 200);
    const auto lines = registered();
    ASSERT_THAT(lines, SizeIs(1));
    EXPECT_EQ(lines[0]["xxh128"], xxh128(content));
    EXPECT_EQ(lines[0]["size"], content.size());
    if (!GetParam()) {
      EXPECT_TRUE(stored(name) == content);
    }
  }

  void expect_summary(const std::string& summary) {
    stop();
    EXPECT_THAT(server_->out(), HasSubstr("\nfaults struck: " + summary + "\n"));
  }

  /// How a connection ended for a client that sent and read everything.
  struct Ending {
    std::string text;
    int error = 0;  ///< the first errno; 0 for an orderly end
  };
  static Ending exchange(const UniqueFd& fd, const std::string& bytes) {
    Ending ending;
    for (std::size_t done = 0; done < bytes.size() && ending.error == 0;) {
      const ssize_t put = ::send(fd.get(), bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
      if (put < 0) ending.error = errno;
      if (put > 0) done += static_cast<std::size_t>(put);
    }
    std::array<char, 4096> buffer{};
    while (true) {
      const ssize_t got = ::recv(fd.get(), buffer.data(), buffer.size(), 0);
      if (got < 0 && ending.error == 0) ending.error = errno;
      if (got <= 0) return ending;
      ending.text.append(buffer.data(), static_cast<std::size_t>(got));
    }
  }
};

/// Returns whether the connection stays open without a response.
bool is_kept_waiting(const UniqueFd& fd) {
  char byte = 0;
  return ::recv(fd.get(), &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

INSTANTIATE_TEST_SUITE_P(, Faults, testing::Bool(),
                         [](const auto& param) { return param.param ? "discarding" : "storing"; });

TEST_P(Faults, LosesPhasedRequest) {
  start_with({"lose-request,at=1,on=transfer", "lose-request,at=1,on=verify"});
  setup("a");
  EXPECT_EQ(transfer_bytes("a", 0, "abc").exit, empty_reply);
  EXPECT_EQ(progress("a"), 0);
  EXPECT_EQ(transfer_bytes("a", 0, "abc").body, "successfully added chunk to a");
  EXPECT_EQ(verify("a").exit, empty_reply);
  EXPECT_THAT(registered(), IsEmpty());
  expect_content("a", "abc");
  expect_summary("lose-request 2");
  EXPECT_THAT(server_->out(), HasSubstr("databankd: fault lose-request: transfer \"a\", "));
  EXPECT_THAT(server_->out(), HasSubstr("databankd: fault lose-request: verify \"a\", "));
}

TEST_P(Faults, LosesLargeRequest) {
  start_with({"lose-request,at=1,on=transfer"});
  setup("a");
  // The connection ends in an orderly way, after the whole body was read.
  const Ending ending = exchange(connect(), transfer_request("0", test::random_bytes(5 * mib, 1)));
  EXPECT_EQ(ending.text, "");
  EXPECT_EQ(ending.error, 0);
  EXPECT_EQ(progress("a"), 0);
}

TEST_P(Faults, LosesPhasedResponse) {
  start_with({"lose-response,at=1,on=setup", "lose-response,at=1,on=transfer",
              "lose-response,at=1,on=verify"});
  EXPECT_EQ(setup("a").exit, empty_reply);
  EXPECT_EQ(progress("a"), 0);
  EXPECT_EQ(transfer_bytes("a", 0, "abc").exit, empty_reply);
  EXPECT_EQ(progress("a"), 3);
  EXPECT_EQ(verify("a").exit, empty_reply);
  ASSERT_THAT(registered(), SizeIs(1));
  EXPECT_EQ(registered()[0]["xxh128"], xxh128("abc"));
  expect_summary("lose-response 3");
}

TEST_P(Faults, ResetsInsideBody) {
  start_with({"reset-mid-body,on=transfer"});
  setup("a");
  const std::string request = transfer_request("0", test::random_bytes(20 * mib, 2));
  for (int i = 0; i < 5; ++i) {
    const Ending ending = exchange(connect(), request);
    EXPECT_EQ(ending.text, "");
    EXPECT_THAT(ending.error, AnyOf(ECONNRESET, EPIPE));
    EXPECT_EQ(progress("a"), 0);
  }
  EXPECT_THAT(transfer_bytes("a", 0, test::random_bytes(20 * mib, 3)).exit,
              AnyOf(send_failed, receive_failed));
  EXPECT_EQ(progress("a"), 0);
  expect_summary("reset-mid-body 6");
}

TEST_P(Faults, ResetsAtPlaceOfSeed) {
  const std::string request = transfer_request("0", test::random_bytes(20 * mib, 4));
  std::set<std::string> lines;
  for (const char* seed : {"1", "1", "2"}) {
    start_with({std::string("reset-mid-body,on=transfer,seed=") + seed});
    setup("a");
    exchange(connect(), request);
    const std::string line = server_->wait_for_line("fault reset-mid-body: transfer \"a\", after ");
    ASSERT_NE(line, "");
    EXPECT_LT(std::stoull(line.substr(line.find("after ") + 6)), request.size());
    lines.insert(line);
    stop();
  }
  EXPECT_THAT(lines, SizeIs(2));
}

TEST_P(Faults, ResetsBodyOfUnknownLength) {
  start_with({"reset-mid-body,at=1,on=transfer"});
  setup("a");
  EXPECT_THAT(call(Arguments{"-H", "Transfer-Encoding: chunked"} +
                   transfer_form("a", 0, chunk_file(test::random_bytes(mib, 5))))
                  .exit,
              AnyOf(send_failed, receive_failed));
  EXPECT_EQ(progress("a"), 0);
}

TEST_P(Faults, ResetsBodyWithoutPayload) {
  start_with({"reset-mid-body,at=1,on=setup"});
  EXPECT_EQ(setup("a").exit, receive_failed);
  EXPECT_EQ(progress("a"), -1);
  EXPECT_EQ(setup("a").status, 200);
}

TEST_P(Faults, ResetsInsideResponse) {
  const std::string whole = "successfully added chunk to a";
  start_with({"reset-mid-response,at=1,on=transfer"});
  setup("a");
  const Ending ending = exchange(connect(), transfer_request("0", "abc"));
  EXPECT_THAT(ending.text, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(ending.text, HasSubstr(fmt::format("Content-Length: {}\r\n", whole.size())));
  const std::size_t head = ending.text.find("\r\n\r\n");
  ASSERT_NE(head, std::string::npos);
  const std::string part = ending.text.substr(head + 4);
  EXPECT_NE(part, "");
  EXPECT_NE(part, whole);
  EXPECT_THAT(whole, StartsWith(part));
  EXPECT_EQ(ending.error, ECONNRESET);
  expect_content("a", "abc");
  expect_summary("reset-mid-response 1");
}

TEST_P(Faults, RespondsWithOneStatus) {
  start_with({"status:503,at=1,on=transfer", "status:429,at=2,on=transfer",
              "status:413,at=3,on=transfer", "status:500,at=4,on=transfer",
              "status:204,at=5,on=transfer"});
  setup("a");
  const UniqueFd fd = connect();
  const auto answer = [&](const std::string& end) {
    send(fd, transfer_request("0", "abc"));
    return receive_until(fd, end);
  };
  // All requests use one connection, which front servers keep open, too.
  const std::string busy = answer("503 Service Unavailable\n");
  EXPECT_THAT(busy, StartsWith("HTTP/1.1 503 Service Unavailable\r\n"));
  EXPECT_THAT(busy, HasSubstr("\r\nRetry-After: 1\r\n"));
  EXPECT_THAT(busy, HasSubstr("\r\nContent-Type: text/plain\r\n"));
  const std::string often = answer("429 Too Many Requests\n");
  EXPECT_THAT(often, StartsWith("HTTP/1.1 429 "));
  EXPECT_THAT(often, HasSubstr("\r\nRetry-After: 1\r\n"));
  const std::string large = answer("\n413 ");
  EXPECT_THAT(large, StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(large, Not(HasSubstr("Retry-After")));
  EXPECT_THAT(answer("500 Internal Server Error\n"), HasSubstr("HTTP/1.1 500 "));
  EXPECT_THAT(answer("\r\n\r\n"), HasSubstr("HTTP/1.1 204 "));
  EXPECT_EQ(progress("a"), 0);
  EXPECT_THAT(answer("chunk to a"), HasSubstr("successfully added chunk to a"));
  expect_content("a", "abc");
  expect_summary("status:503 1, status:429 1, status:413 1, status:500 1, status:204 1");
}

TEST_P(Faults, StallsUntilClientDisconnects) {
  start_with({"stall,at=1,on=transfer"});
  setup("a");
  const UniqueFd fd = connect();
  send(fd, transfer_request("0", test::random_bytes(3 * mib, 4)));
  EXPECT_NE(server_->wait_for_line("fault stall: transfer"), "");
  EXPECT_EQ(progress("a"), 0);  // other requests are served meanwhile
  EXPECT_TRUE(is_kept_waiting(fd));
  ::shutdown(fd.get(), SHUT_WR);
  EXPECT_EQ(receive_until(fd, ""), "");
  EXPECT_EQ(progress("a"), 0);
  EXPECT_EQ(transfer_bytes("a", 0, "abc").status, 200);
  expect_summary("stall 1");
}

TEST_P(Faults, StallsUntilServerEnds) {
  start_with({"stall,on=verify", "stall,on=transfer"});
  setup("a");
  const UniqueFd fd = connect();
  send(fd, transfer_request("0", "abc"));
  EXPECT_THAT(server_->wait_for_line("fault stall: transfer"), HasSubstr("transfer \"a\""));
  EXPECT_EQ(progress("a"), 0);
  EXPECT_TRUE(is_kept_waiting(fd));
  expect_summary("stall 1");
  EXPECT_EQ(receive_until(fd, ""), "");
  EXPECT_THAT(registered(), IsEmpty());
}

TEST_P(Faults, ReadsSlowly) {
  start_with({"slow:1,at=1,on=transfer", "slow:1G,on=transfer"});
  setup("a");
  const UniqueFd fd = connect();
  send(fd, transfer_request("0", test::random_bytes(1000, 5)));  // takes 20 minutes
  EXPECT_THAT(server_->wait_for_line("fault slow:1: transfer"), HasSubstr("transfer \"a\""));
  EXPECT_EQ(progress("a"), 0);
  EXPECT_EQ(transfer_bytes("a", 0, "abc").body, "successfully added chunk to a");
  EXPECT_TRUE(is_kept_waiting(fd));
  expect_content("a", "abc");
  expect_summary("slow:1 1, slow:1G 1");  // the server ends at once
  EXPECT_EQ(receive_until(fd, ""), "");
}

TEST_P(Faults, ReadsSlowlyUntilClientDisconnects) {
  start_with({"slow:1,at=1,on=transfer"});
  setup("a");
  const UniqueFd fd = connect();
  send(fd, transfer_request("0", "abc", 1000));
  EXPECT_NE(server_->wait_for_line("fault slow:1: transfer"), "");
  ::shutdown(fd.get(), SHUT_WR);
  EXPECT_EQ(receive_until(fd, ""), "");
  EXPECT_EQ(progress("a"), 0);
}

TEST_P(Faults, AppendsPart) {
  const std::string content = test::random_bytes(3 * mib, 6);
  std::set<std::int64_t> places;
  for (const char* seed : {"1", "1", "2"}) {
    start_with({std::string("partial-append,at=1,seed=") + seed});
    setup("a");
    EXPECT_EQ(transfer_bytes("a", 0, content).exit, empty_reply);
    const std::int64_t place = progress("a");
    EXPECT_GT(place, 0);
    EXPECT_LT(place, static_cast<std::int64_t>(content.size()));
    places.insert(place);
    const auto rest = static_cast<std::size_t>(place);
    EXPECT_EQ(transfer_bytes("a", rest, content.substr(rest)).body,
              "successfully added chunk to a");
    expect_content("a", content);
    expect_summary("partial-append 1");
    server_.reset();
    empty_store();
  }
  EXPECT_THAT(places, SizeIs(2));
}

TEST_P(Faults, AppendsPartForAnyOrderOfFields) {
  start_with({"partial-append,at=1"});
  setup("a");
  const std::string content = test::random_bytes(mib, 7);
  EXPECT_EQ(call({"-F", "previous_size=0", "-F",
                  "bytechunk=@" + chunk_file(content).string() + ";filename=bytechunk", "-F",
                  "filename=a", "-F", "phase=transfer"})
                .exit,
            empty_reply);
  const std::int64_t place = progress("a");
  EXPECT_GT(place, 0);
  ASSERT_LT(place, static_cast<std::int64_t>(mib));
  const auto rest = static_cast<std::size_t>(place);
  transfer_bytes("a", rest, content.substr(rest));
  expect_content("a", content);
}

TEST_P(Faults, AppendsNothingOfRefusedChunk) {
  start_with({"partial-append,on=any"});
  setup("a");
  EXPECT_EQ(transfer_bytes("a", 5, "abc").exit, empty_reply);
  EXPECT_EQ(transfer_bytes("a", 0, "x").exit, empty_reply);  // no partial append is possible
  EXPECT_EQ(progress("a"), 0);
  EXPECT_EQ(transfer_bytes("a", 0, "xy").exit, empty_reply);
  EXPECT_EQ(progress("a"), 1);
  expect_summary("partial-append 3");
}

TEST_P(Faults, DropsStagedBytes) {
  start_with({"forget-staging,at=2,on=probe", "forget-staging,at=3,on=transfer"});
  setup("a");
  transfer_bytes("a", 0, "abc");
  EXPECT_EQ(progress("a"), 3);
  EXPECT_EQ(progress("a"), -1);
  const Reply gone = transfer_bytes("a", 3, "def");
  EXPECT_EQ(gone.status, 500);
  EXPECT_THAT(gone.body, StartsWith("No such file or directory @ rb_file_s_size - "));
  EXPECT_EQ(verify("a").status, 500);
  setup("a");
  // The fault deletes the bytes that this chunk follows.
  EXPECT_EQ(transfer_bytes("a", 0, test::random_bytes(mib, 8)).status, 500);
  EXPECT_EQ(progress("a"), -1);
  setup("a");
  transfer_bytes("a", 0, "ghi");
  expect_content("a", "ghi");
  expect_summary("forget-staging 2");
}

TEST_P(Faults, ExpiresDatasetToken) {
  test::write_file(files_ / "token", "token-one\n");
  start_with({"expire-token,at=2,on=transfer"},
             {"--dataset", "IDB-2=@" + (files_ / "token").string()});
  const std::string endpoint = root_ + "/api/dataset/IDB-2/datafile";
  const auto with = [&](const std::string& token, const Arguments& form) {
    return curl(Arguments{"-H", "Authorization: Token token=" + token} + form +
                Arguments{endpoint});
  };
  const Arguments set_up = {"-F", "phase=setup", "-F", "filename=a", "-F", "filesize=6"};
  const fs::path first = chunk_file("abc");
  const fs::path second = chunk_file("def");
  EXPECT_EQ(with("token-one", set_up).status, 200);
  EXPECT_EQ(with("token-one", transfer_form("a", 0, first)).status, 200);
  const Reply refused = with("token-one", transfer_form("a", 3, second));
  EXPECT_EQ(refused.status, 500);
  EXPECT_EQ(refused.body, internal_server_error);
  EXPECT_EQ(with("token-one", transfer_form("a", 3, second)).body, internal_server_error);
  EXPECT_EQ(setup("b").status, 200);  // tokens of other datasets stay valid
  test::write_file(files_ / "token", "token-two\n");
  EXPECT_EQ(with("token-one", transfer_form("a", 3, second)).body, internal_server_error);
  EXPECT_EQ(with("token-two", transfer_form("a", 3, second)).body, "successfully added chunk to a");
  EXPECT_EQ(with("token-two", {"-F", "phase=verify", "-F", "filename=a"}).status, 200);
  ASSERT_THAT(registered(), SizeIs(1));
  EXPECT_EQ(registered()[0]["xxh128"], xxh128("abcdef"));
  expect_summary("expire-token 1");
  EXPECT_THAT(server_->out(), Not(ContainsRegex("token-one|token-two|secret")));
}

TEST_P(Faults, RespondsWithGarbage) {
  start_with({"garbage-body,at=1,on=transfer,seed=1", "garbage-body,at=1,on=verify,seed=1"});
  setup("a");
  const Reply transferred = transfer_bytes("a", 0, "abc");
  EXPECT_EQ(transferred.status, 200);
  EXPECT_EQ(transferred.body.size(), 4096U);
  EXPECT_THAT(transferred.body, HasSubstr("\x1b[2J"));
  EXPECT_EQ(progress("a"), 3);
  EXPECT_EQ(verify("a").body, transferred.body);
  EXPECT_THAT(registered(), SizeIs(1));
  expect_summary("garbage-body 2");
  EXPECT_THAT(server_->out(), Not(HasSubstr("\x1b")));
}

TEST_P(Faults, RespondsWithHugeBody) {
  start_with({"huge-body,on=transfer"});
  setup("a");
  const Finished all = test::run(curl_options(
      Arguments{"-H", test::header} + transfer_form("a", 0, chunk_file("abc")) +
      Arguments{"-o", "/dev/null", "-w", "%{http_code} %{size_download}", endpoint()}));
  EXPECT_EQ(all.out, "200 67108864");
  EXPECT_EQ(progress("a"), 3);
  {
    // Also if the request is refused, and if the client disconnects before the end.
    const UniqueFd fd = connect();
    send(fd, transfer_request("0", "abc"));
    EXPECT_THAT(receive_until(fd, "[[[["), StartsWith("HTTP/1.1 200 OK\r\n"));
  }
  expect_content("a", "abc");
  expect_summary("huge-body 2");
}

TEST_P(Faults, TimesOutOnPausedBody) {
  start_with({"tail-timeout:1ms,at=1,on=transfer", "tail-timeout:86400s,on=transfer"});
  setup("a");
  const std::string request = transfer_request("0", test::random_bytes(3 * mib, 9));
  const Ending ending = exchange(connect(), request.substr(0, request.size() - 100));
  EXPECT_THAT(ending.text, StartsWith("HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n"));
  EXPECT_THAT(ending.text, HasSubstr("\r\n\r\n408 Request Timeout\n"));
  EXPECT_EQ(ending.error, 0);
  EXPECT_EQ(progress("a"), 0);
  {
    const UniqueFd patient = connect();
    send(patient, request.substr(0, request.size() - 100));
    EXPECT_EQ(progress("a"), 0);
    send(patient, request.substr(request.size() - 100));
    EXPECT_THAT(receive_until(patient, "to a"), HasSubstr("successfully added chunk to a"));
  }
  EXPECT_EQ(transfer_bytes("a", 3 * mib, "abc").body, "successfully added chunk to a");
  expect_summary("tail-timeout:1ms 1, tail-timeout:86400s 0");
  EXPECT_THAT(server_->out(), HasSubstr("databankd: fault tail-timeout:1ms: transfer \"a\", "));
}

TEST_P(Faults, EndsWaitForBodyWithServer) {
  start_with({"tail-timeout:86400s"});
  setup("a");
  const UniqueFd fd = connect();
  const std::string request = transfer_request("0", test::random_bytes(3 * mib, 10));
  send(fd, request.substr(0, request.size() - 100));
  expect_summary("tail-timeout:86400s 0");
  EXPECT_EQ(receive_until(fd, ""), "");
}

TEST_P(Faults, StrikesAskAndProbe) {
  start_with({"lose-request,at=1,on=ask", "status:502,at=1,on=probe"});
  const Arguments ask = {"-d", "phase=setup", "-d", "filename=a"};
  EXPECT_EQ(setup("a").status, 200);
  EXPECT_EQ(call(ask).exit, empty_reply);
  EXPECT_EQ(call(ask).body, "missing paramter: filesize\n");
  EXPECT_EQ(progress("a"), -1);
  EXPECT_EQ(progress("a"), 0);
  // Requests outside the Data Bank's API are never struck.
  EXPECT_EQ(curl({root_ + "/"}).status, 404);
  expect_summary("lose-request 1, status:502 1");
}

}  // namespace
}  // namespace sluice::struck_test
