#pragma once

#include <functional>
#include <optional>
#include <string>

#include "engine/http/messages.h"
#include "engine/pipeline/payload_stream.h"
#include "engine/policy/chunk_check.h"

namespace sluice {

/// The checksums of chunks that the server compares (tus's Upload-Checksum): computes them while
/// the chunk in front is in flight, and keeps a chunk that waits for its own. The network thread's.
class ChunkChecksums {
 public:
  /// `on_ready`: a checksum is there; any thread. `on_off`: chunks of so many bytes are required
  /// and cannot be checksummed, so the rest of the file goes without.
  ChunkChecksums(ChunkCheck check, PayloadStream& payload, std::function<void()> on_ready,
                 std::function<void(std::uint64_t)> on_off)
      : check_(std::move(check)),
        payload_(payload),
        on_ready_(std::move(on_ready)),
        on_off_(std::move(on_off)) {}

  bool is_on() const { return !check_.algorithm.empty(); }
  /// Adds the checksum to the headers of the chunk `request`, if it needs one. False: it is not
  /// computed yet.
  bool add_to(Request& request);
  /// Computes the checksum of these bytes, if they have all been read and nothing else is being
  /// hashed.
  void compute(ByteRange range);

  /// Keeps a chunk whose checksum is not there yet.
  void hold(Request request) { held_ = std::move(request); }
  bool is_holding() const { return held_.has_value(); }
  /// The chunk that was held, once its checksum is in its headers; else nothing, and it is computed
  /// as soon as all of its bytes have been read.
  std::optional<Request> take_ready();

 private:
  ChunkCheck check_;
  PayloadStream& payload_;
  const std::function<void()> on_ready_;
  const std::function<void(std::uint64_t)> on_off_;
  std::optional<Request> held_;
};

}  // namespace sluice
