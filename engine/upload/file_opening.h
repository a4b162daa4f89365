#pragma once

#include <cstddef>
#include <memory>

#include "engine/base/log.h"
#include "engine/upload/upload_request.h"
#include "io/result.h"
#include "io/source.h"

namespace sluice {

struct FileOpening {
  std::size_t block_bytes;  ///< the engine's
  bool for_journal;         ///< there is a journal, which has to keep the path
  const Log& log;           ///< told how the file is read; may be empty
};

/// Opens the file of a request, as its read_mode says, if it can be uploaded. Any thread; may wait
/// for the disk. Errors: local_file (missing, unreadable, no regular file, too large, a path that
/// the journal cannot keep), usage (too many blocks).
Result<std::unique_ptr<Source>> open_file(const UploadRequest& request, const FileOpening& opening);

}  // namespace sluice
