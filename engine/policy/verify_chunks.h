#pragma once

namespace sluice {

/// Whether each chunk goes with a checksum that the server compares (tus's checksum extension).
enum class VerifyChunks {
  automatic,  ///< where that costs little: engine/policy/chunk_check.h
  on,
  off,
};

}  // namespace sluice
