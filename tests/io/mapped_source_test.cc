// Behaviour specific to mappings; source_test.cc tests the contract of all sources.
#include "io/mapped_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <fstream>
#include <string>

#include "tests/io/faults.h"
#include "tests/io/read_range.h"
#include "tests/support/temp_dir.h"

namespace sluice::mapped_source_test {
namespace {

using test::read_range;

/// Returns the number of mappings of that file in this process.
int mappings_of(const std::string& path) {
  std::ifstream maps("/proc/self/maps");
  int count = 0;
  for (std::string line; std::getline(maps, line);) count += line.find(path) != std::string::npos;
  return count;
}

TEST(MappedSource, KeepsNoMappingAfterRead) {
  const test::TempDir dir;
  const std::string path = dir / "data.bin";
  const std::string content = test::random_bytes(1 << 20, 1);
  test::write_file(path, content);
  const MappedSource source(open_local_file(path).value());
  for (std::size_t offset = 0; offset < content.size(); offset += 65536) {
    EXPECT_TRUE(read_range(source, offset, 65536).value() == content.substr(offset, 65536));
  }
  EXPECT_EQ(mappings_of(path), 0);
  std::filesystem::resize_file(path, 10);  // also after a fault
  EXPECT_FALSE(read_range(source, 65536, 65536));
  EXPECT_EQ(mappings_of(path), 0);
}

TEST(MappedSource, ReportsRefusedMapping) {
  const test::TempDir dir;
  test::write_file(dir / "data.bin", test::random_bytes(5000, 1));
  const MappedSource source(open_local_file(dir / "data.bin").value());
  const test::WithFaults faults({.refuses_mapping = true});
  const auto bytes = read_range(source, 0, 5000);
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().kind, ErrorKind::local_file);
  EXPECT_EQ(bytes.error().code, ENOMEM);
}

}  // namespace
}  // namespace sluice::mapped_source_test
