#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "engine/journal/journal.h"
#include "engine/report/report.h"
#include "engine/upload/upload_request.h"
#include "io/source.h"

namespace sluice {

/// The action that Engine::start() would take for a file, according to the journal and the file
/// system.
struct UploadPlan {
  enum class Action {
    upload,   ///< send the whole file
    resume,   ///< send the file from `offset` on
    compare,  ///< registered before, but its modification time changed or its receipt lacks an
              ///< expected digest: read the file and compare
    none,     ///< registered before; nothing to do
  };
  Action action = Action::upload;
  std::uint64_t offset = 0;       ///< committed offset according to the journal
  std::string registered_before;  ///< as in Report; empty for upload and resume

  /// Returns how many bytes of a file of `size` bytes are still to be sent.
  std::uint64_t bytes_to_send(std::uint64_t size) const;
};
/// Returns "upload", "resume", "compare" or "none".
const char* to_string(UploadPlan::Action action);

/// Plans an upload from the journal, without asking a server. May block on the disk. `file`:
/// current identity of request.path. `kind`: the server's protocol. `block_bytes`: the engine's
/// block size. Errors: those of find_earlier_run() and check_digests(), with which the upload would
/// end.
Result<UploadPlan> plan_upload(Journal& journal, const UploadRequest& request, ProtocolKind kind,
                               const FileIdentity& file, std::size_t block_bytes);

}  // namespace sluice
