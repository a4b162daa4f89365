#include "tools/sluice/commands/address.h"

#include <cstdlib>
#include <map>

#include "engine/base_url.h"

namespace sluice::cli {

Result<std::string> chosen_url(const std::string& url, const std::string& system,
                               bool insecure_http) {
  static const std::map<std::string, std::string> systems{
      {"production", "https://databank.illinois.edu"},
      {"demo", "https://demo.databank.illinois.edu"},
      {"local", "http://localhost:3000"}};
  std::string chosen = url;
  if (chosen.empty() && system.empty())
    if (const char* const value = std::getenv("SLUICE_URL")) chosen = value;
  if (chosen.empty()) chosen = systems.at(system.empty() ? "production" : system);
  return check_base_url(chosen, insecure_http);
}

}  // namespace sluice::cli
