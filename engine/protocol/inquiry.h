#pragma once

#include <functional>
#include <string>

#include "engine/base/secret.h"
#include "engine/protocol/server_profile.h"

namespace sluice {

/// The input of Engine::ask_server(), which finds out which protocol the server at `base_url`
/// speaks, and whether the server accepts the token for the dataset.
struct Inquiry {
  std::string base_url;
  std::string dataset;
  Secret token;
  /// The protocol to use. The inquiry fails if the server's answers show that it does not speak
  /// that protocol. `automatic`: detect the protocol.
  ProtocolKind protocol = ProtocolKind::automatic;
  bool fresh = false;  ///< ask the server even if the journal remembers it
  /// Polled about ten times a second on the caller's thread; may be empty. Once `stop` returns
  /// true, the inquiry ends with an error of kind `interrupted`.
  std::function<bool()> stop;
};

}  // namespace sluice
