#pragma once

#include <memory>
#include <span>
#include <string>

struct XXH3_state_s;

namespace sluice::databankd {

/// A running XXH128. A copy continues from the same state, which allows hashing a chunk after a
/// file before the chunk is accepted. One thread at a time.
class Digest {
 public:
  Digest();
  Digest(const Digest& other);
  Digest& operator=(const Digest& other);
  Digest(Digest&&) noexcept = default;
  Digest& operator=(Digest&&) noexcept = default;
  ~Digest() = default;

  void update(std::span<const std::byte> data);
  /// Returns the digest of all bytes so far in the format of xxh128sum: 32 hexadecimal digits.
  std::string hex() const;

 private:
  struct Free {
    void operator()(XXH3_state_s* state) const;
  };
  std::unique_ptr<XXH3_state_s, Free> state_;
};

}  // namespace sluice::databankd
