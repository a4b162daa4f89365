#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

struct XXH3_state_s;

namespace sluice {

/// An XXH128 in progress (XXH3, 128 bits, no seed), whose state can be saved and loaded by another
/// process. One thread at a time.
///
/// xxHash cannot save its state: the state is a struct in memory that contains a pointer, and
/// another version may use other fields. Therefore save() writes the fields that hashing changes,
/// one by one, together with the version of the library. All numbers are little endian:
///
///     bytes  0 to   3   format, 1
///     bytes  4 to   7   version of xxHash, as XXH_versionNumber() returns
///     bytes  8 to  71   acc, 8 numbers
///     bytes 72 to 327   buffer
///     bytes 328 to 331  bufferedSize
///     bytes 332 to 335  nbStripesSoFar
///     bytes 336 to 343  totalLen
///     bytes 344 to 351  XXH3 (64 bits) of bytes 0 to 343
class Xxh128State {
 public:
  /// The size of a saved state, in bytes.
  static constexpr std::size_t saved_size = 352;

  /// Creates the digest of no bytes. Throws std::bad_alloc.
  Xxh128State();
  ~Xxh128State();
  Xxh128State(const Xxh128State&) = delete;
  Xxh128State& operator=(const Xxh128State&) = delete;

  /// Discards all bytes.
  void reset();
  /// Adds `bytes` to the digest.
  void update(std::span<const std::byte> bytes);
  /// Returns the number of bytes that were added.
  std::uint64_t total() const { return total_; }
  /// Returns the digest of the bytes so far in 32 hexadecimal digits, as `xxh128sum` prints it.
  /// update() may be called afterwards.
  std::string hex() const;

  /// Returns the state in `saved_size` bytes; empty if the version of the running library differs
  /// from the version at compile time, because the fields may differ.
  std::string save() const;
  /// Loads a state that save() returned. Returns false and changes nothing if `saved` is from
  /// another version, is damaged, or has fields that hashing never produces (with such fields,
  /// xxHash would write out of bounds).
  bool load(std::string_view saved);

 private:
  struct Free {
    void operator()(XXH3_state_s* state) const;
  };

  std::unique_ptr<XXH3_state_s, Free> state_;
  std::uint64_t total_ = 0;
};

}  // namespace sluice
