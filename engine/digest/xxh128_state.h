#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

struct XXH3_state_s;

namespace sluice {

/// A running XXH128 (XXH3, 128 bits, no seed) that can be put aside and taken up again by another
/// process. One thread at a time.
///
/// xxHash itself cannot do that: its state is a struct in memory, with a pointer in it, and another
/// version may fill it in another way. So what is saved is the fields that hashing changes, one by
/// one, with the library's version. All numbers little endian:
///
///     bytes  0 to   3   format, 1
///     bytes  4 to   7   version of xxHash, as XXH_versionNumber() says
///     bytes  8 to  71   acc, 8 numbers
///     bytes 72 to 327   buffer
///     bytes 328 to 331  bufferedSize
///     bytes 332 to 335  nbStripesSoFar
///     bytes 336 to 343  totalLen
///     bytes 344 to 351  XXH3 (64 bits) of bytes 0 to 343
class Xxh128State {
 public:
  static constexpr std::size_t saved_size = 352;

  Xxh128State();
  ~Xxh128State();
  Xxh128State(const Xxh128State&) = delete;
  Xxh128State& operator=(const Xxh128State&) = delete;

  /// Back to having seen nothing.
  void reset();
  void update(std::span<const std::byte> bytes);
  /// Bytes seen.
  std::uint64_t total() const { return total_; }
  /// 32 hexadecimal digits, as `xxh128sum` prints them, of the bytes seen so far.
  std::string hex() const;

  /// `saved_size` bytes; nothing where the library that runs is not the version that this was
  /// compiled for: its fields may be others.
  std::string save() const;
  /// Takes up what save() gave. False, and nothing changed, for anything else: another version,
  /// damaged, or fields that hashing never leaves so (they would make xxHash write out of bounds).
  bool load(std::string_view saved);

 private:
  struct Free {
    void operator()(XXH3_state_s* state) const;
  };

  std::unique_ptr<XXH3_state_s, Free> state_;
  std::uint64_t total_ = 0;
};

}  // namespace sluice
