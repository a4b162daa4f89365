#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "engine/policy/verify_chunks.h"
#include "engine/protocol/server_profile.h"
#include "io/result.h"

namespace sluice {

/// Whether the chunks of an upload go with a checksum that the server compares before it keeps them
/// (tus's checksum extension).
///
/// The checksum stands in front of the bytes, so a chunk has to be read as a whole before its first
/// byte leaves: it is no longer than half of the pool, so that the next one is read and hashed
/// meanwhile, and a round trip is paid for each. So by itself it is done where nothing else
/// protects the bytes: over plain http, where TCP's 16 bits are all there is, and not for a large
/// file over a long way, where the round trips would take a tenth of the time. TLS proves each
/// record; --verify-chunks on does it there too, against what happens behind the TLS proxy.
///
/// The algorithm is the cheapest that the server has: SHA-1 (1.6 GB/s here with SHA instructions),
/// MD5 (0.6), SHA-256, SHA-512, SHA-384. That one can make two files of one SHA-1 is no matter
/// against accidents. Not CRC-32: it misses one accident in four billion, and how it is written is
/// nowhere said.
struct ChunkCheck {
  std::string algorithm;         ///< as the server announces it; empty: none
  std::uint64_t most_bytes = 0;  ///< of a chunk, then
  std::uint64_t room_bytes = 0;  ///< longer than that it cannot be in the pool
};

struct ChunkCheckSetting {
  VerifyChunks wish = VerifyChunks::automatic;
  bool tls = false;
  bool long_way = false;          ///< is_long_way(): each chunk's round trip takes time
  std::uint64_t least_chunk = 1;  ///< what the server keeps of one request at least, bytes
  std::uint64_t size = 0;         ///< of the file, bytes
  std::size_t pool_blocks = 2;    ///< that this upload can have
  unsigned lanes = 1;             ///< that share the whole pool so
  std::size_t block_bytes = 1;
};

/// Error usage where it is wanted and cannot be done, with what would help.
Result<ChunkCheck> plan_chunk_check(const TusServer& server, const ChunkCheckSetting& setting);

}  // namespace sluice
