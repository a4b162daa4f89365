#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace sluice::bench {

/// What one read from a TUN device with IFF_VNET_HDR gives: a virtio_net_hdr and an IP packet. With
/// segmentation offload the packet may stand for up to 45 segments of one TCP connection that share
/// their headers, which is what lets a link of 1 Gbit/s cost 2,000 system calls a second instead of
/// 80,000.
class LinkPacket {
 public:
  /// Copies `frame`. What it cannot make sense of counts as one segment.
  explicit LinkPacket(std::span<const std::byte> frame);

  /// To be written to the other device.
  std::span<const std::byte> frame() const { return frame_; }

  /// Packets on the wire, 1 or more.
  std::size_t segments() const { return segments_; }
  /// Bytes on the wire, IP header and all, of the segments [first, last).
  std::size_t wire_bytes(std::size_t first, std::size_t last) const;

  /// Those segments alone, 1 or more: sequence number, lengths, identification, flags and checksums
  /// are what they would have been if the kernel had cut them itself.
  LinkPacket cut(std::size_t first, std::size_t last) const;

 private:
  std::vector<std::byte> frame_;
  std::size_t headers_ = 0;        ///< bytes of the IP and TCP headers, where there are several
  std::size_t segment_bytes_ = 0;  ///< payload of each but the last; 0: not divisible
  std::size_t segments_ = 1;
};

}  // namespace sluice::bench
