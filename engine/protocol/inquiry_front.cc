#include "engine/protocol/inquiry_front.h"

#include <fmt/format.h>

#include <utility>

#include "engine/base/persistence.h"
#include "engine/base/text.h"
#include "engine/protocol/answer_text.h"

namespace sluice {
namespace {

/// Returns whether the response may come from a reverse proxy: no Data Bank sends such a response
/// to these questions.
bool may_be_from_reverse_proxy(const Result<Answer>& answer) {
  if (!answer || answer->status == 401 || answer->status == 407) return false;
  if (answer->status >= 300 && answer->status < 400) return false;
  return is_page(*answer) || (answer->status >= 400 && answer->status < 500);
}

}  // namespace

Result<ServerProfile> doubt_front(const Inquiry& inquiry, const Inquired& inquired,
                                  ProtocolKind known, Result<ServerProfile> found) {
  const bool is_known = known != ProtocolKind::automatic;
  if (found) {
    // `phased` and `tus` rest on positive responses. `binary` and `automatic` are only concluded
    // from OPTIONS without a tus response.
    const bool concluded =
        found->protocol == ProtocolKind::binary || found->protocol == ProtocolKind::automatic;
    if (inquiry.protocol != ProtocolKind::automatic || known != ProtocolKind::tus || !concluded ||
        !may_be_from_reverse_proxy(inquired.options))
      return found;
    const Answer& answer = *inquired.options;
    return Error{ErrorKind::unreachable,
                 fmt::format("asking {} for its protocol: the server spoke tus before, but does "
                             "not say so now (HTTP {} to OPTIONS, {}); if this persists, set "
                             "--protocol",
                             inquiry.base_url, answer.status,
                             quote_server_text(inquiry.token.redact(answer.body))),
                 answer.status, true};
  }
  // The server is known to speak another protocol than the requested one, so a refusal is
  // expected.
  if (is_known && inquiry.protocol != ProtocolKind::automatic && inquiry.protocol != known)
    return found;
  const Error& error = found.error();
  const bool setup_decides = !inquiry.dataset.empty() && inquiry.protocol != ProtocolKind::tus;
  if (error.kind != ErrorKind::failed || error.retryable ||
      !may_be_from_reverse_proxy(setup_decides ? inquired.setup : inquired.options))
    return found;
  Error doubtful = with(error, is_known ? Persistence::transient : Persistence::few_tries);
  if (is_known) doubtful.kind = ErrorKind::unreachable;
  return doubtful;
}

}  // namespace sluice
