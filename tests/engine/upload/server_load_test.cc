#include "engine/upload/server_load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "engine/http/transport.h"

namespace sluice::server_load_test {
namespace {

using testing::HasSubstr;

/// Two uploads to one server, each with a request in flight.
class ServerLoadTest : public testing::Test {
 protected:
  void make(RequestGate::Rule rule) {
    for (int i = 0; i < 2; ++i) {
      loads_.push_back(std::make_unique<ServerLoad>(ServerLoad::Setting{
          .gate = &gate_,
          .rule = rule,
          .post = [](const std::function<void()>&) {},
          .base_url = "https://bank.example",
          .log = [this](LogLevel, const std::string& text) { said_ += text + '\n'; }}));
      ASSERT_TRUE(loads_.back()->take_turn([] {}));
      loads_.back()->sent();
    }
  }
  static Result<Answer> timed_out(int code) {
    return Error{ErrorKind::unreachable, "timed out", code, true};
  }

  RequestGate gate_{RequestGate::Setting{.limit = RequestLimit({.first = 4}),
                                         .post_at = [](auto&&...) {},
                                         .on_change = [](auto&&) {}}};
  std::vector<std::unique_ptr<ServerLoad>> loads_;
  std::string said_;
};

TEST_F(ServerLoadTest, HalvesLimitAfterResponseTimeout) {
  make(RequestGate::Rule::queues);
  loads_[0]->answered(timed_out(Transport::unanswered));
  EXPECT_EQ(gate_.limit(), 1U);
  EXPECT_THAT(said_, HasSubstr("https://bank.example is overloaded by 2 requests at a time (timed "
                               "out); sending at most 1 at a time from now on"));
}

/// The server has not had the request.
TEST_F(ServerLoadTest, KeepsLimitAfterConnectionTimeout) {
  make(RequestGate::Rule::queues);
  loads_[0]->answered(timed_out(/*CURLE_OPERATION_TIMEDOUT*/ 28));
  EXPECT_EQ(gate_.limit(), 4U);
  EXPECT_EQ(said_, "");
}

/// A phased request may wait for the server's storage.
TEST_F(ServerLoadTest, KeepsLimitAfterResponseTimeoutOverPhased) {
  make(RequestGate::Rule::never_waits);
  loads_[0]->answered(timed_out(Transport::unanswered));
  EXPECT_EQ(gate_.limit(), 4U);
  EXPECT_EQ(said_, "");
}

}  // namespace
}  // namespace sluice::server_load_test
