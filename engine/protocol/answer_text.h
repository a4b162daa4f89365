#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "engine/protocol/protocol.h"

/// Reading an untrusted answer's body: what the Data Bank's protocols have in common.
namespace sluice {

/// The body as one plain string: trimmed, and without the quotes of a JSON string if it is one.
/// Servers of this family say application/json and send bare text (protocol, common facts).
std::string answer_text(const Answer& answer);

/// Whether the server says that the request is none of any protocol it speaks, so that it has done
/// nothing (protocol, common facts).
bool fits_no_protocol(const Answer& answer);

/// Whether the answer is an HTML page, by its Content-Type or its first character: no Data Bank
/// answers an API call with one, but what stands in front of it does.
bool is_page(const Answer& answer);

/// Whether the status is one of a server that is not there for now: 408, 429, 502, 503 or 504.
bool is_away(const Answer& answer);

/// A JSON object that reports a failure: {"error": ..., "progress": ..., "status": ...}.
struct FailureObject {
  std::string error;                      ///< what it says; not fit for a terminal
  std::optional<std::uint64_t> progress;  ///< bytes the server holds, where it says so sensibly
};

/// The failure in the body, if the body is a JSON object with `error`. A body that is cut short, or
/// nested deeper than 16, is no JSON object here.
std::optional<FailureObject> failure_object(const Answer& answer);

}  // namespace sluice
