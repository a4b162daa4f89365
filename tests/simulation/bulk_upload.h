#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "engine/base/log.h"
#include "engine/report/report.h"
#include "tests/simulation/bank.h"
#include "tests/simulation/congestion_control.h"
#include "tests/simulation/timeline.h"

namespace sluice::sim {

/// One upload of a large file with the real engine, in virtual time and with counted bytes, to
/// measure how fast the engine's policies make it.
struct BulkUpload {
  std::uint64_t size = std::uint64_t{1} << 40;  ///< of the file, bytes
  /// Of the file's bytes on the link, per second: less than the line's rate by the packet headers.
  double payload_rate = 120e6;
  Duration round_trip = std::chrono::milliseconds(50);  ///< without queueing; more than 0
  double loss = 0;                                      ///< share of the packets, below 1
  /// Bytes that may wait in front of the line. Empty: as many as one round trip sends, 256 KiB at
  /// least.
  std::optional<std::uint64_t> queue;
  std::uint64_t send_buffer = std::uint64_t{4} << 20;  ///< of a connection, bytes of the file
  Congestion congestion = Congestion::bbr;
  Duration thinks{};  ///< that the server takes for each request
  Bank::Generation generation = Bank::Generation::phased;  ///< phased or tus
  std::uint64_t seed = 1;
  /// The upload is cancelled after so many events (some 0.5 us each).
  std::uint64_t most_events = 400'000'000;
  /// Changes the engine's own defaults; may be empty.
  std::optional<std::uint64_t> chunk_bytes;
  std::optional<unsigned> lookahead;
  std::optional<unsigned> lanes;
};

struct BulkResult {
  Report report;
  std::uint64_t registered = 0;  ///< bytes of the registered file
  std::uint64_t received = 0;    ///< bytes of bodies that the server got
  double seconds = 0;            ///< virtual, from the start to the end of the upload
  std::uint64_t requests = 0;
  std::uint64_t connections = 0;
  double longest_pause = 0;      ///< virtual seconds in which the server got no byte
  std::size_t most_buffers = 0;  ///< of the pool that were in use at the same time
  std::uint64_t events = 0;
};

/// Runs the upload on the calling thread. Several may run at the same time. Throws
/// std::runtime_error if it cannot start. `log`: gets the engine's messages; may be empty.
BulkResult run_bulk_upload(const BulkUpload& bulk, const Log& log = {});

}  // namespace sluice::sim
