#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "io/result.h"
#include "tools/databankd/store/dataset.h"
#include "tools/databankd/store/digest.h"

namespace sluice::databankd {

/// The file of a one-shot deposit while it arrives (protocol section 3): in an unnamed file, so
/// that nothing is left of one that breaks off. One thread at a time; `dataset` outlives it.
class OneShot {
 public:
  OneShot(Dataset& dataset, std::string name);

  /// The next bytes. Never fails: finish() reports what went wrong here.
  void write(std::span<const std::byte> data);

  /// All bytes have come: makes them a file of the dataset. Error for a name that is no base name,
  /// or from the disk.
  Result<Registration> finish();

  const std::string& name() const { return deposit_.name; }

 private:
  Dataset& dataset_;
  Dataset::Deposit deposit_;
  Digest digest_;
  int error_ = 0;  ///< the first errno that stopped the writing
};

}  // namespace sluice::databankd
