#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "engine/journal/journal.h"
#include "engine/report/report.h"
#include "engine/upload/upload_request.h"
#include "io/source.h"

namespace sluice {

/// What Engine::start() would do with a file, as far as journal and file system tell.
struct UploadPlan {
  enum class Action {
    upload,   ///< all of the file
    resume,   ///< from `offset` on
    compare,  ///< registered before; its time has changed, or its receipt lacks a digest that is
              ///< expected: read and compared
    none,     ///< registered before
  };
  Action action = Action::upload;
  std::uint64_t offset = 0;       ///< bytes that the server has, by the journal
  std::string registered_before;  ///< as Report has it, unless upload or resume

  /// Bytes of a file of `size` bytes that are left to send.
  std::uint64_t bytes_to_send(std::uint64_t size) const;
};
/// "upload", "resume", "compare", "none".
const char* to_string(UploadPlan::Action action);

/// Asks the journal, and no server. `file`: of request.path, now. `kind`: the server's protocol.
/// `block_bytes`: the engine's. Errors: those of find_earlier_run() and check_digests(), which the
/// upload would end with.
Result<UploadPlan> plan_upload(Journal& journal, const UploadRequest& request, ProtocolKind kind,
                               const FileIdentity& file, std::size_t block_bytes);

}  // namespace sluice
