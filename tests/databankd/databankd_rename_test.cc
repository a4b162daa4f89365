// databankd with --rename: the names and the verify of the Data Bank of 2018-08.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "tests/databankd/databankd_tus_fixture.h"
#include "tools/databankd/store/carrierwave_name.h"

namespace sluice::rename_test {
namespace {

using test::Reply;
using test::xxh128;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

TEST(CarrierwaveName, KeepsWordsDotsDashesAndPlusSigns) {
  using databankd::carrierwave_name;
  EXPECT_EQ(carrierwave_name("scan_1.tar-x+y.gz"), "scan_1.tar-x+y.gz");
  EXPECT_EQ(carrierwave_name("lost with space.bin"), "lost_with_space.bin");
  EXPECT_EQ(carrierwave_name("a'b\"c%d&e(f)#g~h\t.x"), "a_b_c_d_e_f__g_h_.x");
  EXPECT_EQ(carrierwave_name("\u00e9te\u0301 \u6587\u4ef6 \u0663.csv"),
            "\u00e9te\u0301_\u6587\u4ef6_\u0663.csv");
  EXPECT_EQ(carrierwave_name("1 \u20ac \U0001f600.txt"), "1____.txt");
}

TEST(CarrierwaveName, KeepsPartAfterLastSlash) {
  using databankd::carrierwave_name;
  EXPECT_EQ(carrierwave_name("a\\b.bin"), "b.bin");
  EXPECT_EQ(carrierwave_name("C:\\my files\\x y"), "x_y");
  EXPECT_EQ(carrierwave_name("a/b\\c/d e"), "d_e");
  EXPECT_EQ(carrierwave_name("a\\"), "a");
  EXPECT_EQ(carrierwave_name("\\"), "_");
  EXPECT_EQ(carrierwave_name(".."), "_..");
  EXPECT_EQ(carrierwave_name(""), "unnamed");
}

/// The parameter: whether the server discards the bytes.
class Renamed : public test::Tus, public testing::WithParamInterface<bool> {
 protected:
  Renamed() { discards_ = GetParam(); }
  Reply ask(const std::string& name) const {
    return call({"--form-string", "phase=setup", "--form-string", "filename=" + name});
  }
};

INSTANTIATE_TEST_SUITE_P(, Renamed, testing::Bool(),
                         [](const auto& param) { return param.param ? "discarding" : "storing"; });

TEST_P(Renamed, VerifyRegistersChangedName) {
  start_tus({"--rename"});
  const std::string name = "lost with space.bin";
  EXPECT_EQ(setup(name).body, "successfully set up " + name);
  EXPECT_EQ(transfer(name, 0, chunk_file("abc")).status, 200);
  EXPECT_EQ(progress(name), 3);
  EXPECT_THAT(verify(name).body, StartsWith(name + " successfully uploaded.  Refresh"));
  ASSERT_THAT(registered(), SizeIs(1));
  EXPECT_EQ(registered()[0]["name"], "lost_with_space.bin");
  EXPECT_EQ(registered()[0]["xxh128"], xxh128("abc"));
  if (!discards_) {
    EXPECT_EQ(stored("lost_with_space.bin"), "abc");
  }
  // The old name is free, the new one is taken.
  EXPECT_EQ(ask(name).body, "missing paramter: filesize\n");
  EXPECT_THAT(ask("lost_with_space.bin").body, HasSubstr("already exists"));
}

TEST_P(Renamed, VerifyRemovesStagedFile) {
  start_tus({"--rename"});
  setup("a\\b.bin");
  transfer("a\\b.bin", 0, chunk_file("abc"));
  EXPECT_EQ(verify("a\\b.bin").status, 200);
  EXPECT_EQ(progress("a\\b.bin"), -1);
  const Reply again = verify("a\\b.bin");
  EXPECT_EQ(again.status, 500);
  EXPECT_THAT(again.body, StartsWith("No such file or directory @ "));
  ASSERT_THAT(registered(), SizeIs(1));
  EXPECT_EQ(registered()[0]["name"], "b.bin");
}

TEST_P(Renamed, VerifyOfEmptyFileRegistersAndFails) {
  start_tus({"--rename"});
  setup("a b");
  const Reply reply = verify("a b");
  EXPECT_EQ(reply.status, 500);
  EXPECT_THAT(reply.body, StartsWith("Error uploading file. If error persists"));
  ASSERT_THAT(registered(), SizeIs(1));
  EXPECT_EQ(registered()[0]["name"], "a_b");
  EXPECT_EQ(registered()[0]["size"], 0);
}

TEST_P(Renamed, TodaysServerReturnsRealName) {
  start_tus({"--rename"});
  const std::string upload = create("3");
  patch(upload, 0, "abc");
  EXPECT_THAT(register_upload("a+%26+b.bin", upload).body,
              StartsWith("successfully uploaded a___b.bin\n"));
  EXPECT_THAT(call({"-F", "binary=@" + chunk_file("def").string() + ";filename=\"x y\""}).body,
              StartsWith("successfully uploaded x_y\n"));
  ASSERT_THAT(registered(), SizeIs(2));
  EXPECT_EQ(registered()[0]["name"], "a___b.bin");
  EXPECT_EQ(registered()[1]["name"], "x_y");
  if (!discards_) {
    EXPECT_EQ(stored("x_y"), "def");
  }
}

TEST_P(Renamed, KeepsNamesByDefault) {
  start_tus();
  setup("a b");
  EXPECT_EQ(verify("a b").status, 200);
  EXPECT_EQ(progress("a b"), 0);
  EXPECT_EQ(registered()[0]["name"], "a b");
}

}  // namespace
}  // namespace sluice::rename_test
