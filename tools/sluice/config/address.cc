#include "tools/sluice/config/address.h"

#include <map>

#include "engine/base/text.h"
#include "engine/http/base_url.h"

namespace sluice::cli {
namespace {

const std::map<std::string, std::string>& systems() {
  static const std::map<std::string, std::string> known{
      {"production", "https://databank.illinois.edu"},
      {"demo", "https://demo.databank.illinois.edu"},
      {"local", "http://localhost:3000"}};
  return known;
}

bool server_configured = false;

}  // namespace

void set_server_configured(bool configured) {
  server_configured = configured;
}

Result<std::string> chosen_url(const std::string& url, const std::string& system,
                               bool insecure_http) {
  return check_base_url(url.empty() ? systems().at(system.empty() ? "production" : system) : url,
                        insecure_http);
}

std::string system_argument(const std::string& url) {
  for (const auto& [name, known] : systems())
    if (url == known)
      return name == "production" && !server_configured ? std::string() : " --system " + name;
  return " --url " + shell_argument(printable(url));
}

}  // namespace sluice::cli
