#pragma once

#include <memory>
#include <span>
#include <string>

struct XXH3_state_s;

namespace sluice::databankd {

/// A running XXH128. A copy goes on from the same place, which is how a chunk is hashed behind a
/// file before it is known whether the chunk will be accepted. One thread at a time.
class Digest {
 public:
  Digest();
  Digest(const Digest& other);
  Digest& operator=(const Digest& other);
  Digest(Digest&&) noexcept = default;
  Digest& operator=(Digest&&) noexcept = default;
  ~Digest() = default;

  void update(std::span<const std::byte> data);
  /// Of all bytes up to now, as xxh128sum prints it: 32 hexadecimal digits.
  std::string hex() const;

 private:
  struct Free {
    void operator()(XXH3_state_s* state) const;
  };
  std::unique_ptr<XXH3_state_s, Free> state_;
};

}  // namespace sluice::databankd
