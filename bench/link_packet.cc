#include "bench/link_packet.h"

#include <netinet/in.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace sluice::bench {
namespace {

/// struct virtio_net_hdr, in the byte order of this machine. linux/virtio_net.h is not valid C++ (a
/// member is named class).
struct VirtioHeader {
  std::uint8_t flags;
  std::uint8_t gso_type;
  std::uint16_t header_bytes;
  std::uint16_t gso_size;
  std::uint16_t checksum_start;
  std::uint16_t checksum_offset;
};
constexpr std::uint8_t gso_none = 0, gso_tcp4 = 1;
constexpr std::size_t virtio_bytes = sizeof(VirtioHeader);
static_assert(virtio_bytes == 10);

// Offsets in the IPv4 and the TCP header (RFC 791, RFC 9293).
constexpr std::size_t ip_length = 2, ip_identification = 4, ip_protocol = 9, ip_checksum = 10,
                      ip_addresses = 12, ip_least = 20;
constexpr std::size_t tcp_sequence = 4, tcp_data_offset = 12, tcp_flags = 13, tcp_checksum = 16,
                      tcp_least = 20;
constexpr unsigned fin = 0x01, push = 0x08, congestion_window_reduced = 0x80;

unsigned byte_at(std::span<const std::byte> bytes, std::size_t at) {
  return std::to_integer<unsigned>(bytes[at]);
}
std::uint32_t get16(std::span<const std::byte> bytes, std::size_t at) {
  return byte_at(bytes, at) << 8 | byte_at(bytes, at + 1);
}
void put16(std::span<std::byte> bytes, std::size_t at, std::uint32_t value) {
  bytes[at] = static_cast<std::byte>(value >> 8 & 0xff);
  bytes[at + 1] = static_cast<std::byte>(value & 0xff);
}

/// Returns the folded, not complemented sum of the Internet checksum (RFC 1071), of an even number
/// of bytes.
std::uint32_t sum(std::span<const std::byte> bytes, std::uint32_t start) {
  std::uint32_t total = start;
  for (std::size_t at = 0; at + 1 < bytes.size(); at += 2) total += get16(bytes, at);
  while (total > 0xffff) total = (total & 0xffff) + (total >> 16);
  return total;
}

VirtioHeader virtio_header(std::span<const std::byte> frame) {
  VirtioHeader header{};
  std::memcpy(&header, frame.data(), sizeof header);
  return header;
}

}  // namespace

LinkPacket::LinkPacket(std::span<const std::byte> frame) : frame_(frame.begin(), frame.end()) {
  if (frame.size() < virtio_bytes + ip_least) return;
  const VirtioHeader virtio = virtio_header(frame);
  // TCP over IPv4, the only offload that the devices announce (link_devices.cc).
  if (virtio.gso_type != gso_tcp4 || virtio.gso_size == 0) return;
  const auto packet = frame.subspan(virtio_bytes);
  const std::size_t ip_bytes = (byte_at(packet, 0) & 0x0f) * 4;
  if (byte_at(packet, 0) >> 4 != 4 || byte_at(packet, ip_protocol) != IPPROTO_TCP ||
      ip_bytes < ip_least || packet.size() < ip_bytes + tcp_least)
    return;
  const std::size_t headers = ip_bytes + (byte_at(packet, ip_bytes + tcp_data_offset) >> 4) * 4;
  if (headers < ip_bytes + tcp_least || packet.size() <= headers) return;
  headers_ = headers;
  segment_bytes_ = virtio.gso_size;
  segments_ = (packet.size() - headers + segment_bytes_ - 1) / segment_bytes_;
}

std::size_t LinkPacket::wire_bytes(std::size_t first, std::size_t last) const {
  const std::size_t packet = frame_.size() - std::min(virtio_bytes, frame_.size());
  if (segment_bytes_ == 0) return packet;
  const std::size_t end = std::min(last * segment_bytes_, packet - headers_);
  return (last - first) * headers_ + end - first * segment_bytes_;
}

LinkPacket LinkPacket::cut(std::size_t first, std::size_t last) const {
  if (segment_bytes_ == 0 || (first == 0 && last == segments_)) return LinkPacket(frame_);
  const std::span<const std::byte> whole(frame_);
  const std::size_t from = first * segment_bytes_;
  const std::size_t payload =
      std::min(last * segment_bytes_, whole.size() - virtio_bytes - headers_) - from;

  std::vector<std::byte> frame(virtio_bytes + headers_ + payload);
  std::memcpy(frame.data(), whole.data(), virtio_bytes + headers_);
  std::memcpy(frame.data() + virtio_bytes + headers_, whole.data() + virtio_bytes + headers_ + from,
              payload);

  if (last - first == 1) {
    VirtioHeader virtio = virtio_header(whole);
    virtio.gso_type = gso_none;
    virtio.gso_size = 0;
    std::memcpy(frame.data(), &virtio, sizeof virtio);
  }

  const std::span<std::byte> ip = std::span(frame).subspan(virtio_bytes);
  const std::size_t ip_bytes = (byte_at(ip, 0) & 0x0f) * 4;
  put16(ip, ip_length, static_cast<std::uint32_t>(headers_ + payload));
  put16(ip, ip_identification, get16(ip, ip_identification) + static_cast<std::uint32_t>(first));
  put16(ip, ip_checksum, 0);
  put16(ip, ip_checksum, ~sum(ip.first(ip_bytes), 0) & 0xffff);

  const std::span<std::byte> tcp = ip.subspan(ip_bytes);
  const std::uint32_t sequence = (get16(tcp, tcp_sequence) << 16 | get16(tcp, tcp_sequence + 2)) +
                                 static_cast<std::uint32_t>(from);
  put16(tcp, tcp_sequence, sequence >> 16);
  put16(tcp, tcp_sequence + 2, sequence & 0xffff);
  unsigned flags = byte_at(tcp, tcp_flags);
  if (last < segments_) flags &= ~(fin | push);
  if (first > 0) flags &= ~congestion_window_reduced;
  tcp[tcp_flags] = static_cast<std::byte>(flags & 0xff);
  // NEEDS_CSUM: the field has the sum of the pseudo header only, which includes the length.
  const auto tcp_length = static_cast<std::uint32_t>(tcp.size());
  put16(tcp, tcp_checksum, sum(ip.subspan(ip_addresses, 8), IPPROTO_TCP + tcp_length));
  return LinkPacket(frame);
}

}  // namespace sluice::bench
