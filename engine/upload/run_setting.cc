#include "engine/upload/run_setting.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "engine/base/text.h"
#include "engine/base/unix_time.h"
#include "engine/upload/registration.h"

namespace sluice {
namespace {

using namespace std::chrono_literals;

/// Length in bytes of the first chunk if the server keeps bytes as they arrive: a failed transfer
/// loses nothing then.
constexpr std::uint64_t first_streamed = std::uint64_t{1} << 30;

/// Returns the maximum chunk length in bytes: what this server accepts, and what fits into memory
/// to be checksummed. 0: no maximum.
std::uint64_t chunk_bound(const ServerFacts& server, const ChunkCheck& check) {
  const std::uint64_t refused = server.chunk_limit.value_or(0);
  if (check.algorithm.empty()) return refused;
  return refused == 0 ? check.most_bytes : std::min(refused, check.most_bytes);
}

ConnectionLimits measured_limits(const ServerProfile& server) {
  return {server.bbr, server.max_in_flight_bytes, server.round_trip.value_or(0us)};
}

}  // namespace

std::string RunSetting::name() const {
  return printable(source->path()) + (part ? fmt::format(" (part at offset {})", part->begin) : "");
}

BufferPool& RunSetting::buffers() const {
  if (part) return *part->share;
  return share ? share->buffers() : pool;
}

std::size_t RunSetting::planned_blocks() const {
  if (part) return part->least_blocks;
  return share ? share->planned() : pool.count();
}

std::chrono::seconds RunSetting::longest_registration() const {
  return register_wait.value_or(time_to_register(size()));
}

ChunkPlanner::Setting RunSetting::chunks() const {
  const bool streamed = protocol->keeps_parts_of_chunks();
  ChunkPlanner::Setting chunks{
      .sizer = {.asked = request.chunk_bytes,
                .bound = chunk_bound(server, chunk_check),
                .remembered = server.chunk_bytes.value_or(0),
                .block_bytes = block_bytes,
                .first = streamed ? first_streamed : ChunkSizer::moderate,
                .most =
                    streamed ? std::numeric_limits<std::uint64_t>::max() : ChunkSizer::most_alone,
                .kept_as_it_comes = streamed},
      .lookahead = {request.lookahead, !request.lookahead && server.refuses_lookahead(unix_s()),
                    pool.count() * pool.buffer_size(), measured_limits(request.server)},
      .size = size(),
      .keeps_parts_of_chunks = streamed};
  if (!chunk_check.algorithm.empty()) chunks.most_bytes = chunk_check.most_bytes;
  return chunks;
}

JournalEntry RunSetting::first_journal_entry() const {
  return earlier ? earlier->entry
                 : first_entry(request, protocol->name(), source->identity(), block_bytes);
}

}  // namespace sluice
