#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "bench/link_packet.h"

namespace sluice::bench {

/// Returns a frame of a TUN device for one TCP segment, or for several (if `payload` is larger than
/// `segment`), with headers of 40 bytes and without a checksum. Payload byte i is i * 7.
inline LinkPacket tcp_frame(std::size_t payload, std::uint16_t segment, std::uint32_t sequence = 1,
                            std::uint8_t flags = 0x10) {
  const bool several = payload > segment;
  std::vector<std::byte> frame(10 + 40 + payload);
  const auto put = [&](std::size_t at, std::uint32_t value, int bytes) {
    for (int i = bytes; i-- > 0; value >>= 8)
      frame[at + static_cast<std::size_t>(i)] = static_cast<std::byte>(value & 0xff);
  };
  frame[0] = std::byte{1};  // NEEDS_CSUM
  if (several) {
    frame[1] = std::byte{1};  // TCP over IPv4
    frame[4] = static_cast<std::byte>(segment & 0xff);
    frame[5] = static_cast<std::byte>(segment >> 8);
  }
  put(10, 0x45, 1);
  put(12, static_cast<std::uint32_t>(40 + payload), 2);
  put(14, 0xfffe, 2);  // the identification, which will wrap
  put(18, 64, 1);
  put(19, 6, 1);
  put(22, 0x0a4d0001, 4);
  put(26, 0x0a4d0002, 4);
  put(30, 40000, 2);
  put(32, 3000, 2);
  put(34, sequence, 4);
  put(42, 0x50, 1);
  put(43, flags, 1);
  for (std::size_t i = 0; i < payload; ++i) frame[50 + i] = static_cast<std::byte>(i * 7 & 0xff);
  return LinkPacket(frame);
}

}  // namespace sluice::bench
