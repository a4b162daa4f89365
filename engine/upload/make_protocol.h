#pragma once

#include <memory>
#include <optional>

#include "engine/protocol/creation_with_upload.h"
#include "engine/protocol/protocol.h"
#include "engine/upload/earlier_run.h"
#include "engine/upload/upload_request.h"
#include "io/result.h"

namespace sluice {

/// What `request` is spoken in: what its server profile says, else the specification's.
ProtocolKind protocol_of(const UploadRequest& request);

/// The state machine for a file of `size` bytes. `earlier`: of the same protocol. `joined`: it goes
/// in parts. `stored_before`: as Deposit has it. `creation`: as Tus::Setting has it. Errors: usage,
/// failed where the server does not take such a file this way.
Result<std::unique_ptr<Protocol>> make_protocol(const UploadRequest& request, ProtocolKind kind,
                                                std::uint64_t size,
                                                const std::optional<EarlierRun>& earlier,
                                                bool joined = false,
                                                const std::string& stored_before = {},
                                                CreationWithUpload* creation = nullptr);

/// For a part of a file, of `size` bytes, that goes over tus.
std::unique_ptr<Protocol> make_part_protocol(const UploadRequest& request, std::uint64_t size,
                                             const std::optional<EarlierRun>& earlier);

}  // namespace sluice
