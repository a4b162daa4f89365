#include "engine/http/http_date.h"

#include <ctime>
#include <iomanip>
#include <locale>
#include <sstream>
#include <string>

namespace sluice {

std::optional<std::chrono::system_clock::time_point> parse_http_date(std::string_view text) {
  std::istringstream stream{std::string(text)};
  stream.imbue(std::locale::classic());
  std::tm time{};
  std::string zone;  // detects a truncated text, which get_time() accepts
  stream >> std::get_time(&time, "%a, %d %b %Y %H:%M:%S") >> zone;
  if (stream.fail() || zone != "GMT" || !(stream >> std::ws).eof()) return {};
  return time_of(::timegm(&time));
}

}  // namespace sluice
