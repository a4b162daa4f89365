#pragma once

#include <cstddef>
#include <memory>

#include "engine/base/log.h"
#include "engine/upload/upload_request.h"
#include "io/result.h"
#include "io/source.h"

namespace sluice {

/// The engine's settings for open_file().
struct FileOpening {
  std::size_t block_bytes;  ///< the engine's block size
  bool for_journal;         ///< the engine has a journal, which must store the path
  const Log& log;           ///< receives how the file is read; may be empty
};

/// Opens the file of a request with the request's read_mode, and checks that it can be uploaded.
/// Any thread. May block on the disk. Errors: local_file (missing, unreadable, not a regular file,
/// too large, or a path that is too long for the journal), usage (too many blocks).
Result<std::unique_ptr<Source>> open_file(const UploadRequest& request, const FileOpening& opening);

}  // namespace sluice
