#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "engine/protocol/protocol.h"

/// Readers for the untrusted body of a response, common to all protocols of the Data Bank. Pure
/// functions, any thread.
namespace sluice {

/// Returns the body as plain text: without white space at its ends and, if the body is a JSON
/// string, decoded. Data Banks send Content-Type application/json with a bare text (protocol,
/// common facts).
std::string answer_text(const Answer& answer);

/// Returns whether the response is an HTML page, by its Content-Type or its first character. A Data
/// Bank never answers an API call with a page; a reverse proxy does.
bool is_page(const Answer& answer);

/// Returns whether the status says that the server is temporarily unavailable: 408, 429, 502, 503
/// or 504.
bool is_away(const Answer& answer);

/// A JSON object that reports a failure: {"error": ..., "progress": ..., "status": ...}.
struct FailureObject {
  std::string error;                      ///< the server's text, not made safe for a terminal
  std::optional<std::uint64_t> progress;  ///< bytes the server holds; nullopt if absent or invalid
};

/// Returns the failure that the body reports, if the body is a JSON object with a non-null `error`.
/// Returns nullopt for any other body, for a truncated one, and for JSON nested deeper than 16
/// levels.
std::optional<FailureObject> failure_object(const Answer& answer);

}  // namespace sluice
