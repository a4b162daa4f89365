#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/upload.h"
#include "io/result.h"
#include "tools/sluice/run/upload_options.h"

namespace sluice::cli {

/// The values of those upload options that the command line gives as texts.
struct ParsedOptions {
  std::uint64_t chunk_bytes = 0;      ///< --chunk; 0: auto
  std::optional<unsigned> lookahead;  ///< nullopt: auto
  std::optional<unsigned> lanes;      ///< nullopt: auto
  std::optional<unsigned> transfers;  ///< nullopt: auto
  std::chrono::seconds token_wait{0};
  std::optional<std::chrono::seconds> progress_interval;  ///< nullopt: the default
  std::vector<DigestKind> digests;
};

/// Parses the texts of `options`, except those of the engine. Error usage, which names the option.
Result<ParsedOptions> parse_upload_options(const UploadOptions& options);

/// Returns the engine's options: sizes, rates, timeouts, network and journal. `block_bytes`: the
/// minimum block size. Leaves the log, the number of workers and the number of uploads at a time to
/// the caller. Error usage, which names the option.
Result<EngineOptions> parse_engine_options(const UploadOptions& options, std::uint64_t block_bytes);

/// Sets the members of `request` that these options determine: how to read, chunk and check the
/// file, and how long to wait for a new token.
void apply(const UploadOptions& options, const ParsedOptions& parsed, UploadRequest& request);

}  // namespace sluice::cli
