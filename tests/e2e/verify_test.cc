// `sluice verify`: compares a file with the receipt of its upload.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include "tests/e2e/e2e.h"

namespace sluice::e2e::verify_test {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

/// Of 'content', as printed by md5sum and sha256sum.
constexpr const char* md5_of_content = "9a0364b9e99bb480dd25e1f0284c8555";
constexpr const char* sha256_of_content =
    "ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73";

class VerifyTest : public testing::Test {
 protected:
  VerifyTest() {
    test::write_file(path_, "content");
    receipt_ = {{"format", "sluice receipt 1"},
                {"dataset", dataset},
                {"name", "scan.h5"},
                {"bytes", 7},
                {"xxh128", xxh128_of_file(path_)},
                {"system", "https://databank.example"},
                {"file", "/elsewhere/scan.h5"},
                {"modified", "2026-02-03T04:05:06Z"},
                {"started", "2026-02-03T04:05:07Z"},
                {"registered", "2026-02-03T04:05:08Z"},
                {"protocol", "phased"},
                {"sluice", "0.1.0"}};
  }

  test::Finished verify(const Arguments& more = {}) {
    test::write_file(receipt_path_, receipt_.dump());
    return verify_as_it_is(more);
  }
  test::Finished verify_as_it_is(const Arguments& more = {}) {
    test::Process::Options options;
    options.argv = {sluice_binary, "verify", receipt_path_, path_};
    options.argv.insert(options.argv.end(), more.begin(), more.end());
    return run_sluice(options);
  }

  test::TempDir directory_;
  const std::string path_ = directory_ / "scan.h5";
  const std::string receipt_path_ = directory_ / "scan.h5.sluice.json";
  json receipt_;
};

TEST_F(VerifyTest, AcceptsUnchangedFile) {
  const test::Finished finished = verify();
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_EQ(finished.out, path_ + ": OK, the file matches the receipt: 7 bytes, xxh128\n");
  EXPECT_EQ(finished.err, "");
  EXPECT_EQ(verify({"--quiet"}).out, "");
}

TEST_F(VerifyTest, ComparesEveryDigest) {
  receipt_["md5"] = md5_of_content;
  receipt_["sha256"] = sha256_of_content;
  const test::Finished finished = verify();
  EXPECT_EQ(finished.status, 0) << finished.err;
  EXPECT_THAT(finished.out, HasSubstr("7 bytes, xxh128, md5, sha256\n"));
  for (const char* digest : {"xxh128", "md5", "sha256"}) {
    const json right = receipt_;
    std::string wrong = receipt_[digest];
    wrong[3] = wrong[3] == '0' ? '1' : '0';
    receipt_[digest] = wrong;
    const test::Finished differs = verify();
    EXPECT_EQ(differs.status, 8) << digest;
    EXPECT_EQ(differs.out, "");
    EXPECT_THAT(differs.err, AllOf(HasSubstr(fmt::format("{} {}, but {} in the receipt", digest,
                                                         right[digest].get<std::string>(), wrong)),
                                   HasSubstr("https://databank.example/datasets/TESTIDB-1234567")));
    receipt_ = right;
  }
}

TEST_F(VerifyTest, ReportsDifferentSizeWithoutReading) {
  test::write_file(path_, "content!");
  const test::Finished finished = verify();
  EXPECT_EQ(finished.status, 8);
  EXPECT_THAT(finished.err,
              AllOf(HasSubstr("differs from the file that was uploaded as 'scan.h5'"),
                    HasSubstr("8 bytes, but 7 in the receipt"), Not(HasSubstr("xxh128"))));
}

TEST_F(VerifyTest, VerifiesBigFileInEachReadMode) {
  const std::uint64_t size = (sanitized ? 24 : 200) * (std::uint64_t{1} << 20) + 4097;
  test::write_random_file(path_, size, 11);
  receipt_["bytes"] = size;
  receipt_["xxh128"] = xxh128_of_file(path_);
  for (const char* mode : {"auto", "direct", "mmap", "buffered"})
    EXPECT_EQ(verify({"--read", mode}).status, 0) << mode;
  // One byte differs; size and time are the same.
  struct stat before {};
  ASSERT_EQ(::stat(path_.c_str(), &before), 0);
  std::string all = test::read_file(path_);
  all[all.size() / 2] = static_cast<char>(all[all.size() / 2] ^ 1);
  test::write_file(path_, all);
  const timespec times[] = {before.st_atim, before.st_mtim};
  ASSERT_EQ(::utimensat(AT_FDCWD, path_.c_str(), times, 0), 0);
  EXPECT_EQ(verify().status, 8);
}

TEST_F(VerifyTest, VerifiesEmptyFile) {
  test::write_file(path_, "");
  receipt_["bytes"] = 0;
  receipt_["xxh128"] = xxh128_of_file(path_);
  receipt_["md5"] = "d41d8cd98f00b204e9800998ecf8427e";
  EXPECT_EQ(verify().status, 0);
}

TEST_F(VerifyTest, Exit6ForUnreadableFile) {
  std::filesystem::remove(path_);
  const test::Finished missing = verify();
  EXPECT_EQ(missing.status, 6);
  EXPECT_THAT(missing.err, HasSubstr("scan.h5: No such file"));
  std::filesystem::create_directory(path_);
  EXPECT_EQ(verify().status, 6);
}

TEST_F(VerifyTest, Exit2ForInvalidReceipt) {
  EXPECT_EQ(verify_as_it_is().status, 2) << "there is none yet";
  for (const char* text : {"", "content", "{}", "[[[[[[[[[[[["}) {
    test::write_file(receipt_path_, text);
    const test::Finished finished = verify_as_it_is();
    EXPECT_EQ(finished.status, 2);
    EXPECT_THAT(finished.err, HasSubstr("is not a sluice receipt: "));
  }
  receipt_["format"] = "sluice receipt 2";
  EXPECT_EQ(verify().status, 2);
}

TEST_F(VerifyTest, EscapesReceiptInOutput) {
  receipt_["name"] = "\x1b]0;owned\x07";
  receipt_["system"] = "\x1b[2J";
  receipt_["bytes"] = 8;
  const test::Finished finished = verify();
  EXPECT_EQ(finished.status, 8);
  EXPECT_THAT(finished.err, AllOf(Not(HasSubstr("\x1b")), Not(HasSubstr("\x07"))));
}

TEST_F(VerifyTest, PrintsOneJsonObject) {
  receipt_["md5"] = std::string(32, '0');
  for (const bool right : {false, true}) {
    if (right) receipt_["md5"] = md5_of_content;
    const test::Finished finished = verify({"--json"});
    EXPECT_EQ(finished.status, right ? 0 : 8);
    const json result = json::parse(finished.out);
    EXPECT_EQ(result.at("status"), right ? "same" : "differs");
    EXPECT_EQ(result.at("receipt"), receipt_path_);
    EXPECT_EQ(result.at("file"), path_);
    EXPECT_EQ(result.at("compared").size(), 3U);
    EXPECT_EQ(result.at("compared").at(0),
              (json{{"what", "bytes"}, {"file", "7"}, {"receipt", "7"}, {"same", true}}));
    EXPECT_EQ(result.at("compared").at(2).at("what"), "md5");
    EXPECT_EQ(result.at("compared").at(2).at("file"), md5_of_content);
    EXPECT_EQ(result.at("compared").at(2).at("same"), right);
    EXPECT_EQ(result.at("error").is_null(), right);
  }
  std::filesystem::remove(path_);
  const json failed = json::parse(verify({"--json"}).out);
  EXPECT_EQ(failed.at("status"), "failed");
  EXPECT_EQ(failed.at("error").at("kind"), "local_file");
}

TEST_F(VerifyTest, RejectsMissingAndUnknownArguments) {
  for (const Arguments& arguments :
       {Arguments{}, Arguments{receipt_path_}, Arguments{receipt_path_, path_, path_},
        Arguments{"--read", "telepathy", receipt_path_, path_}}) {
    test::Process::Options options;
    options.argv = {sluice_binary, "verify"};
    options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
    const test::Finished finished = run_sluice(options);
    EXPECT_EQ(finished.status, 2);
    EXPECT_THAT(finished.err, HasSubstr("see sluice verify --help"));
  }
}

TEST_F(VerifyTest, VerifiesFileWithBracketsInName) {
  const std::string odd = directory_ / "[a,b]";
  std::filesystem::rename(path_, odd);
  test::write_file(receipt_path_, receipt_.dump());
  test::Process::Options options;
  options.argv = {sluice_binary, "verify", receipt_path_, "[a,b]"};
  options.directory = directory_.path();
  EXPECT_EQ(run_sluice(options).status, 0);
}

}  // namespace
}  // namespace sluice::e2e::verify_test
