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
  std::uint64_t size = std::uint64_t{1} << 40;  ///< bytes of the file
  /// The rate of the link in bytes of the file per second, without packet headers.
  double payload_rate = 120e6;
  Duration round_trip = std::chrono::milliseconds(50);  ///< without queueing; more than 0
  double loss = 0;  ///< share of the packets that are lost at random, below 1
  /// Bytes that may wait in front of the line. Empty: as many as one round trip sends, 256 KiB at
  /// least.
  std::optional<std::uint64_t> queue;
  std::uint64_t send_buffer = std::uint64_t{4} << 20;  ///< of a connection, bytes of the file
  Congestion congestion = Congestion::bbr;
  Duration thinks{};                                       ///< the server's time for each request
  Bank::Generation generation = Bank::Generation::phased;  ///< phased or tus
  std::uint64_t seed = 1;
  /// Cancels the upload after this number of events (each takes about 0.5 us of real time).
  std::uint64_t most_events = 400'000'000;
  // Override the engine's defaults; nullopt: the default.
  std::optional<std::uint64_t> chunk_bytes;
  std::optional<unsigned> lookahead;
  std::optional<unsigned> lanes;
};

struct BulkResult {
  Report report;
  std::uint64_t registered = 0;  ///< bytes of the registered file
  std::uint64_t received = 0;    ///< bytes of request bodies that the server received
  double seconds = 0;            ///< virtual, from the start to the end of the upload
  std::uint64_t requests = 0;
  std::uint64_t connections = 0;
  double longest_pause = 0;      ///< longest time without a byte at the server, virtual seconds
  std::size_t most_buffers = 0;  ///< of the pool that were in use at the same time
  std::uint64_t events = 0;
};

/// Runs the upload on the calling thread. Several may run at the same time. Throws
/// std::runtime_error if it cannot start. `log`: gets the engine's messages; may be empty.
BulkResult run_bulk_upload(const BulkUpload& bulk, const Log& log = {});

}  // namespace sluice::sim
