#include "engine/report/expected_digests.h"

#include <fmt/format.h>

#include "engine/base/text.h"

namespace sluice {

Result<void> check_digests(const ExpectedDigests& expected, const Report& report, bool registered) {
  const struct {
    const char* name;
    const std::string& expected;
    const std::string& found;
  } all[] = {{"xxh128", expected.xxh128, report.xxh128},
             {"md5", expected.md5, report.md5},
             {"sha256", expected.sha256, report.sha256}};
  for (const auto& one : all) {
    if (one.expected.empty() || one.found.empty() || one.expected == one.found) continue;
    return Error{
        ErrorKind::integrity,
        fmt::format("cannot register {}: the {} of the file is {}, and {} was expected; {}",
                    printable(report.file), one.name, one.found, one.expected,
                    registered ? "an earlier run has registered the file with this digest"
                               : "nothing was registered; correct the file, or the digest "
                                 "in the manifest")};
  }
  return {};
}

std::vector<DigestKind> missing_digests(const ExpectedDigests& expected, const Report& report) {
  std::vector<DigestKind> missing;
  if (!expected.md5.empty() && report.md5.empty()) missing.push_back(DigestKind::md5);
  if (!expected.sha256.empty() && report.sha256.empty()) missing.push_back(DigestKind::sha256);
  return missing;
}

void check_registered_digests(const ExpectedDigests& expected, Report& report) {
  Result<void> same = check_digests(expected, report, /*registered=*/true);
  if (same) return;
  report.status = Report::Status::failed;
  report.error = std::move(same).error();
  report.registered_before.clear();
  report.receipt.reset();
  report.xxh128.clear();
  report.md5.clear();
  report.sha256.clear();
}

}  // namespace sluice
