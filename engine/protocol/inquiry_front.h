#pragma once

#include "engine/protocol/inquiry.h"
#include "engine/protocol/server_inquiry.h"
#include "engine/protocol/server_profile.h"
#include "io/result.h"

namespace sluice {

/// Doubts what read_inquiry() made of two answers where something in front of the server may have
/// given them: during a deployment it answers 404 or a page for some seconds, and the server is
/// taken for one without tus, or for no Data Bank at all.
///
/// `known`: what the server was found to speak before; `automatic` for nothing. Returns `found`, or
/// in its place a retryable error: of kind `unreachable` where the server is known, to be retried
/// as long as any other, and of kind `failed` where it is not, which is worth few_tries. Pure.
Result<ServerProfile> doubt_front(const Inquiry& inquiry, const Inquired& inquired,
                                  ProtocolKind known, Result<ServerProfile> found);

}  // namespace sluice
