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

/// The arguments of Engine::terminate(): unfinished uploads to delete at a tus server.
struct Termination {
  std::string base_url;  ///< passes check_base_url()
  std::string dataset;   ///< for messages
  Secret token;
  TusServer server;  ///< the server's announced extensions
  std::vector<std::string>
      urls;  ///< absolute; a URL of another server is an error, and nothing is sent
  std::function<bool()> stop;  ///< as in Inquiry
};

/// The result of Engine::terminate().
struct Terminated {
  std::size_t left = 0;     ///< uploads that were not deleted, as far as known
  std::size_t missing = 0;  ///< of the deleted ones, those that the server did not find
  std::optional<Error>
      error;  ///< why uploads are left; empty if the server announces no termination extension
  /// When the last of the remaining uploads expires, if the server says so for each of them.
  std::optional<std::chrono::system_clock::time_point> expires;
};

}  // namespace sluice
