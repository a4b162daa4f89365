#pragma once

#include <functional>
#include <string>

#include "engine/base/secret.h"
#include "engine/protocol/server_profile.h"

namespace sluice {

/// What Engine::ask_server() is to find out: what the server at `base_url` speaks, and whether it
/// takes the token for the dataset.
struct Inquiry {
  std::string base_url;
  std::string dataset;
  Secret token;
  ProtocolKind protocol = ProtocolKind::automatic;  ///< what to take it for, whatever it says
  bool fresh = false;                               ///< ask, whatever is remembered
  /// Asked several times a second on the caller's thread; true ends it with `interrupted`.
  std::function<bool()> stop;
};

}  // namespace sluice
