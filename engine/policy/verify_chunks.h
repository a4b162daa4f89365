#pragma once

namespace sluice {

/// Whether each chunk carries a checksum that the server compares (tus's checksum extension).
enum class VerifyChunks {
  automatic,  ///< where a checksum costs little: engine/policy/chunk_check.h
  on,
  off,
};

}  // namespace sluice
