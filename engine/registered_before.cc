#include "engine/registered_before.h"

#include <fmt/format.h>

#include <utility>

#include "engine/deposit.h"
#include "engine/receipt.h"
#include "engine/text.h"
#include "io/local_file.h"

namespace sluice {
namespace {

class Over final : public Upload {
 public:
  explicit Over(Report report) : report_(std::move(report)) {}
  Progress progress() const override { return {report_.bytes, report_.bytes, report_.bytes}; }
  void cancel() override {}
  bool wait_until(std::chrono::steady_clock::time_point) override { return true; }
  Report wait() override { return report_; }

 private:
  const Report report_;
};

}  // namespace

bool is_same_path(const JournalEntry& entry, const UploadRequest& request) {
  return entry.path == absolute_path(request.path);
}

bool is_same_file(const JournalEntry& entry, const UploadRequest& request,
                  const FileIdentity& file) {
  // Devices differ between the nodes of a cluster, and inodes after a restore; but another inode on
  // the same device is another file that took the place.
  const bool replaced = entry.file.device == file.device && entry.file.inode != file.inode;
  return !replaced && is_same_path(entry, request) && entry.file.size == file.size &&
         entry.file.modified == file.modified;
}

Error cannot_compare(const UploadRequest& request, const JournalEntry& entry) {
  return {ErrorKind::name_taken,
          fmt::format("'{}' was registered in dataset {} at {}, says the journal, from this file, "
                      "going by its size and time, and with what is registered --verify-prefix can "
                      "compare nothing; compare the file with its receipt (sluice verify), or "
                      "leave --verify-prefix out",
                      printable(request.name), request.dataset,
                      utc_time(entry.updated_s * 1'000'000'000))};
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
  // The journal is a file that can be edited: a receipt that is of something else is none.
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
  auto upload = std::make_unique<Over>(report_before(request, entry));
  if (request.on_over) request.on_over();
  return upload;
}

}  // namespace sluice
