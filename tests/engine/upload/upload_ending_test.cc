#include "engine/upload/upload_ending.h"

#include <gtest/gtest.h>

namespace sluice::upload_ending_test {
namespace {

using Status = Report::Status;
using Anew = Protocol::Anew;

UploadEnding failed(ErrorKind kind) {
  return {Status::failed, Error{kind, "broken"}};
}

TEST(UploadEnding, FailureInDoubtIsUnconfirmed) {
  for (const ErrorKind kind : {ErrorKind::unreachable, ErrorKind::failed, ErrorKind::integrity}) {
    const UploadEnding ending =
        unconfirmed_if_failed(failed(kind), true, "the file may be registered");
    EXPECT_EQ(ending.status, Status::unconfirmed);
    EXPECT_EQ(ending.error->kind, ErrorKind::unconfirmed);
    EXPECT_EQ(ending.error->message, "broken; the file may be registered");
  }
}

TEST(UploadEnding, RefusedTokenKeepsItsKindInDoubt) {
  const UploadEnding ending =
      unconfirmed_if_failed(failed(ErrorKind::token_refused), true, "doubt");
  EXPECT_EQ(ending.status, Status::unconfirmed);
  EXPECT_EQ(ending.error->kind, ErrorKind::token_refused);
}

TEST(UploadEnding, ErrorsThatAnnouncedTheDoubtAreNotChanged) {
  EXPECT_EQ(unconfirmed_if_failed(failed(ErrorKind::local_file), true, "doubt").error->message,
            "broken");
  EXPECT_EQ(unconfirmed_if_failed(failed(ErrorKind::failed), false, "doubt").error->message,
            "broken");
}

TEST(UploadEnding, OtherStatusesAreNotChanged) {
  EXPECT_EQ(unconfirmed_if_failed({Status::registered, {}}, true, "doubt").status,
            Status::registered);
  const UploadEnding interrupted = unconfirmed_if_failed(
      {Status::interrupted, Error{ErrorKind::interrupted, "x"}}, true, "doubt");
  EXPECT_EQ(interrupted.status, Status::interrupted);
  EXPECT_EQ(interrupted.error->message, "x");
}

TEST(UploadEnding, NextRunSendsWhatTheProtocolAsksFor) {
  using Again = Report::Again;
  EXPECT_EQ(again_after(failed(ErrorKind::failed), Anew::nothing), Again::nothing);
  EXPECT_EQ(again_after(failed(ErrorKind::failed), Anew::what_is_missing), Again::what_is_missing);
  EXPECT_EQ(again_after(failed(ErrorKind::integrity), Anew::all), Again::what_is_missing);
  EXPECT_EQ(again_after(failed(ErrorKind::failed), Anew::whole), Again::whole);
  // Nothing that the server's bytes have to do with.
  EXPECT_EQ(again_after(failed(ErrorKind::local_file), Anew::all), Again::nothing);
  // It may be registered.
  EXPECT_EQ(again_after({Status::unconfirmed, Error{ErrorKind::failed, ""}}, Anew::all),
            Again::nothing);
}

TEST(UploadEnding, ReceiptHasTheTimesInSeconds) {
  Report report;
  report.file = "/data/scan.h5";
  report.name = "scan.h5";
  report.registered_as = "scan_1.h5";
  report.dataset = "IDB-1";
  report.bytes = 42;
  report.xxh128 = "00112233445566778899aabbccddeeff";
  report.md5 = "md5";
  report.sha256 = "sha256";
  report.protocol = "tus";
  const Receipt receipt = make_receipt(report, {.base_url = "https://bank.example",
                                                .modified = {0, 500'000'000},
                                                .started_s = 60,
                                                .registered_s = 3600});
  EXPECT_EQ(receipt.file, report.file);
  EXPECT_EQ(receipt.stored_name(), "scan_1.h5");
  EXPECT_EQ(receipt.page(), "https://bank.example/datasets/IDB-1");
  EXPECT_EQ(receipt.bytes, 42U);
  EXPECT_EQ(receipt.modified, utc_time(FileTime{0, 500'000'000}));
  EXPECT_EQ(receipt.started, "1970-01-01T00:01:00Z");
  EXPECT_EQ(receipt.registered, "1970-01-01T01:00:00Z");
  EXPECT_EQ(receipt.xxh128, report.xxh128);
  EXPECT_EQ(receipt.md5, "md5");
  EXPECT_EQ(receipt.sha256, "sha256");
  EXPECT_EQ(receipt.protocol, "tus");
}

}  // namespace
}  // namespace sluice::upload_ending_test
