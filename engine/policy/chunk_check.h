#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "engine/policy/verify_chunks.h"
#include "engine/protocol/server_profile.h"
#include "io/result.h"

namespace sluice {

/// The decision whether the chunks of an upload carry a checksum that the server compares before it
/// keeps the chunk (tus's checksum extension).
///
/// The checksum stands in front of the bytes, so a chunk must be read as a whole before its first
/// byte is sent. A chunk is then no longer than half of the pool, so that the next one is read and
/// hashed during the transfer, and each chunk costs a round trip. So the automatic choice uses
/// checksums only where nothing else protects the bytes: over plain http, where TCP's 16 bits are
/// the only check. The automatic choice does not use checksums for a large file over a link with a
/// long round trip, because the round trips would take a tenth of the time. TLS authenticates each
/// record.
/// `--verify-chunks on` adds checksums over TLS too, against corruption behind the TLS proxy.
///
/// The algorithm is the cheapest one that the server supports: SHA-1 (1.6 GB/s here with SHA
/// instructions), MD5 (0.6), SHA-256, SHA-512, SHA-384. Deliberate SHA-1 collisions do not matter,
/// because the checksum protects against accidents. CRC-32 is not used: it misses one accident in
/// four billion, and no document defines how it is written.
struct ChunkCheck {
  std::string algorithm;  ///< as the server announces it; empty: chunks carry no checksum
  // Both are 0 without checksums.
  std::uint64_t most_bytes = 0;  ///< maximum length of a planned chunk: half of the pool, or the
                                 ///< shortest chunk that the server keeps if that is longer
  std::uint64_t room_bytes = 0;  ///< maximum length of a chunk that the pool can hold
};

/// The arguments of plan_chunk_check().
struct ChunkCheckSetting {
  VerifyChunks wish = VerifyChunks::automatic;  ///< --verify-chunks
  bool tls = false;                             ///< the server's URL is https
  bool long_round_trip = false;                 ///< has_long_round_trip() of the connection
  std::uint64_t least_chunk = 1;  ///< shortest chunk that the server keeps (Tus::part_bytes())
  std::uint64_t size = 0;         ///< bytes of the file
  std::size_t pool_blocks = 2;    ///< buffers of the pool that this upload can have
  unsigned lanes = 1;             ///< lanes that share the whole pool
  std::size_t block_bytes = 1;    ///< bytes of a buffer
};

/// Returns the plan for an upload. Error usage, which names a remedy, if checksums were requested
/// and cannot be used.
Result<ChunkCheck> plan_chunk_check(const TusServer& server, const ChunkCheckSetting& setting);

}  // namespace sluice
