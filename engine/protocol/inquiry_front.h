#pragma once

#include "engine/protocol/inquiry.h"
#include "engine/protocol/server_inquiry.h"
#include "engine/protocol/server_profile.h"
#include "io/result.h"

namespace sluice {

/// Returns `found`, the result of read_inquiry(), or a retryable error where `found` rests on a
/// response that may come from a reverse proxy. Pure.
///
/// During a deployment a reverse proxy answers 404 or a page for some seconds. Taken at its word,
/// the server would seem to speak no tus, or to be no Data Bank at all.
///
/// `known`: the protocol that the server spoke earlier; `automatic`: not known. Where the protocol
/// is known, the error is of kind `unreachable` and transient (retried like any other). Where the
/// protocol is not known, the error is of kind `failed` and gets few_tries.
Result<ServerProfile> doubt_front(const Inquiry& inquiry, const Inquired& inquired,
                                  ProtocolKind known, Result<ServerProfile> found);

}  // namespace sluice
