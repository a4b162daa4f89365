#include "engine/server_memory.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

constexpr const char* url = "https://databank.example";

TEST(ServerMemory, WhatWasFoundOutIsGoodForADay) {
  ServerMemory memory;
  EXPECT_FALSE(memory.find(url, 1000));
  ServerProfile profile;
  profile.protocol = ProtocolKind::tus;
  profile.tus.extensions = {"checksum"};
  profile.clock_ahead = std::chrono::seconds(90);
  profile.token_taken = true;
  memory.keep(url, profile, 1000);
  for (const std::int64_t now : {1000, 1000 + 86399}) {
    const auto known = memory.find(url, now);
    ASSERT_TRUE(known) << now;
    EXPECT_EQ(known->protocol, ProtocolKind::tus);
    EXPECT_TRUE(known->tus.has("checksum"));
    EXPECT_TRUE(known->remembered);
    EXPECT_FALSE(known->clock_ahead) << "nothing that was measured";
    EXPECT_FALSE(known->token_taken) << "another dataset has another token";
  }
  EXPECT_FALSE(memory.find(url, 1000 + 86400));
  EXPECT_FALSE(memory.find(url, 999)) << "the clock was set back";
  EXPECT_FALSE(memory.find("https://other.example", 1000));
}

}  // namespace
}  // namespace sluice
