#include "engine/digest/xxh128_state.h"

#include <gtest/gtest.h>
#include <xxhash.h>

#include <random>
#include <string>

#include "tests/support/temp_dir.h"

namespace sluice::xxh128_state_test {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::string digest_of(std::string_view text) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits(text.data(), text.size()));
  std::string hex;
  for (const unsigned char byte : canonical.digest) {
    hex += "0123456789abcdef"[byte >> 4];
    hex += "0123456789abcdef"[byte & 15];
  }
  return hex;
}

/// Returns `saved` with a valid checksum at its end, so that load() must reject the fields
/// themselves.
std::string sealed(std::string saved) {
  const std::uint64_t checksum = XXH3_64bits(saved.data(), saved.size() - 8);
  for (std::size_t i = 0; i < 8; ++i)
    saved[saved.size() - 8 + i] = static_cast<char>((checksum >> (8 * i)) & 0xFF);
  return saved;
}

void put(std::string& saved, std::size_t at, std::size_t bytes, std::uint64_t number) {
  for (std::size_t i = 0; i < bytes; ++i)
    saved[at + i] = static_cast<char>((number >> (8 * i)) & 0xFF);
}

constexpr std::size_t version_at = 4, buffered_at = 328, stripes_at = 332, total_at = 336;

TEST(Xxh128State, MatchesXxh128sum) {
  Xxh128State state;
  EXPECT_EQ(state.hex(), "99aa06d3014798d86001c324468d497f");  // printf '' | xxh128sum
  const std::string data = test::random_bytes(100'000, 5);
  state.update(bytes_of(data));
  EXPECT_EQ(state.hex(), digest_of(data));
  state.reset();
  EXPECT_EQ(state.total(), 0U);
  EXPECT_EQ(state.hex(), "99aa06d3014798d86001c324468d497f");
}

TEST(Xxh128State, ResumesFromStateSavedAtAnyOffset) {
  const std::string data = test::random_bytes(10'000, 6);
  for (std::size_t split = 0; split <= 3000; ++split) {
    Xxh128State first, second;
    first.update(bytes_of(std::string_view(data).substr(0, split)));
    const std::string saved = first.save();
    ASSERT_EQ(saved.size(), Xxh128State::saved_size);
    second.update(bytes_of(data));  // load() discards these bytes
    ASSERT_TRUE(second.load(saved)) << split;
    EXPECT_EQ(second.total(), split);
    EXPECT_EQ(second.save(), saved) << split;
    second.update(bytes_of(std::string_view(data).substr(split)));
    ASSERT_EQ(second.hex(), digest_of(data)) << split;
  }
}

TEST(Xxh128State, ResumesAfterPiecesOfAnySize) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const std::string data = test::random_bytes(60'000, seed);
  for (int round = 0; round < 300; ++round) {
    auto state = std::make_unique<Xxh128State>();
    const std::size_t longest = round % 3 == 0 ? 300 : 9000;
    for (std::size_t at = 0; at < data.size();) {
      const std::string_view piece = std::string_view(data).substr(at, random() % longest);
      state->update(bytes_of(piece));
      at += piece.size();
      if (random() % 4 != 0) continue;
      const std::string saved = state->save();
      state = std::make_unique<Xxh128State>();
      ASSERT_TRUE(state->load(saved));
    }
    ASSERT_EQ(state->hex(), digest_of(data));
  }
}

TEST(Xxh128State, RejectsEveryDamagedByteAndStaysUnchanged) {
  const std::string data = test::random_bytes(5'000, 7);
  Xxh128State state, other;
  state.update(bytes_of(data));
  other.update(bytes_of("something else"));
  const std::string saved = state.save();
  const std::string before = other.save();
  for (std::size_t at = 0; at < saved.size(); ++at) {
    std::string damaged = saved;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    EXPECT_FALSE(other.load(damaged)) << at;
  }
  for (std::size_t size = 0; size < saved.size(); ++size)
    EXPECT_FALSE(other.load(saved.substr(0, size))) << size;
  EXPECT_FALSE(other.load(saved + '\0'));
  EXPECT_EQ(other.save(), before);
  EXPECT_EQ(other.hex(), digest_of("something else"));
}

TEST(Xxh128State, RejectsImpossibleFieldsWithValidChecksum) {
  Xxh128State state, other;
  const std::string data = test::random_bytes(5'000, 8);
  state.update(bytes_of(data));
  const std::string saved = state.save();
  ASSERT_EQ(sealed(saved), saved);
  const auto refused = [&](std::size_t at, std::size_t bytes, std::uint64_t number) {
    std::string changed = saved;
    put(changed, at, bytes, number);
    EXPECT_FALSE(other.load(sealed(changed))) << at << " " << number;
  };
  refused(0, 4, 2);
  refused(version_at, 4, XXH_VERSION_NUMBER + 1);
  // 5000 bytes are 19 times 256 bytes that were hashed and 136 bytes in the buffer.
  for (const std::uint64_t buffered : {0U, 1U, 135U, 137U, 257U, 4096U, 0xFFFFFFFFU})
    refused(buffered_at, 4, buffered);
  for (const std::uint64_t stripes : {11U, 13U, 16U, 17U, 0xFFFFFFFFU})
    refused(stripes_at, 4, stripes);
  for (const std::uint64_t total :
       {std::uint64_t{0}, std::uint64_t{4999}, std::uint64_t{5064}, ~std::uint64_t{0}})
    refused(total_at, 8, total);
}

}  // namespace
}  // namespace sluice::xxh128_state_test
