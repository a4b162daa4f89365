#pragma once

#include <string>
#include <vector>

#include "engine/digest/digest_kind.h"
#include "engine/report/report.h"
#include "io/result.h"

namespace sluice {

/// What a file's digests have to be: lower-case hexadecimal digits; empty where any will do.
struct ExpectedDigests {
  std::string xxh128;
  std::string md5;
  std::string sha256;

  bool any() const { return !xxh128.empty() || !md5.empty() || !sha256.empty(); }
};

/// Compares those that are expected with those of `report`; what the report does not have is not
/// compared. Error integrity, with both digests; `registered`: whether the file is in the dataset.
/// Pure, any thread.
Result<void> check_digests(const ExpectedDigests& expected, const Report& report, bool registered);

/// Those that are expected and that `report` does not have, besides XXH128, which each receipt has.
/// Pure, any thread.
std::vector<DigestKind> missing_digests(const ExpectedDigests& expected, const Report& report);

/// check_digests() for a file that an earlier run has registered: where a digest differs, turns
/// `report` into that of a failed upload.
void check_registered_digests(const ExpectedDigests& expected, Report& report);

}  // namespace sluice
