#include "tools/sluice/process/granted.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

namespace sluice::cli::granted_test {
namespace {

using testing::HasSubstr;

constexpr std::size_t mib = std::size_t{1} << 20;

Granted of(const std::map<std::string, std::string>& variables) {
  return granted_by_slurm([&](const char* name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  });
}

TEST(Granted, HasNoLimitsOutsideJob) {
  const Granted granted = of({{"SLURM_CPUS_PER_TASK", "2"}, {"SLURM_MEM_PER_NODE", "100"}});
  EXPECT_FALSE(granted.cores);
  EXPECT_FALSE(granted.memory);
  EXPECT_EQ(pool_within(granted, 64 * mib, 4 * mib), 64 * mib);
  EXPECT_EQ(describe(granted, 64 * mib, 64 * mib), "");
}

TEST(Granted, ReadsCoresOfTaskOrNode) {
  EXPECT_EQ(
      of({{"SLURM_JOB_ID", "7"}, {"SLURM_CPUS_PER_TASK", "2"}, {"SLURM_CPUS_ON_NODE", "8"}}).cores,
      2U);
  EXPECT_EQ(of({{"SLURM_JOB_ID", "7"}, {"SLURM_CPUS_ON_NODE", "8"}}).cores, 8U);
  for (const char* none : {"0", "", "2(x3)", "-1"})
    EXPECT_FALSE(of({{"SLURM_JOB_ID", "7"}, {"SLURM_CPUS_PER_TASK", none}}).cores) << none;
}

TEST(Granted, ReadsMemoryOfNodeOrCores) {
  EXPECT_EQ(of({{"SLURM_JOB_ID", "7"}, {"SLURM_MEM_PER_NODE", "512"}}).memory, 512 * mib);
  EXPECT_EQ(of({{"SLURM_JOB_ID", "7"},
                {"SLURM_MEM_PER_CPU", "100"},
                {"SLURM_CPUS_PER_TASK", "2"},
                {"SLURM_CPUS_ON_NODE", "4"}})
                .memory,
            400 * mib);
  // 0 means all memory of the node.
  EXPECT_FALSE(of({{"SLURM_JOB_ID", "7"}, {"SLURM_MEM_PER_NODE", "0"}}).memory);
}

TEST(Granted, LimitsPoolToHalfOfMemory) {
  const Granted granted{.cores = 2, .memory = 100 * mib};
  EXPECT_EQ(pool_within(granted, 64 * mib, 4 * mib), 50 * mib);
  EXPECT_EQ(pool_within(granted, 40 * mib, 4 * mib), 40 * mib);
  EXPECT_EQ(pool_within(granted, 64 * mib, 30 * mib), 60 * mib) << "two blocks are the least";
  const std::string text = describe(granted, 64 * mib, 50 * mib);
  EXPECT_THAT(text, HasSubstr("2 cores, 100.00 MiB of memory"));
  EXPECT_THAT(text, HasSubstr("a pool of 50.00 MiB instead of 64.00 MiB"));
  EXPECT_THAT(describe({.cores = 1, .memory = {}}, 1, 1), HasSubstr("1 core;"));
}

TEST(Granted, HasAtLeastOneUsableCore) {
  EXPECT_GE(usable_cores(), 1U);
}

}  // namespace
}  // namespace sluice::cli::granted_test
