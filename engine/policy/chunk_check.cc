#include "engine/policy/chunk_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/base/units.h"
#include "engine/pipeline/range_digest.h"

namespace sluice {
namespace {

/// Formats a length as the command line takes it, rounded up.
std::string in_mib(std::uint64_t bytes) {
  constexpr std::uint64_t mib = std::uint64_t{1} << 20;
  return fmt::format("{}M", (bytes + mib - 1) / mib);
}

}  // namespace

Result<ChunkCheck> plan_chunk_check(const TusServer& server, const ChunkCheckSetting& setting) {
  const bool wanted = setting.wish == VerifyChunks::on;
  if (setting.wish == VerifyChunks::off || (!wanted && (setting.tls || setting.long_round_trip)))
    return ChunkCheck{};
  ChunkCheck check;
  if (server.has("checksum"))
    for (const char* algorithm : {"sha1", "md5", "sha256", "sha512", "sha384"})
      if (check.algorithm.empty() &&
          std::find(server.algorithms.begin(), server.algorithms.end(), algorithm) !=
              server.algorithms.end() &&
          RangeDigest::available(algorithm))
        check.algorithm = algorithm;
  if (check.algorithm.empty()) {
    if (!wanted) return check;
    return Error{
        ErrorKind::usage,
        "cannot send checksums with chunks: the server announces no checksum algorithm that sluice "
        "supports; use --verify-chunks auto or off"};
  }
  // A chunk that begins inside a block touches one block more than its length suggests.
  const std::uint64_t block = setting.block_bytes;
  const std::uint64_t all = block * (setting.pool_blocks - 1);
  const std::uint64_t least = std::min(setting.least_chunk, setting.size);
  check.room_bytes = all;
  check.most_bytes = std::max(std::min(block * (setting.pool_blocks / 2), all), least);
  if (check.most_bytes <= all) return check;
  if (!wanted) return ChunkCheck{};
  return Error{
      ErrorKind::usage,
      fmt::format("cannot send checksums with chunks: the server requires chunks of at least {}, "
                  "and the pool has room for at most {}; use --pool {}, or --verify-chunks off",
                  format_size(least), format_size(all),
                  in_mib((least / block + 2) * block * setting.lanes))};
}

}  // namespace sluice
