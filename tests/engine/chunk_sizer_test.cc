#include "engine/chunk_sizer.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

constexpr std::uint64_t mib = 1024 * 1024;

TEST(ChunkSizer, HalvesWithEachFailureDownToALimitAndDoublesAgain) {
  ChunkSizer sizer(64 * mib, 0);
  EXPECT_EQ(sizer.next(), 64 * mib);
  sizer.failed();
  EXPECT_EQ(sizer.next(), 32 * mib);
  for (int i = 0; i < 100; ++i) sizer.failed();
  EXPECT_EQ(sizer.next(), ChunkSizer::least_after_failures);
  sizer.committed();
  EXPECT_EQ(sizer.next(), 2 * ChunkSizer::least_after_failures);
  for (int i = 0; i < 100; ++i) sizer.committed();
  EXPECT_EQ(sizer.next(), 64 * mib);
}

TEST(ChunkSizer, WhatWasAskedForIsNeverExceededAndASmallOneStays) {
  ChunkSizer sizer(1000, 0);
  sizer.failed();
  EXPECT_EQ(sizer.next(), 1000U);
  sizer.committed();
  EXPECT_EQ(sizer.next(), 1000U);
  ChunkSizer odd(3 * mib, 0);
  odd.failed();
  odd.committed();
  odd.committed();
  EXPECT_EQ(odd.next(), 3 * mib);
  ChunkSizer huge(~std::uint64_t{0}, 0);
  huge.committed();
  EXPECT_EQ(huge.next(), ~std::uint64_t{0});
}

TEST(ChunkSizer, WhatAServerRefusedAsTooLargeIsNotSentAgain) {
  ChunkSizer sizer(64 * mib, 0);
  // The last chunk of a file is smaller than the others.
  EXPECT_TRUE(sizer.too_large(10 * mib));
  EXPECT_EQ(sizer.next(), 5 * mib);
  EXPECT_EQ(sizer.bound(), 5 * mib);
  for (int i = 0; i < 100; ++i) sizer.committed();
  EXPECT_EQ(sizer.next(), 5 * mib);
  int refusals = 0;
  while (sizer.too_large(sizer.next())) ++refusals;
  EXPECT_GE(sizer.next(), ChunkSizer::least);
  EXPECT_LT(refusals, 20);
  EXPECT_FALSE(sizer.too_large(0)) << "a request without a byte of the file cannot shrink";
}

TEST(ChunkSizer, ABoundThatIsKnownHoldsFromTheBeginning) {
  EXPECT_EQ(ChunkSizer(64 * mib, mib).next(), mib);
  EXPECT_EQ(ChunkSizer(64 * mib, 128 * mib).next(), 64 * mib);
}

}  // namespace
}  // namespace sluice
