#pragma once

#include <string>
#include <utility>

namespace sluice {

/// A token. It cannot be printed, formatted or compared by accident: reveal() is the one way to its
/// bytes, and only the code that writes the Authorization header calls it. The memory is wiped when
/// the value goes.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}
  Secret(const Secret&) = default;
  Secret& operator=(const Secret&) = default;
  ~Secret() { wipe(value_); }

  bool empty() const { return value_.empty(); }
  const std::string& reveal() const { return value_; }

  /// `text` with every occurrence of the secret replaced by "[token]": a server may echo what it
  /// got.
  std::string redact(std::string text) const;

  /// Overwrites the bytes in a way that the compiler keeps.
  static void wipe(std::string& text);

 private:
  std::string value_;
};

}  // namespace sluice
