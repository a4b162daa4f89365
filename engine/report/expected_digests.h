#pragma once

#include <string>
#include <vector>

#include "engine/digest/digest_kind.h"
#include "engine/report/report.h"
#include "io/result.h"

namespace sluice {

/// The digests that the user expects of a file, in lower-case hexadecimal digits. An empty one is
/// not compared.
struct ExpectedDigests {
  std::string xxh128;
  std::string md5;
  std::string sha256;

  /// Whether any digest is expected.
  bool any() const { return !xxh128.empty() || !md5.empty() || !sha256.empty(); }
};

/// Compares the expected digests with those of `report`. Skips the digests that `report` lacks.
/// `registered`: whether an earlier run has registered the file in the dataset; it selects the
/// advice in the message. Error integrity, which contains both digests. Pure, any thread.
Result<void> check_digests(const ExpectedDigests& expected, const Report& report, bool registered);

/// Returns the expected digests that `report` lacks. XXH128 is not among them, because every
/// receipt has it. Pure, any thread.
std::vector<DigestKind> missing_digests(const ExpectedDigests& expected, const Report& report);

/// Runs check_digests() for a file that an earlier run has registered. If a digest differs, turns
/// `report` into the report of a failed upload and clears its receipt and its digests.
void check_registered_digests(const ExpectedDigests& expected, Report& report);

}  // namespace sluice
