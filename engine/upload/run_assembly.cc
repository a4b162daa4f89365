#include "engine/upload/run_assembly.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/base/text.h"
#include "engine/policy/part_plan.h"
#include "engine/protocol/stored_names.h"
#include "engine/protocol/tus.h"
#include "engine/upload/file_in_parts.h"
#include "engine/upload/make_protocol.h"
#include "engine/upload/registered_before.h"
#include "io/slice_source.h"

namespace sluice {
namespace {

/// Returns the request for the run of a part: only the whole file has digests.
UploadRequest part_request(const UploadRequest& request) {
  UploadRequest own = request;
  own.digests.clear();
  own.expected = {};
  own.verify_prefix = false;
  own.on_over = nullptr;
  // Automatic means no checksums here: lanes send their bytes as they arrive.
  if (own.verify_chunks == VerifyChunks::automatic) own.verify_chunks = VerifyChunks::off;
  return own;
}

}  // namespace

RunAssembly::RunAssembly(EngineResources& engine, UploadBasis basis)
    : engine_(engine),
      basis_(std::move(basis)),
      size_(basis_.source->identity().size),
      block_bytes_(basis_.earlier ? static_cast<std::size_t>(basis_.earlier->entry.block_bytes)
                                  : engine.options().block_bytes),
      // The end of a pipelined chunk is held back until the chunk before it is confirmed, so that
      // one must not wait for a turn. The dataset has only one upload at a time anyway.
      gate_rule_(basis_.kind == ProtocolKind::phased ? RequestGate::Rule::never_waits
                                                     : RequestGate::Rule::queues) {}

Result<UploadRun::Setting> RunAssembly::assemble() {
  if (basis_.kind != ProtocolKind::phased) share_ = engine_.shares().add();
  TRY_ASSIGN(ChunkCheck chunk_check, whole_chunk_check());
  TRY_ASSIGN(auto protocol, this->protocol(chunk_check));
  warn_of_name();
  gate_ = &engine_.servers().gate(basis_.request.base_url, basis_.server, gate_rule_);
  TRY_ASSIGN(auto parts, part_runs());
  // A checksummed chunk is held until it is complete, unless it is a single block.
  const bool keeps_chunks = !chunk_check.algorithm.empty() ||
                            (!parts.empty() && basis_.request.verify_chunks == VerifyChunks::on);
  if (share_ && (!keeps_chunks || size_ <= block_bytes_)) share_->needs(1);

  UploadRun::Setting setting =
      common_setting(std::move(basis_.request), std::move(basis_.source), std::move(protocol));
  setting.lock = std::move(basis_.lock);
  setting.earlier = std::move(basis_.earlier);
  setting.abandoned = std::move(basis_.abandoned);
  setting.chunk_check = std::move(chunk_check);
  if (!parts.empty())
    setting.preparation = std::make_shared<FileInParts>(
        FileInParts::Setting{.parts = {parts.begin(), parts.end()},
                             .first_lanes = basis_.parts.plan.first,
                             .most_lanes = basis_.parts.plan.most,
                             .file = printable(setting.source->path()),
                             .block_bytes = block_bytes_,
                             .log = engine_.options().log});
  setting.registered = std::move(basis_.registered);
  setting.gate_rule = gate_rule_;
  setting.share = std::move(share_);
  return setting;
}

UploadRun::Setting RunAssembly::common_setting(UploadRequest request,
                                               std::unique_ptr<Source> source,
                                               std::unique_ptr<Protocol> protocol) const {
  const EngineOptions& options = engine_.options();
  return {.request = std::move(request),
          .source = std::move(source),
          .protocol = std::move(protocol),
          .pool = engine_.pool(),
          .workers = engine_.workers(),
          .network = engine_.network(),
          .block_bytes = block_bytes_,
          .response_timeout = options.response_timeout,
          .retry = options.retry,
          .log = options.log,
          .journal = engine_.journal_thread(),
          .lock = {},
          .earlier = {},
          .register_wait = options.register_wait,
          .bytes_per_second = options.bytes_per_second,
          .server = basis_.server,
          .gate = gate_};
}

Result<ChunkCheck> RunAssembly::chunk_check(const UploadRequest& request, std::uint64_t size,
                                            std::size_t blocks) const {
  return plan_chunk_check(request.server.tus,
                          {.wish = request.verify_chunks,
                           .tls = request.base_url.starts_with("https:"),
                           .long_round_trip = has_long_round_trip(request.server.round_trip, size),
                           .least_chunk = Tus::part_bytes(size),
                           .size = size,
                           .pool_blocks = blocks,
                           .lanes = static_cast<unsigned>(engine_.pool().count() / blocks),
                           .block_bytes = block_bytes_});
}

Result<ChunkCheck> RunAssembly::whole_chunk_check() const {
  if (basis_.kind != ProtocolKind::tus || basis_.joined) return ChunkCheck();
  // Required checksums are computed, or the upload is an error. A file of a single block needs no
  // more blocks.
  const bool always = basis_.request.verify_chunks == VerifyChunks::on || size_ <= block_bytes_;
  return chunk_check(basis_.request, size_,
                     std::max<std::size_t>(always ? 2 : 1, share_->planned()));
}

Result<std::unique_ptr<Protocol>> RunAssembly::protocol(const ChunkCheck& chunk_check) const {
  const UploadRequest& request = basis_.request;
  return make_protocol(
      request, basis_.kind, size_, basis_.earlier, basis_.joined,
      basis_.registered ? report_before(request, *basis_.registered).registered_as : std::string(),
      creation(chunk_check));
}

CreationWithUpload* RunAssembly::creation(const ChunkCheck& chunk_check) const {
  const UploadRequest& request = basis_.request;
  // Some servers (rustus) verify the checksums of PATCH requests only, and report nothing.
  const bool has_checksums = !chunk_check.algorithm.empty();
  if (!request.server.tus.has("creation-with-upload") || size_ > block_bytes_ || has_checksums)
    return nullptr;
  return &engine_.servers().creation(request.base_url);
}

void RunAssembly::warn_of_name() const {
  if (basis_.kind == ProtocolKind::tus || basis_.registered) return;
  const std::string& name = basis_.request.name;
  const std::vector<std::string> names = stored_names(name);
  if (names.size() == 1) return;
  engine_.say(LogLevel::warning,
              fmt::format("the name '{}' contains characters that older Data Banks replace: the "
                          "file may be registered as '{}' (the report will show the name); to "
                          "avoid this, choose another name",
                          printable(name), printable(names[1])));
}

Result<std::vector<std::shared_ptr<UploadRun>>> RunAssembly::part_runs() {
  std::vector<std::shared_ptr<UploadRun>> runs;
  const UploadRequest request = part_request(basis_.request);
  for (std::size_t i = 0; i < basis_.parts.plan.parts.size(); ++i) {
    TRY_ASSIGN(auto run, part_run(request, i));
    runs.push_back(std::move(run));
  }
  return runs;
}

Result<std::shared_ptr<UploadRun>> RunAssembly::part_run(const UploadRequest& request,
                                                         std::size_t number) {
  UploadParts& parts = basis_.parts;
  const ByteRange range = parts.plan.parts[number];
  std::optional<EarlierRun> earlier;
  if (number < parts.entries.size()) earlier = std::move(parts.entries[number]);
  BufferPool& pool = engine_.pool();
  const std::size_t least_blocks = std::max<std::size_t>(2, pool.count() / parts.plan.most);
  // A checksummed chunk holds its blocks until it is complete. If chunks could hold more blocks
  // than this, the lanes of several files could deadlock, each waiting for blocks of the others.
  const std::size_t blocks = share_ ? share_->planned() : 0;
  const std::size_t certain = std::max<std::size_t>(2, blocks / parts.plan.most);
  TRY_ASSIGN(ChunkCheck check, chunk_check(request, range.size(), certain));
  UploadRun::Setting setting = common_setting(
      request, std::make_unique<SliceSource>(*basis_.source, range.begin, range.size()),
      make_part_protocol(request, range.size(), earlier));
  setting.earlier = std::move(earlier);
  setting.chunk_check = std::move(check);
  setting.part =
      UploadRun::Setting::Part{range.begin, BufferPool::share(pool, pool.count()), least_blocks};
  return std::make_shared<UploadRun>(std::move(setting));
}

}  // namespace sluice
