#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "io/result.h"
#include "tools/databankd/store/dataset.h"
#include "tools/databankd/store/digest.h"

namespace sluice::databankd {

/// The file of a binary upload while it arrives (protocol section 3): an unnamed file, so that a
/// request that breaks off leaves nothing. One thread at a time; `dataset` must outlive it.
class OneShot {
 public:
  OneShot(Dataset& dataset, std::string name);

  /// Adds bytes. Never fails: finish() reports errors.
  void write(std::span<const std::byte> data);

  /// Registers the file after all bytes have arrived. Error for a name that is not a base name, or
  /// from the disk.
  Result<Registration> finish();

  const std::string& name() const { return deposit_.name; }

 private:
  Dataset& dataset_;
  Dataset::Deposit deposit_;
  Digest digest_;
  int error_ = 0;  ///< the first errno of the writing
};

}  // namespace sluice::databankd
