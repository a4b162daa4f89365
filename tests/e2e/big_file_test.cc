// Files that are much larger than the pool.
#include <fmt/format.h>

#include "tests/e2e/e2e.h"

namespace sluice::e2e::big_file_test {
namespace {

using nlohmann::json;

constexpr std::uint64_t mib = std::uint64_t{1} << 20, gib = std::uint64_t{1} << 30;

class BigFile : public testing::Test {
 protected:
  json upload(const std::string& path, const Arguments& more = {}) {
    Arguments arguments{"--json", dataset, path};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const test::Finished finished = put(bank_.url(), arguments);
    EXPECT_EQ(finished.status, 0) << finished.err;
    peak_ = finished.peak_memory;
    return finished.status == 0 ? report_of(finished).at("uploads").at(0) : json();
  }

  test::TempDir directory_;
  Bank bank_{{"--discard"}};
  std::size_t peak_ = 0;
};

TEST_F(BigFile, UploadsSeveralGigabytes) {
  const std::uint64_t size = (sanitized ? 96 * mib : 2 * gib) + 12345;
  const std::string path = directory_ / "random";
  test::write_random_file(path, size, 42);
  const json report = upload(path);
  ASSERT_TRUE(report.is_object());
  const json registered = bank_.registered().at(0);
  EXPECT_EQ(registered.at("size"), size);
  EXPECT_EQ(registered.at("xxh128"), xxh128_of_file(path));
  EXPECT_EQ(report.at("xxh128"), registered.at("xxh128"));
  // The automatic chunk size is 16 to 256 MiB.
  EXPECT_LE(report.at("chunks"), (size + 16 * mib - 1) / (16 * mib));
  EXPECT_GE(report.at("chunks"), (size + 256 * mib - 1) / (256 * mib));
}

/// Memory depends on the pool only, not on the size of chunks or files. The limit is the documented
/// one for the default pool of 64 MiB.
TEST_F(BigFile, UsesConstantMemory) {
  for (const std::uint64_t size : {1 * gib, 8 * gib}) {
    const std::string name = fmt::format("sparse-{}", size);
    test::write_file(directory_ / name, "");
    std::filesystem::resize_file(directory_ / name, sanitized ? size / 64 : size);
    ASSERT_TRUE(upload(directory_ / name, {"--chunk", "1G"}).is_object());
    if (!sanitized) {
      EXPECT_LT(peak_, 128 * mib) << name;
    }
    EXPECT_EQ(bank_.registered().back().at("name"), name);
  }
}

}  // namespace
}  // namespace sluice::e2e::big_file_test
