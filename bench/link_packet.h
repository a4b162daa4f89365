#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace sluice::bench {

/// A frame from a TUN device with IFF_VNET_HDR: a virtio_net_hdr and an IP packet. With
/// segmentation offload, the packet may stand for up to 45 TCP segments with common headers. A link
/// of 1 Gbit/s then needs 2,000 system calls per second instead of 80,000.
class LinkPacket {
 public:
  /// Copies `frame`. A frame in an unknown format counts as one segment.
  explicit LinkPacket(std::span<const std::byte> frame);

  /// Returns the frame, to be written to the other device.
  std::span<const std::byte> frame() const { return frame_; }

  /// Returns the number of packets on the wire, at least 1.
  std::size_t segments() const { return segments_; }
  /// Returns the bytes on the wire of the segments [first, last), with IP headers.
  std::size_t wire_bytes(std::size_t first, std::size_t last) const;

  /// Returns a packet with only those segments, at least 1. Sequence number, lengths,
  /// identification, flags and checksums are those that the kernel's segmentation would have
  /// produced.
  LinkPacket cut(std::size_t first, std::size_t last) const;

 private:
  std::vector<std::byte> frame_;
  std::size_t headers_ = 0;        ///< bytes of the IP and TCP headers, if there are several
                                   ///< segments
  std::size_t segment_bytes_ = 0;  ///< payload of each segment but the last; 0: not divisible
  std::size_t segments_ = 1;
};

}  // namespace sluice::bench
