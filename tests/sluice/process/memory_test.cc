#include "tools/sluice/process/memory.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::cli::memory_test {
namespace {

constexpr std::size_t mib = std::size_t{1} << 20;

TEST(MemoryTest, AcceptsAnyPoolWithoutLimit) {
  EXPECT_TRUE(check_memory({}, std::size_t{1} << 50, 64));
}

TEST(MemoryTest, RejectsPoolThatDoesNotFit) {
  // 200 MiB are free, of which everything but the pool needs 36.
  const AddressSpace space{.limit = 250 * mib, .used = 50 * mib};
  EXPECT_TRUE(check_memory(space, 164 * mib, 4));
  const auto error = check_memory(space, 165 * mib, 4);
  ASSERT_FALSE(error);
  EXPECT_EQ(error.error().kind, ErrorKind::failed);
  for (const char* text : {"the pool (--pool) needs 165.00 MiB", "(ulimit -v) is 250.00 MiB",
                           "50.00 MiB are in use", "--pool 164M or less"})
    EXPECT_NE(error.error().message.find(text), std::string::npos) << error.error().message;
}

TEST(MemoryTest, NeedsMoreForMoreTransfers) {
  const AddressSpace space{.limit = 250 * mib, .used = 50 * mib};
  const auto error = check_memory(space, 64 * mib, 64);
  ASSERT_FALSE(error);
  EXPECT_NE(error.error().message.find("fewer --transfers"), std::string::npos);
}

TEST(MemoryTest, AdvisesHigherLimitIfNoPoolFits) {
  for (const std::size_t used : {std::size_t{0}, 50 * mib, 60 * mib}) {
    const auto error = check_memory({.limit = 25 * mib, .used = used}, mib, 1);
    ASSERT_FALSE(error);
    EXPECT_NE(error.error().message.find("; raise the limit"), std::string::npos);
  }
}

}  // namespace
}  // namespace sluice::cli::memory_test
