#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/upload.h"

/// The files of a run. A run may have 100,000 files: settings that the files of a dataset share are
/// stored once.
namespace sluice::cli {

/// The settings that the uploads into a dataset share: `request` without path and name. Uploader
/// adds those of the command line.
struct Target {
  UploadRequest request;
};

/// The expected size and digests of a file, from a manifest.
struct Expected {
  std::optional<std::uint64_t> bytes;
  ExpectedDigests digests;
};

/// A file to upload.
struct WorkItem {
  std::size_t number = 0;  ///< its position in the report
  std::size_t target = 0;  ///< index into Work::targets
  std::string path;
  std::string name;                         ///< in the dataset
  std::uint64_t bytes = 0;                  ///< the file's size
  std::unique_ptr<Expected> expected = {};  ///< null: no expectations
};

struct Work {
  std::vector<Target> targets;
  std::vector<WorkItem> items;  ///< in the order in which they start
  bool dry_run = false;         ///< equal to UploadRequest::dry_run of all targets
};

}  // namespace sluice::cli
