// Saved digests from a journal, which may have been written by another program. xxHash trusts its
// own state, so load() must accept only states from which hashing can continue; and a digest that
// was saved and loaded must continue as if it had not been saved.
//
// Input: a byte of flags, a state (Xxh128State::saved_size bytes, padded with zeros; the target
// corrects its version and checksum, because load() would reject nearly all inputs otherwise), and
// more bytes to hash. Flags: 1 and 2, the number of buffered bytes and of stripes is corrected to
// fit the total; 4, the version is not corrected.

#include "engine/digest/xxh128_state.h"

#include <xxhash.h>

#include <string>

#include "engine/protocol/deposit.h"
#include "tests/fuzz/fuzz.h"

namespace {

using namespace sluice;

constexpr std::size_t buffered_at = 328, stripes_at = 332, total_at = 336, checksum_at = 344;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::uint64_t get(const std::string& saved, std::size_t at, std::size_t bytes) {
  std::uint64_t number = 0;
  for (std::size_t i = bytes; i-- > 0;)
    number = number << 8 | static_cast<unsigned char>(saved[at + i]);
  return number;
}

void put(std::string& saved, std::size_t at, std::size_t bytes, std::uint64_t number) {
  for (std::size_t i = 0; i < bytes; ++i)
    saved[at + i] = static_cast<char>((number >> (8 * i)) & 0xFF);
}

/// Corrects the checksum of a state, and other fields according to the flags.
std::string correct_state(std::string saved, unsigned flags) {
  if ((flags & 4) == 0) saved.replace(0, 8, Xxh128State().save(), 0, 8);
  const std::uint64_t total = get(saved, total_at, 8);
  // The buffer has 4 stripes of 64 bytes; 16 stripes are a block.
  const std::uint64_t buffered = total <= 256 ? total : (total - 1) % 256 + 1;
  if ((flags & 1) != 0) put(saved, buffered_at, 4, buffered);
  if ((flags & 2) != 0) put(saved, stripes_at, 4, total <= 256 ? 0 : (total - buffered) / 64 % 16);
  put(saved, checksum_at, 8, XXH3_64bits(saved.data(), checksum_at));
  return saved;
}

void check_loaded(const std::string& saved, std::string_view more) {
  Xxh128State state;
  state.update(bytes_of("before"));
  const std::string before = state.save();
  if (!state.load(saved)) {
    FUZZ_CHECK(state.save() == before);
    return;
  }
  FUZZ_CHECK(state.save() == saved);
  FUZZ_CHECK(state.total() == get(saved, total_at, 8));
  FUZZ_CHECK(state.hex().size() == 32);
  if (state.total() > max_file_size) return;  // near 2^64, the total would overflow
  // In one piece and in two: an invalid state would give different digests, or write out of bounds.
  Xxh128State other;
  FUZZ_CHECK(other.load(saved));
  state.update(bytes_of(more));
  other.update(bytes_of(more.substr(0, more.size() / 3)));
  const std::string between = other.save();
  FUZZ_CHECK(other.load(between));
  other.update(bytes_of(more.substr(more.size() / 3)));
  FUZZ_CHECK(state.hex() == other.hex());
}

void check_save_and_load(std::string_view bytes, std::size_t split) {
  Xxh128State state, other;
  state.update(bytes_of(bytes.substr(0, split)));
  FUZZ_CHECK(other.load(state.save()));
  other.update(bytes_of(bytes.substr(split)));
  Xxh128State whole;
  whole.update(bytes_of(bytes));
  FUZZ_CHECK(other.hex() == whole.hex());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view bytes = fuzz::text_of(data, size);
  const unsigned flags = fuzz::take_byte(bytes);
  std::string saved(bytes.substr(0, Xxh128State::saved_size));
  saved.resize(Xxh128State::saved_size);
  const std::string_view more = bytes.substr(std::min(bytes.size(), Xxh128State::saved_size));
  check_loaded(correct_state(std::move(saved), flags), more);
  check_save_and_load(bytes, bytes.empty() ? 0 : flags * bytes.size() / 256);
  return 0;
}
