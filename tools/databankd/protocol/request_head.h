#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::databankd {

/// A request without its body.
struct RequestHead {
  std::string method;
  std::string path;
  std::vector<std::pair<std::string, std::string>> headers;  ///< as received

  /// Returns the value of the first header of that name, ignoring case. Points into this object.
  std::optional<std::string_view> find(std::string_view name) const;
};

}  // namespace sluice::databankd
