#pragma once

#include <nlohmann/json.hpp>
#include <optional>

namespace sluice::cli {

/// Returns the value as JSON, or null without one.
template <class Value>
nlohmann::ordered_json or_null(const std::optional<Value>& value) {
  return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json(nullptr);
}

}  // namespace sluice::cli
