#pragma once

#include <functional>
#include <optional>
#include <string>

#include "engine/http/messages.h"
#include "engine/pipeline/payload_stream.h"
#include "engine/policy/chunk_check.h"

namespace sluice {

/// The checksums of chunks that the server verifies (tus's Upload-Checksum). Computes the checksum
/// of the next chunk while the current one is in flight, and holds a chunk whose checksum is not
/// computed yet. Network thread only.
class ChunkChecksums {
 public:
  /// `on_ready`: called when a checksum is computed, on any thread. `on_off`: called with the chunk
  /// length in bytes when the server requires chunks too long to be checksummed; the rest of the
  /// file is then sent without checksums. `payload` outlives this.
  ChunkChecksums(ChunkCheck check, PayloadStream& payload, std::function<void()> on_ready,
                 std::function<void(std::uint64_t)> on_off)
      : check_(std::move(check)),
        payload_(payload),
        on_ready_(std::move(on_ready)),
        on_off_(std::move(on_off)) {}

  bool is_on() const { return !check_.algorithm.empty(); }
  /// Adds the checksum header to the chunk `request`, if it needs one. Returns false if the
  /// checksum is not computed yet.
  bool add_to(Request& request);
  /// Starts to compute the checksum of `range`, if all of its bytes have been read and no other
  /// checksum is being computed.
  void compute(ByteRange range);

  /// Holds a chunk until its checksum is computed.
  void hold(Request request) { held_ = std::move(request); }
  bool is_holding() const { return held_.has_value(); }
  /// Returns the held chunk with its checksum header, and holds it no longer. If the checksum is
  /// not computed yet, returns nullopt and calls compute() for the chunk.
  std::optional<Request> take_ready();

 private:
  ChunkCheck check_;
  PayloadStream& payload_;
  const std::function<void()> on_ready_;
  const std::function<void(std::uint64_t)> on_off_;
  std::optional<Request> held_;
};

}  // namespace sluice
