#include "engine/protocol/tus_origin.h"

#include <gtest/gtest.h>

namespace sluice::tus_origin_test {
namespace {

using Sender = TusOrigin::Sender;

const Answer marked{.status = 404, .headers = {{"tus-resumable", "1.0.0"}}, .body = ""};
const Answer bare{.status = 404, .headers = {}, .body = "no such upload"};
const Answer page{
    .status = 404, .headers = {{"content-type", "Text/HTML; charset=utf-8"}}, .body = ""};
const Answer page_without_type{.status = 404, .headers = {}, .body = "\n<!doctype html>"};

TEST(TusOriginTest, MarkedResponseIsFromServer) {
  EXPECT_EQ(TusOrigin().sender(marked), Sender::server);
  EXPECT_EQ(TusOrigin(true).sender(marked), Sender::server);
}

TEST(TusOriginTest, OnlyPagesAreFromReverseProxyOfUnknownServer) {
  EXPECT_EQ(TusOrigin().sender(bare), Sender::unknown);
  EXPECT_EQ(TusOrigin().sender(page), Sender::front);
  EXPECT_EQ(TusOrigin().sender(page_without_type), Sender::front);
}

TEST(TusOriginTest, UnmarkedResponseIsFromReverseProxyOfMarkingServer) {
  TusOrigin learned;
  learned.learn(marked);
  for (const TusOrigin& origin : {learned, TusOrigin(true)}) {
    EXPECT_EQ(origin.sender(bare), Sender::front);
    EXPECT_EQ(origin.sender(page), Sender::front);
  }
}

TEST(TusOriginTest, UnmarkedResponseIsUnknownAfterServerOmittedMark) {
  TusOrigin never;
  never.learn(bare);
  TusOrigin sometimes(true);
  sometimes.learn(bare);
  sometimes.learn(marked);
  for (const TusOrigin& origin : {never, sometimes}) {
    EXPECT_EQ(origin.sender(bare), Sender::unknown);
    EXPECT_EQ(origin.sender(page), Sender::unknown);
    EXPECT_EQ(origin.sender(marked), Sender::server);
  }
}

}  // namespace
}  // namespace sluice::tus_origin_test
