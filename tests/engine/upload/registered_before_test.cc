#include "engine/upload/registered_before.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "engine/report/receipt.h"

namespace sluice::registered_before_test {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string md5 = "d41d8cd98f00b204e9800998ecf8427e";

UploadRequest request() {
  UploadRequest request;
  request.base_url = "https://bank.example";
  request.dataset = "IDB-1";
  request.path = "/data/scan.h5";
  request.name = "scan.h5";
  return request;
}

Receipt receipt() {
  Receipt receipt;
  receipt.file = "/data/scan.h5";
  receipt.name = "scan.h5";
  receipt.dataset = "IDB-1";
  receipt.system = "https://bank.example";
  receipt.bytes = 1000;
  receipt.modified = receipt.started = receipt.registered = utc_time(1'700'000'000'000'000'000);
  receipt.xxh128 = "b3a091f6c6024e7b0013ad85c2608840";
  receipt.protocol = "tus";
  receipt.version = "0.2.0";
  return receipt;
}

JournalEntry entry(const Receipt& with = receipt()) {
  JournalEntry entry;
  entry.system = "https://bank.example";
  entry.dataset = "IDB-1";
  entry.name = "scan.h5";
  entry.path = "/data/scan.h5";
  entry.protocol = "tus";
  entry.state = JournalEntry::State::registered;
  entry.file = {.size = 1000, .modified = {1'700'000'000, 5}, .device = 3, .inode = 4};
  entry.updated_s = 1'700'000'100;
  entry.receipt = to_json(with);
  return entry;
}

FileIdentity file() {
  return entry().file;
}

TEST(RegisteredBefore, RecognisesSameFile) {
  EXPECT_TRUE(is_same_file(entry(), request(), file()));
  EXPECT_FALSE(has_to_be_read(entry(), request(), file()));
}

TEST(RegisteredBefore, AnotherSizeTimeOrPathIsAnotherFile) {
  FileIdentity larger = file();
  ++larger.size;
  EXPECT_FALSE(is_same_file(entry(), request(), larger));
  FileIdentity newer = file();
  ++newer.modified.nanoseconds;
  EXPECT_FALSE(is_same_file(entry(), request(), newer));
  UploadRequest elsewhere = request();
  elsewhere.path = "/data/copy/scan.h5";
  EXPECT_FALSE(is_same_file(entry(), elsewhere, file()));
}

/// A relative path and the absolute path of the journal name the same file.
TEST(RegisteredBefore, ComparesAbsolutePaths) {
  UploadRequest relative = request();
  relative.path = "scan.h5";
  EXPECT_FALSE(is_same_path(entry(), relative)) << "the working directory is not /data";
  relative.path = "/data/./scan.h5";
  EXPECT_TRUE(is_same_path(entry(), relative));
}

/// Another node of a cluster numbers the device of a shared file system differently.
TEST(RegisteredBefore, AnotherInodeIsAnotherFileOnlyOnSameDevice) {
  FileIdentity replaced = file();
  ++replaced.inode;
  EXPECT_FALSE(is_same_file(entry(), request(), replaced));
  ++replaced.device;
  EXPECT_TRUE(is_same_file(entry(), request(), replaced));
}

TEST(RegisteredBefore, ChangedTimeAloneNeedsComparison) {
  FileIdentity touched = file();
  touched.modified.seconds += 60;
  EXPECT_TRUE(may_be_touched(entry(), request(), touched));
  EXPECT_TRUE(has_to_be_read(entry(), request(), touched));
  EXPECT_FALSE(may_be_touched(entry(), request(), file())) << "the time has not changed";
  FileIdentity other = touched;
  ++other.inode;
  EXPECT_FALSE(may_be_touched(entry(), request(), other));
  other = touched;
  ++other.size;
  EXPECT_FALSE(may_be_touched(entry(), request(), other));
  JournalEntry without_receipt = entry();
  without_receipt.receipt.clear();
  EXPECT_FALSE(may_be_touched(without_receipt, request(), touched));
}

TEST(RegisteredBefore, ReadsFileForExpectedDigestsThatReceiptLacks) {
  UploadRequest expecting = request();
  EXPECT_FALSE(lacks_digests(entry(), expecting));
  expecting.expected.md5 = md5;
  EXPECT_TRUE(lacks_digests(entry(), expecting));
  EXPECT_TRUE(has_to_be_read(entry(), expecting, file()));
  Receipt with_md5 = receipt();
  with_md5.md5 = md5;
  EXPECT_FALSE(lacks_digests(entry(with_md5), expecting));
}

TEST(RegisteredBefore, ReportHasDataOfReceipt) {
  Receipt stored = receipt();
  stored.registered_as = "scan_1.h5";
  stored.md5 = md5;
  const Report report = report_before(request(), entry(stored));
  EXPECT_EQ(report.status, Report::Status::registered);
  EXPECT_EQ(report.name, "scan.h5");
  EXPECT_EQ(report.registered_as, "scan_1.h5");
  EXPECT_EQ(report.bytes, 1000U);
  EXPECT_EQ(report.committed, 1000U);
  EXPECT_EQ(report.protocol, "tus");
  EXPECT_EQ(report.registered_before, utc_time(1'700'000'100'000'000'000));
  EXPECT_EQ(report.xxh128, stored.xxh128);
  EXPECT_EQ(report.md5, md5);
  EXPECT_EQ(report.receipt, stored);
}

/// The journal is a file that can be edited.
TEST(RegisteredBefore, IgnoresReceiptOfAnotherUpload) {
  Receipt size = receipt();
  ++size.bytes;
  Receipt name = receipt();
  name.name = "other.h5";
  Receipt dataset = receipt();
  dataset.dataset = "IDB-2";
  for (const Receipt& other : {size, name, dataset}) {
    const Report report = report_before(request(), entry(other));
    EXPECT_FALSE(report.receipt);
    EXPECT_EQ(report.xxh128, "");
    EXPECT_EQ(report.status, Report::Status::registered);
  }
  JournalEntry invalid = entry();
  invalid.receipt = "{";
  EXPECT_FALSE(report_before(request(), invalid).receipt);
}

TEST(RegisteredBefore, IgnoresStoredNameThatIsNoDepositName) {
  Receipt hostile = receipt();
  hostile.registered_as = "../scan.h5";
  EXPECT_EQ(report_before(request(), entry(hostile)).registered_as, "");
}

TEST(RegisteredBefore, ErrorNamesFileAndTime) {
  const Error changed = from_another_file(request(), entry());
  EXPECT_EQ(changed.kind, ErrorKind::name_taken);
  EXPECT_THAT(changed.message, HasSubstr("cannot upload 'scan.h5' into dataset IDB-1"));
  EXPECT_THAT(changed.message, HasSubstr("at 2023-11-14T22:15:00Z from /data/scan.h5"));
  EXPECT_THAT(changed.message, HasSubstr("that file has changed since"));
  UploadRequest elsewhere = request();
  elsewhere.path = "/data/copy/scan.h5";
  EXPECT_THAT(from_another_file(elsewhere, entry()).message, Not(HasSubstr("changed since")));
}

TEST(RegisteredBefore, UploadHasEndedAtOnce) {
  int over = 0;
  UploadRequest notified = request();
  notified.on_over = [&over] { ++over; };
  const auto upload = over_before(notified, entry());
  EXPECT_EQ(over, 1);
  EXPECT_EQ(upload->progress().committed, 1000U);
  EXPECT_TRUE(upload->wait_until({}));
  EXPECT_EQ(upload->wait().status, Report::Status::registered);
}

TEST(RegisteredBefore, UploadFailsIfReceiptHasAnotherDigest) {
  UploadRequest expecting = request();
  expecting.expected.xxh128 = std::string(32, '0');
  const Report report = over_before(expecting, entry())->wait();
  ASSERT_TRUE(report.error);
  EXPECT_EQ(report.error->kind, ErrorKind::integrity);
}

}  // namespace
}  // namespace sluice::registered_before_test
