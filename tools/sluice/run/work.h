#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/upload.h"

/// What a run is to upload. A run may have 100,000 files, so that what all files of a dataset have
/// in common is kept once.
namespace sluice::cli {

/// What the uploads into one dataset have in common: `request` without path and name. Uploader adds
/// what the command line says.
struct Target {
  UploadRequest request;
};

/// What a manifest says that a file is.
struct Expected {
  std::optional<std::uint64_t> bytes;
  ExpectedDigests digests;
};

/// One file to upload.
struct WorkItem {
  std::size_t number = 0;  ///< its place in the report
  std::size_t target = 0;  ///< index into Work::targets
  std::string path;
  std::string name;                         ///< in the dataset
  std::uint64_t bytes = 0;                  ///< the file's size
  std::unique_ptr<Expected> expected = {};  ///< null: anything
};

struct Work {
  std::vector<Target> targets;
  std::vector<WorkItem> items;  ///< in the order in which they start
  bool dry_run = false;         ///< as UploadRequest::dry_run of all targets
};

}  // namespace sluice::cli
