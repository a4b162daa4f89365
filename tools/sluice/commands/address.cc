#include "tools/sluice/commands/address.h"

#include <cstdlib>
#include <map>

#include "engine/base_url.h"
#include "engine/text.h"

namespace sluice::cli {
namespace {

const std::map<std::string, std::string>& systems() {
  static const std::map<std::string, std::string> known{
      {"production", "https://databank.illinois.edu"},
      {"demo", "https://demo.databank.illinois.edu"},
      {"local", "http://localhost:3000"}};
  return known;
}

}  // namespace

Result<std::string> chosen_url(const std::string& url, const std::string& system,
                               bool insecure_http) {
  std::string chosen = url;
  if (chosen.empty() && system.empty())
    if (const char* const value = std::getenv("SLUICE_URL")) chosen = value;
  if (chosen.empty()) chosen = systems().at(system.empty() ? "production" : system);
  return check_base_url(chosen, insecure_http);
}

std::string system_argument(const std::string& url) {
  const bool other_default = std::getenv("SLUICE_URL") != nullptr;
  for (const auto& [name, known] : systems())
    if (url == known)
      return name == "production" && !other_default ? std::string() : " --system " + name;
  return " --url " + shell_argument(printable(url));
}

}  // namespace sluice::cli
