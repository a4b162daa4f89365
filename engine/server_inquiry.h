#pragma once

#include <functional>
#include <optional>

#include "engine/http.h"
#include "engine/server_profile.h"
#include "engine/upload.h"
#include "io/result.h"

namespace sluice {

/// Asks a server what it is, twice at once: OPTIONS {base}/files/ (tus) and a setup without
/// filesize (phased), neither of which changes anything; the second one's answer also tells whether
/// the token is good for the dataset (protocol section "Which one").
///
/// Waits for both on the caller's thread. Errors: those of Engine::ask_server(), but one try alone.
Result<ServerProfile> inquire(Http& http, const Engine::Inquiry& inquiry);

/// What the two answers mean together. An error stands for no answer.
Result<ServerProfile> read_inquiry(const Engine::Inquiry& inquiry, const Result<Answer>& options,
                                   const Result<Answer>& setup);

}  // namespace sluice
