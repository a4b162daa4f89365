#include "engine/upload/registered_before.h"

#include <fmt/format.h>

#include <chrono>
#include <utility>

#include "engine/base/clock.h"
#include "engine/base/text.h"
#include "engine/pipeline/file_check.h"
#include "engine/protocol/deposit.h"
#include "engine/report/receipt.h"
#include "io/local_file.h"

namespace sluice {
namespace {

/// An upload that had ended before it was started.
class EndedUpload final : public Upload {
 public:
  explicit EndedUpload(Report report) : report_(std::move(report)) {}
  Progress progress() const override { return {report_.bytes, report_.bytes, report_.bytes}; }
  void cancel() override {}
  bool wait_until(std::chrono::steady_clock::time_point) override { return true; }
  Report wait() override { return report_; }

 private:
  const Report report_;
};

/// An upload that reads a file and compares it with the registered one.
class ComparingUpload final : public Upload {
 public:
  static Result<std::unique_ptr<Upload>> start(Comparison comparison) {
    std::unique_ptr<ComparingUpload> upload(new ComparingUpload(std::move(comparison)));
    const Comparison& of = upload->comparison_;
    FileCheck::Setting check{
        .source = *of.source, .workers = of.workers, .block_bytes = of.block_bytes};
    check.extra = missing_digests(of.request.expected, report_before(of.request, of.entry));
    check.pool_blocks = FileCheck::pool_blocks_beside(of.block_bytes);
    if (of.request.on_over) check.on_done = of.request.on_over;
    TRY_ASSIGN(upload->check_, FileCheck::start(std::move(check)));
    return std::unique_ptr<Upload>(std::move(upload));
  }

  Progress progress() const override {
    return {comparison_.entry.file.size, check_->progress(), check_->progress()};
  }
  void cancel() override { check_->cancel(); }
  bool wait_until(std::chrono::steady_clock::time_point deadline) override {
    return check_->wait_until(deadline);
  }
  Report wait() override {
    while (!check_->wait_until(steady_now() + std::chrono::hours(1))) continue;
    const UploadRequest& request = comparison_.request;
    Report report = report_before(request, comparison_.entry);
    const Result<FileCheck::Digests> digests = check_->result();
    if (digests && digests->xxh128 == report.xxh128) {
      // If the journal cannot be written, the next run reads the file again.
      static_cast<void>(
          comparison_.journal.note_file(comparison_.entry.id, comparison_.source->identity()));
      if (report.md5.empty()) report.md5 = digests->md5;
      if (report.sha256.empty()) report.sha256 = digests->sha256;
      check_registered_digests(request.expected, report);
      return report;
    }
    report.registered_before.clear();
    report.receipt.reset();
    report.xxh128.clear();
    report.md5.clear();
    report.sha256.clear();
    report.committed = 0;
    report.error = digests ? from_another_file(request, comparison_.entry) : digests.error();
    report.status = report.error->kind == ErrorKind::interrupted ? Report::Status::interrupted
                                                                 : Report::Status::failed;
    return report;
  }

 private:
  explicit ComparingUpload(Comparison comparison) : comparison_(std::move(comparison)) {}

  Comparison comparison_;
  std::unique_ptr<FileCheck> check_;  // declared last, destroyed first: it reads the source
};

}  // namespace

bool is_same_path(const JournalEntry& entry, const UploadRequest& request) {
  return entry.path == absolute_path(request.path);
}

bool is_same_file(const JournalEntry& entry, const UploadRequest& request,
                  const FileIdentity& file) {
  // Device numbers differ between the nodes of a cluster, and inodes change after a restore. But a
  // different inode on the same device means that the path now names another file.
  const bool replaced = entry.file.device == file.device && entry.file.inode != file.inode;
  return !replaced && is_same_path(entry, request) && entry.file.size == file.size &&
         entry.file.modified == file.modified;
}

bool may_be_touched(const JournalEntry& entry, const UploadRequest& request,
                    const FileIdentity& file) {
  return is_same_path(entry, request) && entry.file.size == file.size &&
         entry.file.inode == file.inode && entry.file.modified != file.modified &&
         report_before(request, entry).receipt.has_value();
}

bool lacks_digests(const JournalEntry& entry, const UploadRequest& request) {
  if (request.expected.md5.empty() && request.expected.sha256.empty()) return false;
  const Report report = report_before(request, entry);
  return report.receipt.has_value() && !missing_digests(request.expected, report).empty();
}

bool has_to_be_read(const JournalEntry& entry, const UploadRequest& request,
                    const FileIdentity& file) {
  return !is_same_file(entry, request, file) || lacks_digests(entry, request);
}

Error from_another_file(const UploadRequest& request, const JournalEntry& entry) {
  return {
      ErrorKind::name_taken,
      fmt::format(
          "cannot upload '{}' into dataset {}: a file of this name was registered at {} from {}{}; "
          "choose another name, or register a second file of this name with --restart",
          printable(request.name), request.dataset, utc_time(entry.updated_s * 1'000'000'000),
          printable(entry.path),
          is_same_path(entry, request) ? ", and that file has changed since" : "")};
}

Result<std::unique_ptr<Upload>> compare_registered(Comparison comparison) {
  return ComparingUpload::start(std::move(comparison));
}

Error cannot_compare(const UploadRequest& request, const JournalEntry& entry) {
  return {ErrorKind::name_taken,
          fmt::format(
              "cannot compare '{}' with dataset {}: according to the journal, this file was "
              "registered at {}, and --verify-prefix works only for unfinished uploads; "
              "compare the file with its receipt (sluice verify), or leave out "
              "--verify-prefix",
              printable(request.name), request.dataset, utc_time(entry.updated_s * 1'000'000'000))};
}

Report report_before(const UploadRequest& request, const JournalEntry& entry) {
  Report report;
  report.dataset = entry.dataset;
  report.file = request.path;
  report.name = entry.name;
  report.bytes = report.committed = entry.file.size;
  report.status = Report::Status::registered;
  report.protocol = entry.protocol;
  report.registered_before = utc_time(entry.updated_s * 1'000'000'000);
  // The journal is a file that can be edited: ignore a receipt of another upload.
  auto receipt = parse_receipt(entry.receipt, "the journal's receipt");
  if (!receipt || receipt->bytes != entry.file.size || receipt->name != entry.name ||
      receipt->dataset != entry.dataset)
    return report;
  if (check_deposit_name(receipt->registered_as)) report.registered_as = receipt->registered_as;
  report.xxh128 = receipt->xxh128;
  report.md5 = receipt->md5;
  report.sha256 = receipt->sha256;
  report.receipt = *std::move(receipt);
  return report;
}

std::unique_ptr<Upload> over_before(const UploadRequest& request, const JournalEntry& entry) {
  Report report = report_before(request, entry);
  check_registered_digests(request.expected, report);
  auto upload = std::make_unique<EndedUpload>(std::move(report));
  if (request.on_over) request.on_over();
  return upload;
}

}  // namespace sluice
