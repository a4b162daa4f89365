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
  Secret(Secret&& other) noexcept { take(other.value_); }
  Secret& operator=(const Secret& other) { return *this = Secret(other); }
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) take(other.value_);
    return *this;
  }
  ~Secret() { wipe(value_); }

  bool empty() const { return value_.empty(); }
  const std::string& reveal() const { return value_; }

  /// `text` with every occurrence of the secret replaced by "[token]": a server may echo what it
  /// got.
  std::string redact(std::string text) const;

  /// Overwrites the bytes in a way that the compiler keeps.
  static void wipe(std::string& text);

 private:
  /// Takes the value of `other` and leaves nothing of it there; the bytes that it replaces are
  /// wiped.
  void take(std::string& other) noexcept;

  std::string value_;
};

}  // namespace sluice
