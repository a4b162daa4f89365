#include "bench/link_packet.h"

#include <gtest/gtest.h>

#include "tests/bench/link_frame.h"

namespace sluice::bench::link_packet_test {
namespace {

constexpr std::size_t ip = 10, tcp = 30, payload = 50;

std::uint32_t get(const LinkPacket& packet, std::size_t at, int bytes) {
  std::uint32_t value = 0;
  for (int i = 0; i < bytes; ++i)
    value = value << 8 |
            std::to_integer<std::uint32_t>(packet.frame()[at + static_cast<std::size_t>(i)]);
  return value;
}

/// Returns the Internet checksum including its own field: 0xffff if it is right.
std::uint32_t folded(const LinkPacket& packet, std::size_t from, std::size_t to,
                     std::uint32_t start = 0) {
  std::uint32_t sum = start;
  for (std::size_t at = from; at < to; ++at)
    sum += get(packet, at, 1) << ((at - from) % 2 == 0 ? 8 : 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}

TEST(LinkPacket, PlainPacketIsOneSegment) {
  const LinkPacket packet = tcp_frame(1000, 1460);
  EXPECT_EQ(packet.segments(), 1u);
  EXPECT_EQ(packet.wire_bytes(0, 1), 1040u);
}

TEST(LinkPacket, UnknownPacketIsOneSegment) {
  const std::vector<std::byte> few(5, std::byte{0xff});
  EXPECT_EQ(LinkPacket(few).segments(), 1u);
  // Claims several segments, but its headers are incomplete.
  const LinkPacket whole = tcp_frame(5000, 1460);
  for (std::size_t size = 0; size <= payload; ++size) {
    const LinkPacket cut_off(whole.frame().first(size));
    EXPECT_EQ(cut_off.segments(), 1u) << size;
    EXPECT_EQ(cut_off.wire_bytes(0, 1), size < 10 ? 0 : size - 10) << size;
  }
}

TEST(LinkPacket, LargePacketHasSegmentsWithHeaders) {
  const LinkPacket packet = tcp_frame(3 * 1460 + 100, 1460);
  ASSERT_EQ(packet.segments(), 4u);
  EXPECT_EQ(packet.wire_bytes(0, 1), 1500u);
  EXPECT_EQ(packet.wire_bytes(3, 4), 140u);
  EXPECT_EQ(packet.wire_bytes(0, 4), 3 * 1500u + 140);
  EXPECT_EQ(tcp_frame(2 * 1460, 1460).segments(), 2u) << "no empty last one";
}

TEST(LinkPacket, CutKeepsBytesAndHeaders) {
  const std::uint32_t sequence = 0xfffffff0;  // wraps within the packet
  const std::uint8_t flags = 0x80 | 0x10 | 0x08 | 0x01;
  const LinkPacket whole = tcp_frame(4 * 1460 + 7, 1460, sequence, flags);
  for (std::size_t first = 0; first < 5; ++first)
    for (std::size_t last = first + 1; last <= 5; ++last) {
      if (first == 0 && last == 5) continue;  // unchanged
      SCOPED_TRACE(testing::Message() << first << " to " << last);
      const LinkPacket part = whole.cut(first, last);
      EXPECT_EQ(part.segments(), last - first);
      EXPECT_EQ(part.wire_bytes(0, last - first), whole.wire_bytes(first, last));
      // The kernel would refuse a packet with one segment that claims several.
      EXPECT_EQ(get(part, 1, 1), last - first > 1 ? 1u : 0u);
      EXPECT_EQ(get(part, 0, 1), 1u) << "the checksum is still wanted";

      const std::size_t bytes = part.frame().size() - payload;
      EXPECT_EQ(bytes, std::min(last * 1460, std::size_t{4 * 1460 + 7}) - first * 1460);
      for (std::size_t i = 0; i < bytes; ++i)
        ASSERT_EQ(part.frame()[payload + i], whole.frame()[payload + first * 1460 + i]) << i;

      EXPECT_EQ(get(part, ip + 2, 2), 40 + bytes);
      EXPECT_EQ(get(part, ip + 4, 2), (0xfffe + first) & 0xffff);
      EXPECT_EQ(folded(part, ip, tcp), 0xffffu) << "IP checksum";
      EXPECT_EQ(get(part, tcp + 4, 4), sequence + static_cast<std::uint32_t>(first * 1460));
      // CWR: in the first segment only. PSH and FIN: in the last one.
      EXPECT_EQ(get(part, tcp + 13, 1),
                0x10u | (first == 0 ? 0x80u : 0u) | (last == 5 ? 0x09u : 0u));
      // The field has the sum of addresses, protocol and length, for the card to complete.
      const auto length = static_cast<std::uint32_t>(20 + bytes);
      EXPECT_EQ(get(part, tcp + 16, 2), folded(part, ip + 12, ip + 20, 6 + length));
    }
}

TEST(LinkPacket, CutOfWholeIsUnchanged) {
  const LinkPacket whole = tcp_frame(5000, 1460);
  const LinkPacket same = whole.cut(0, 4);
  EXPECT_TRUE(std::equal(same.frame().begin(), same.frame().end(), whole.frame().begin(),
                         whole.frame().end()));
}

}  // namespace
}  // namespace sluice::bench::link_packet_test
