#pragma once

#include <string>
#include <utility>

namespace sluice {

/// A token or a password that cannot be printed, formatted or compared by accident. Only reveal()
/// gives access to the bytes, and only the code that writes the Authorization header calls it. The
/// destructor and every assignment overwrite the memory that held the old value.
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
  /// Returns the secret's bytes; valid until the next assignment.
  const std::string& reveal() const { return value_; }

  /// Returns `text` with every occurrence of the secret replaced by "[token]", because a server may
  /// echo the token. Returns `text` unchanged if the secret is empty.
  std::string redact(std::string text) const;

  /// Overwrites the bytes with zeros; the compiler does not remove the write.
  static void wipe(std::string& text);

 private:
  /// Moves the value of `other` here. Wipes the old value and the bytes in `other`.
  void take(std::string& other) noexcept;

  std::string value_;
};

}  // namespace sluice
