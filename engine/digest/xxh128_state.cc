#include "engine/digest/xxh128_state.h"

// Makes the fields of XXH3_state_t visible.
#define XXH_STATIC_LINKING_ONLY
#include <fmt/format.h>

#include <array>
#include <cstring>
#include <new>

#include "engine/digest/fast_xxhash.h"

namespace sluice {
namespace {

constexpr std::uint32_t state_format = 1;
/// XXH3 hashes stripes of 64 bytes and scrambles its accumulators after this many stripes. (The
/// secret has 192 bytes, and each stripe advances by 8 bytes in the secret.)
constexpr std::uint64_t stripe = 64;
constexpr std::uint64_t stripes_per_round = (XXH3_SECRET_DEFAULT_SIZE - stripe) / 8;

bool library_is_the_one_compiled_for() {
  return XXH_versionNumber() == XXH_VERSION_NUMBER;
}

/// append() writes a number of `Bytes` bytes, little endian, at the end of `text`; take() removes
/// such a number from the start of `text` and returns the number.
template <std::size_t Bytes>
void append(std::string& text, std::uint64_t number) {
  for (std::size_t i = 0; i < Bytes; ++i) text += static_cast<char>((number >> (8 * i)) & 0xFF);
}
template <std::size_t Bytes>
std::uint64_t take(std::string_view& text) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < Bytes; ++i)
    number |= std::uint64_t{static_cast<unsigned char>(text[i])} << (8 * i);
  text.remove_prefix(Bytes);
  return number;
}

/// Whether these fields can be the result of hashing `total` bytes. xxHash trusts its own state: it
/// copies to buffer + bufferedSize and reads its secret at nbStripesSoFar.
bool can_be(std::uint64_t buffered, std::uint64_t stripes, std::uint64_t total) {
  // XXH3 empties the buffer only when more bytes follow, so the buffer is never empty after the
  // first bytes.
  if (total <= XXH3_INTERNALBUFFER_SIZE) return buffered == total && stripes == 0;
  if (buffered == 0 || buffered > XXH3_INTERNALBUFFER_SIZE) return false;
  const std::uint64_t hashed = total - buffered;
  return hashed % stripe == 0 && hashed / stripe % stripes_per_round == stripes;
}

}  // namespace

void Xxh128State::Free::operator()(XXH3_state_s* state) const {
  XXH3_freeState(state);
}

Xxh128State::Xxh128State() : state_(XXH3_createState()) {
  if (!state_) throw std::bad_alloc();
  reset();
}

Xxh128State::~Xxh128State() = default;

void Xxh128State::reset() {
  XXH3_128bits_reset(state_.get());
  total_ = 0;
}

void Xxh128State::update(std::span<const std::byte> bytes) {
  XXH3_128bits_update(state_.get(), bytes.data(), bytes.size());
  total_ += bytes.size();
}

std::string Xxh128State::hex() const {
  const XXH128_hash_t hash = XXH3_128bits_digest(state_.get());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

std::string Xxh128State::save() const {
  if (!library_is_the_one_compiled_for()) return {};
  std::string text;
  text.reserve(saved_size);
  append<4>(text, state_format);
  append<4>(text, XXH_VERSION_NUMBER);
  for (const std::uint64_t number : state_->acc) append<8>(text, number);
  // After the buffered bytes, the buffer holds the last hashed bytes, which the digest needs as
  // well.
  for (const unsigned char byte : state_->buffer) text += static_cast<char>(byte);
  append<4>(text, state_->bufferedSize);
  append<4>(text, state_->nbStripesSoFar);
  append<8>(text, state_->totalLen);
  append<8>(text, XXH3_64bits(text.data(), text.size()));
  return text;
}

bool Xxh128State::load(std::string_view saved) {
  if (!library_is_the_one_compiled_for() || saved.size() != saved_size) return false;
  const std::uint64_t checksum = XXH3_64bits(saved.data(), saved_size - 8);
  if (take<4>(saved) != state_format || take<4>(saved) != XXH_VERSION_NUMBER) return false;
  std::array<std::uint64_t, 8> accumulators{};
  for (std::uint64_t& number : accumulators) number = take<8>(saved);
  const std::string_view buffer = saved.substr(0, XXH3_INTERNALBUFFER_SIZE);
  saved.remove_prefix(XXH3_INTERNALBUFFER_SIZE);
  const std::uint64_t buffered = take<4>(saved);
  const std::uint64_t stripes = take<4>(saved);
  const std::uint64_t total = take<8>(saved);
  if (take<8>(saved) != checksum || !can_be(buffered, stripes, total)) return false;

  // Without a seed, all other fields are constants, which reset() sets.
  reset();
  for (std::size_t i = 0; i < accumulators.size(); ++i) state_->acc[i] = accumulators[i];
  std::memcpy(state_->buffer, buffer.data(), buffer.size());
  state_->bufferedSize = static_cast<XXH32_hash_t>(buffered);
  state_->nbStripesSoFar = static_cast<std::size_t>(stripes);
  state_->totalLen = total;
  total_ = total;
  return true;
}

}  // namespace sluice
