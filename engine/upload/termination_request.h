#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/secret.h"
#include "engine/protocol/server_profile.h"
#include "io/result.h"

namespace sluice {

/// Uploads that a tus server holds and nobody wants any more.
struct Termination {
  std::string base_url;  ///< passes check_base_url()
  std::string dataset;   ///< for messages
  Secret token;
  TusServer server;               ///< what it announces
  std::vector<std::string> urls;  ///< absolute; of another server none gets anything
  std::function<bool()> stop;     ///< as Inquiry has it
};

/// What Engine::terminate() has done.
struct Terminated {
  std::size_t left = 0;        ///< uploads that are still there, as far as is known
  std::size_t missing = 0;     ///< of the others, those that the server did not find
  std::optional<Error> error;  ///< why; nothing where the server announces no way to delete them
  /// When the last of them goes by itself, where the server says so.
  std::optional<std::chrono::system_clock::time_point> expires;
};

}  // namespace sluice
