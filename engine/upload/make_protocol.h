#pragma once

#include <memory>
#include <optional>

#include "engine/protocol/creation_with_upload.h"
#include "engine/protocol/protocol.h"
#include "engine/upload/earlier_run.h"
#include "engine/upload/upload_request.h"
#include "io/result.h"

namespace sluice {

/// Returns the protocol for `request`: that of its server profile; phased if the profile says
/// `automatic`.
ProtocolKind protocol_of(const UploadRequest& request);

/// Creates the protocol state machine for a file of `size` bytes. `earlier`: an earlier run with
/// the same protocol. `joined`: the file goes in parts that the server joins. `stored_before`: as
/// in Deposit. `creation`: as in Tus::Setting. Errors: usage; failed if the server does not accept
/// such a file over this protocol.
Result<std::unique_ptr<Protocol>> make_protocol(const UploadRequest& request, ProtocolKind kind,
                                                std::uint64_t size,
                                                const std::optional<EarlierRun>& earlier,
                                                bool joined = false,
                                                const std::string& stored_before = {},
                                                CreationWithUpload* creation = nullptr);

/// Creates the tus state machine for one part of a file; the part has `size` bytes.
std::unique_ptr<Protocol> make_part_protocol(const UploadRequest& request, std::uint64_t size,
                                             const std::optional<EarlierRun>& earlier);

}  // namespace sluice
