#include "tools/databankd/base/log.h"

#include <nlohmann/json.hpp>
#include <span>

#include "tools/databankd/base/files.h"

namespace sluice::databankd {

void log_line(const std::string& text) {
  const std::string line = "databankd: " + text + "\n";
  // There is no other place to report an error of stderr.
  (void)write_all(2, std::as_bytes(std::span(line)));
}

std::string quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

}  // namespace sluice::databankd
