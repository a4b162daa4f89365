#include "tools/sluice/run/parsed_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>
#include <system_error>

#include "engine/base/text.h"
#include "engine/base/units.h"
#include "tools/sluice/run/state_directory.h"
#include "tools/sluice/run/transfer_count.h"

namespace sluice::cli {
namespace {

constexpr std::string_view automatic = "auto";

/// Parses the text of an option. An error names the option.
template <class Parse>
auto parse_option(const char* option, const std::string& text, const Parse& parse) {
  auto value = parse(text);
  if (!value) value.error().message = fmt::format("{}: {}", option, value.error().message);
  return value;
}

/// Parses a number, or `auto`, which returns nullopt.
Result<std::optional<unsigned>> parse_count(const std::string& text, const char* option,
                                            const char* of_what, unsigned least, unsigned most) {
  if (text == automatic) return std::optional<unsigned>();
  unsigned count = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, count);
  if (error != std::errc() || end != last || count < least || count > most)
    return Error{ErrorKind::usage,
                 fmt::format("{} must be auto or a number of {} from {} to {}, not '{}'", option,
                             of_what, least, most, printable(text))};
  return std::optional<unsigned>(count);
}

}  // namespace

Result<ParsedOptions> parse_upload_options(const UploadOptions& options) {
  ParsedOptions parsed;
  if (options.chunk != automatic) {
    TRY_ASSIGN(parsed.chunk_bytes, parse_option("--chunk", options.chunk, parse_size));
    if (parsed.chunk_bytes == 0) return Error{ErrorKind::usage, "--chunk must be at least 1 byte"};
  }
  TRY_ASSIGN(parsed.lookahead,
             parse_count(options.lookahead, "--lookahead", "chunks", 0, most_lookahead));
  TRY_ASSIGN(parsed.lanes, parse_count(options.lanes, "--lanes", "parts", 0, most_lanes));
  TRY_ASSIGN(parsed.transfers,
             parse_count(options.transfers, "--transfers", "files", 1, TransferCount::most));
  if (!options.token_wait.empty()) {
    TRY_ASSIGN(parsed.token_wait, parse_option("--token-wait", options.token_wait, parse_duration));
  }
  if (!options.progress_interval.empty()) {
    TRY_ASSIGN(parsed.progress_interval,
               parse_option("--progress-interval", options.progress_interval, parse_duration));
    if (*parsed.progress_interval < std::chrono::seconds(1))
      return Error{ErrorKind::usage, "--progress-interval must be at least 1 second"};
  }
  TRY_ASSIGN(parsed.digests, parse_digests(options.digests));
  return parsed;
}

Result<EngineOptions> parse_engine_options(const UploadOptions& options,
                                           std::uint64_t block_bytes) {
  EngineOptions engine;
  TRY_ASSIGN(engine.pool_bytes, parse_option("--pool", options.pool, parse_size));
  TRY_ASSIGN(engine.block_bytes, parse_option("--block", options.block, parse_size));
  engine.block_bytes = std::max(engine.block_bytes, static_cast<std::size_t>(block_bytes));
  if (!options.limit_rate.empty()) {
    TRY_ASSIGN(engine.bytes_per_second,
               parse_option("--limit-rate", options.limit_rate, parse_rate));
    if (engine.bytes_per_second == 0)
      return Error{ErrorKind::usage,
                   "--limit-rate must be greater than 0; for no limit, leave the option out"};
  }
  TRY_ASSIGN(const std::optional<unsigned> threads,
             parse_count(options.network_threads, "--network-threads", "threads", 1,
                         most_network_threads));
  engine.network_threads = threads.value_or(0);
  engine.retry.retries = options.retries;
  engine.stall_timeout = std::chrono::seconds(options.stall_timeout);
  engine.response_timeout = std::chrono::seconds(options.response_timeout);
  if (!options.register_wait.empty()) {
    TRY_ASSIGN(engine.register_wait,
               parse_option("--register-wait", options.register_wait, parse_duration));
  }
  engine.network = options.network;
  TRY_ASSIGN(engine.state_dir, state_dir(options));
  engine.journal = !options.no_journal;
  return engine;
}

void apply(const UploadOptions& options, const ParsedOptions& parsed, UploadRequest& request) {
  request.read_mode = options.read_mode;
  request.chunk_bytes = parsed.chunk_bytes;
  request.heed_chunk_limit = parsed.chunk_bytes == 0;
  request.lookahead = parsed.lookahead;
  request.lanes = parsed.lanes;
  request.verify_chunks = options.verify_chunks;
  request.verify_prefix = options.verify_prefix;
  for (const DigestKind kind : parsed.digests)
    if (std::find(request.digests.begin(), request.digests.end(), kind) == request.digests.end())
      request.digests.push_back(kind);
  request.token_wait = parsed.token_wait;
}

}  // namespace sluice::cli
