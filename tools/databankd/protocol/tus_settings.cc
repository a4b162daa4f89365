#include "tools/databankd/protocol/tus_settings.h"

#include <algorithm>
#include <array>

namespace sluice::databankd {
namespace {

struct Named {
  std::string_view name;
  bool TusExtensions::*on;
};
constexpr std::array all = {
    Named{"creation", &TusExtensions::creation},
    Named{"creation-with-upload", &TusExtensions::creation_with_upload},
    Named{"creation-defer-length", &TusExtensions::defer_length},
    Named{"termination", &TusExtensions::termination},
    Named{"expiration", &TusExtensions::expiration},
    Named{"concatenation", &TusExtensions::concatenation},
    Named{"checksum", &TusExtensions::checksum},
};

}  // namespace

std::string TusExtensions::to_string() const {
  std::string text;
  for (const Named& extension : all) {
    if (!(this->*extension.on)) continue;
    if (!text.empty()) text += ',';
    text += extension.name;
  }
  return text;
}

std::optional<TusExtensions> parse_tus_extensions(std::string_view text) {
  TusExtensions extensions;
  for (const Named& extension : all) extensions.*extension.on = false;
  if (text == "none") return extensions;
  while (true) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const auto* const found = std::find_if(all.begin(), all.end(), [&](const Named& extension) {
      return extension.name == text.substr(0, comma);
    });
    if (found == all.end()) return std::nullopt;
    extensions.*found->on = true;
    if (comma == text.size()) return extensions;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace sluice::databankd
