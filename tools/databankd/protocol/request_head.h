#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::databankd {

/// What is known of a request before its body.
struct RequestHead {
  std::string method;
  std::string path;
  std::vector<std::pair<std::string, std::string>> headers;  ///< as they came

  /// The value of the first header of that name, in upper or lower case. Points into this.
  std::optional<std::string_view> find(std::string_view name) const;
};

}  // namespace sluice::databankd
