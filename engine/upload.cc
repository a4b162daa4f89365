#include "engine/upload.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <map>
#include <new>
#include <random>
#include <thread>
#include <utility>

#include "engine/base/clock.h"
#include "engine/base/seconds.h"
#include "engine/base/text.h"
#include "engine/base/units.h"
#include "engine/base/unix_time.h"
#include "engine/digest/evp_digest.h"
#include "engine/engine_parts.h"
#include "engine/http/base_url.h"
#include "engine/http/carry_out.h"
#include "engine/http/curl_transport.h"
#include "engine/http/network_threads.h"
#include "engine/http/trust.h"
#include "engine/journal/state_trial.h"
#include "engine/pipeline/pipeline.h"
#include "engine/pipeline/pool_shares.h"
#include "engine/policy/request_gate.h"
#include "engine/protocol/creation_with_upload.h"
#include "engine/protocol/deposit.h"
#include "engine/protocol/inquiry_front.h"
#include "engine/protocol/server_inquiry.h"
#include "engine/protocol/stored_names.h"
#include "engine/protocol/tus.h"
#include "engine/upload/make_protocol.h"
#include "engine/upload/registered_before.h"
#include "engine/upload/server_asking.h"
#include "engine/upload/termination.h"
#include "engine/upload/upload_parts.h"
#include "engine/upload/upload_run.h"
#include "io/buffer_pool.h"
#include "io/local_file.h"
#include "io/open_source.h"
#include "io/slice_source.h"

namespace sluice {

struct Engine::Shared {
  Shared(const EngineOptions& engine_options, EngineParts parts)
      : options(engine_options),
        pool(std::move(parts.pool)),
        workers(parts.executor != nullptr
                    ? ChecksumWorkers(*parts.executor)
                    : ChecksumWorkers(static_cast<int>(usable_cores(engine_options)))),
        journal(journal_thread(std::move(parts.journal), parts.executor)),
        network({.make = std::move(parts.make_transport),
                 .bytes_per_second = engine_options.bytes_per_second,
                 .asked = engine_options.network_threads,
                 .cores = usable_cores(engine_options)}) {}

  static std::unique_ptr<Engine> engine(const EngineOptions& options, EngineParts parts) {
    return std::unique_ptr<Engine>(new Engine(std::make_unique<Shared>(options, std::move(parts))));
  }

  static std::unique_ptr<JournalThread> journal_thread(std::unique_ptr<Journal> journal,
                                                       Executor* executor) {
    if (!journal) return nullptr;
    if (executor != nullptr) return std::make_unique<JournalThread>(std::move(journal), *executor);
    return std::make_unique<JournalThread>(std::move(journal));
  }

  static unsigned usable_cores(const EngineOptions& options) {
    return options.workers != 0 ? options.workers
                                : std::max(1U, std::thread::hardware_concurrency());
  }

  const EngineOptions options;
  const std::shared_ptr<BufferPool> pool;
  PoolShares shares{*pool, std::max(1U, options.uploads_at_a_time)};
  ChecksumWorkers workers;
  const std::unique_ptr<JournalThread> journal;  ///< null where there is none to be had
  Mutex gates_mutex;
  /// By their base URLs.
  std::map<std::string, std::unique_ptr<RequestGate>> gates SLUICE_GUARDED_BY(gates_mutex);
  /// The same.
  std::map<std::string, CreationWithUpload> creations SLUICE_GUARDED_BY(gates_mutex);
  NetworkThreads network;  ///< goes first: it may hold the last reference to an upload
  ServerAsking servers{network.first(), options.retry, journal ? &journal->journal() : nullptr,
                       options.log};

  PartPlanSetting plan_setting(const UploadRequest& request, std::uint64_t size) const {
    return {.size = size,
            .block_bytes = options.block_bytes,
            .pool_blocks = pool->count(),
            .asked = request.lanes,
            .round_trip = request.server.round_trip,
            .bbr = request.server.bbr,
            .most_under_way = request.server.most_under_way};
  }
  /// In front of the server at `base_url`. `facts`: what the journal has of it, which counts when
  /// the gate is made.
  RequestGate* gate(const std::string& base_url, const ServerFacts& facts, RequestGate::Rule rule);

  /// Where the creation of a tus upload may carry the file's bytes; else null. Not where each chunk
  /// is to have a checksum: rustus, for one, compares those of PATCH requests alone, and says
  /// nothing.
  CreationWithUpload* creation(const UploadRequest& request, std::uint64_t size,
                               std::size_t block_bytes, const ChunkCheck& chunk_check);

  /// Whether a file that was not begun before goes in parts, which the journal then has; `whole`
  /// becomes what it has of the file. Errors: usage, for lanes that the server has no way for.
  Result<UploadParts> new_parts(const UploadRequest& request, const Source& source,
                                std::optional<Earlier>& whole);

  struct PartRuns {
    std::vector<std::shared_ptr<UploadRun>> runs;
    unsigned first = 1;
    unsigned most = 1;
  };
  ChunkCheckSetting check_setting(const UploadRequest& request, std::uint64_t size,
                                  std::size_t block_bytes, std::size_t pool_blocks) const {
    return {.wish = request.verify_chunks,
            .tls = request.base_url.starts_with("https:"),
            .long_way = is_long_way(request.server.round_trip, size),
            .least_chunk = Tus::part_bytes(size),
            .size = size,
            .pool_blocks = pool_blocks,
            .lanes = static_cast<unsigned>(pool->count() / pool_blocks),
            .block_bytes = block_bytes};
  }
  /// `blocks`: that the file can have of the pool.
  Result<PartRuns> part_runs(const UploadRequest& request, const Source& source,
                             std::size_t block_bytes, UploadParts parts, const ServerFacts& server,
                             RequestGate* gate, std::size_t blocks);
};

RequestGate* Engine::Shared::gate(const std::string& base_url, const ServerFacts& facts,
                                  RequestGate::Rule rule) {
  const MutexLock lock(gates_mutex);
  std::unique_ptr<RequestGate>& gate = gates[base_url];
  if (gate) return gate.get();
  // Where no upload waits, all that run are to be counted.
  const unsigned asked =
      rule == RequestGate::Rule::never_waits ? RequestLimit::most : options.requests_at_a_time;
  const std::optional<unsigned> remembered = facts.request_limit(unix_s());
  gate = std::make_unique<RequestGate>(RequestGate::Setting{
      .limit =
          RequestLimit({.first = asked != 0 ? asked : remembered.value_or(RequestLimit::automatic),
                        .remembered = remembered,
                        .now = steady_now()}),
      .post_at =
          [this](RequestGate::Clock::time_point when, std::function<void()> work) {
            network.first().post_at(when, std::move(work));
          },
      .on_change =
          [this, base_url](std::optional<unsigned> requests) {
            if (!journal) return;
            journal->post(
                [base_url, requests](JournalTables& tables) {
                  return tables.set_requests(base_url, requests);
                },
                [](const Result<void>&) {});
          }});
  return gate.get();
}

CreationWithUpload* Engine::Shared::creation(const UploadRequest& request, std::uint64_t size,
                                             std::size_t block_bytes,
                                             const ChunkCheck& chunk_check) {
  if (!request.server.tus.has("creation-with-upload") || size > block_bytes ||
      !chunk_check.algorithm.empty())
    return nullptr;
  const MutexLock lock(gates_mutex);
  return &creations[request.base_url];
}

Result<UploadParts> Engine::Shared::new_parts(const UploadRequest& request, const Source& source,
                                              std::optional<Earlier>& whole) {
  UploadParts parts;
  if (!request.server.tus.has("concatenation")) {
    if (request.lanes.value_or(0) > 0)
      return Error{
          ErrorKind::usage,
          fmt::format(
              "cannot upload {} in parallel parts: the server does not announce the tus extension "
              "'concatenation'; use --lanes 0",
              printable(request.path))};
    return parts;
  }
  const std::uint64_t size = source.identity().size;
  // make_protocol() says so; nothing of it is begun.
  if (request.server.tus.max_size != 0 && size > request.server.tus.max_size) return parts;
  PartPlanSetting setting = plan_setting(request, size);
  // Lanes share the pool, and a chunk that is checksummed needs room for all of it.
  if (!setting.asked && request.verify_chunks == VerifyChunks::on) return parts;
  if (!setting.asked && !setting.round_trip && size >= worth_parts_bytes) {
    // One round trip more, for minutes that may be won. Where it fails, the upload will say why.
    Inquiry inquiry;
    inquiry.base_url = request.base_url;
    inquiry.dataset = request.dataset;
    inquiry.token = request.token;
    inquiry.stop = request.stop;
    const Inquired now = inquire(network.first(), inquiry);
    if (!now.options && now.options.error().kind == ErrorKind::interrupted)
      return Error{
          ErrorKind::interrupted,
          fmt::format(
              "the upload of {} was interrupted while sluice measured the round trip to {}; "
              "no byte of the file was sent",
              printable(request.path), request.base_url)};
    if (now.options && now.options->network) {
      setting.round_trip = now.options->network->round_trip;
      setting.bbr = now.options->network->bbr;
      setting.most_under_way = now.options->network->most_under_way;
    }
  }
  parts.plan = plan_parts(setting);
  if (setting.asked.value_or(0) > 1 && size > most_parts * most_part_bytes && options.log)
    options.log(
        LogLevel::warning,
        fmt::format(
            "uploading {} in one piece: the server can join parallel parts of at most {} in all",
            printable(request.path), format_size(most_parts * most_part_bytes)));
  if (asks_for_short_parts(setting) && options.log)
    options.log(LogLevel::info, fmt::format("uploading {} in fewer than {} parallel parts: the "
                                            "server cannot join parts of less than {}",
                                            printable(request.path), *setting.asked,
                                            format_size(least_part_bytes)));
  if (parts.plan.parts.empty() || !journal) return parts;
  auto entries = begin_parts(journal->journal(), request, source, options.block_bytes,
                             parts.plan.parts, whole);
  if (entries) {
    parts.entries = *std::move(entries);
    return parts;
  }
  if (options.log)
    options.log(LogLevel::warning, fmt::format("{}; uploading {} in one piece",
                                               entries.error().message, printable(request.path)));
  return UploadParts();
}

Result<Engine::Shared::PartRuns> Engine::Shared::part_runs(
    const UploadRequest& request, const Source& source, std::size_t block_bytes, UploadParts parts,
    const ServerFacts& server, RequestGate* gate, std::size_t blocks) {
  PartRuns result;
  result.first = parts.plan.first;
  result.most = parts.plan.most;
  UploadRequest own = request;
  own.digests.clear();
  own.expected = {};
  own.verify_prefix = false;
  own.on_over = nullptr;
  for (std::size_t i = 0; i < parts.plan.parts.size(); ++i) {
    const ByteRange range = parts.plan.parts[i];
    std::optional<Earlier> earlier;
    if (i < parts.entries.size()) earlier = std::move(parts.entries[i]);
    auto protocol = make_part_protocol(own, range.size(), earlier);
    const std::size_t share = std::max<std::size_t>(2, pool->count() / parts.plan.most);
    // By itself they are sent as they come: that is what lanes are for.
    if (own.verify_chunks == VerifyChunks::automatic) own.verify_chunks = VerifyChunks::off;
    // A chunk that is checksummed holds its blocks until it is whole: were there more of them than
    // this, the lanes of several files could all wait for each other's.
    const std::size_t certain = std::max<std::size_t>(2, blocks / parts.plan.most);
    TRY_ASSIGN(ChunkCheck chunk_check,
               plan_chunk_check(request.server.tus,
                                check_setting(own, range.size(), block_bytes, certain)));
    result.runs.push_back(std::make_shared<UploadRun>(UploadRun::Setting{
        .request = own,
        .source = std::make_unique<SliceSource>(source, range.begin, range.size()),
        .protocol = std::move(protocol),
        .pool = *pool,
        .workers = workers,
        .network = network,
        .block_bytes = block_bytes,
        .response_timeout = options.response_timeout,
        .retry = options.retry,
        .log = options.log,
        .journal = journal.get(),
        .lock = {},
        .earlier = std::move(earlier),
        .register_wait = options.register_wait,
        .bytes_per_second = options.bytes_per_second,
        .server = server,
        .abandoned = {},
        .chunk_check = std::move(chunk_check),
        .part =
            UploadRun::Setting::Part{range.begin, BufferPool::share(*pool, pool->count()), share},
        .gate = gate}));
  }
  return result;
}

namespace {

/// Returns the warning for a name that older servers change; empty for other names.
std::string warn_of_name(const std::string& name) {
  const std::vector<std::string> names = stored_names(name);
  if (names.size() == 1) return {};
  return fmt::format(
      "the name '{}' contains characters that older Data Banks replace: the file may be registered "
      "as '{}' (the report will show the name); to avoid this, choose another name",
      printable(name), printable(names[1]));
}

/// What a caller of the engine holds.
class Handle final : public Upload {
 public:
  explicit Handle(std::shared_ptr<UploadRun> run) : run_(std::move(run)) {}
  ~Handle() override {
    run_->cancel();
    run_->wait();
  }
  Progress progress() const override { return run_->progress(); }
  void cancel() override { run_->cancel(); }
  bool wait_until(std::chrono::steady_clock::time_point deadline) override {
    return run_->wait_until(deadline);
  }
  Report wait() override { return run_->wait(); }

 private:
  const std::shared_ptr<UploadRun> run_;
};

}  // namespace

Result<std::unique_ptr<Engine>> Engine::create(const EngineOptions& options) {
  if (options.block_bytes < BufferPool::alignment ||
      options.block_bytes % BufferPool::alignment != 0 ||
      options.block_bytes > std::size_t{1} << 30)
    return Error{
        ErrorKind::usage,
        fmt::format("cannot use blocks of {} bytes: the block size (--block) must be a multiple of "
                    "4096 bytes, from 4096 bytes to 1 GiB",
                    options.block_bytes)};
  if (options.pool_bytes / options.block_bytes < 2)
    return Error{ErrorKind::usage,
                 fmt::format("cannot use a pool of {} with blocks of {}: the pool (--pool) must "
                             "hold at least two blocks, one to read into and one to send from",
                             format_size(options.pool_bytes), format_size(options.block_bytes))};
  if (options.network_threads > most_network_threads)
    return Error{
        ErrorKind::usage,
        fmt::format("cannot use {} network threads: the maximum of --network-threads is {}",
                    options.network_threads, most_network_threads)};
  TRY(check_proxy(options.network));
  TRY_ASSIGN(Trust trust, find_trust(options.network));
  TRY_ASSIGN(auto pool,
             BufferPool::create(options.block_bytes, options.pool_bytes / options.block_bytes));
  const bool journal_exists = options.journal && Journal::exists(options.state_dir);
  Result<std::unique_ptr<Journal>> journal = std::unique_ptr<Journal>();
  if (!options.state_dir.empty() && options.journal) journal = Journal::open(options.state_dir);
  // What it knows of unfinished uploads is worth more than this one: begun without it, each would
  // delete what is staged.
  if (!journal && journal_exists) return journal_in_the_way(std::move(journal).error());
  // Where there is none, uploading matters more than being able to go on with it later.
  if (!journal && options.log)
    options.log(
        LogLevel::warning,
        fmt::format("{}; interrupted uploads cannot be resumed, and over tus and binary the "
                    "same command run again registers the files a second time",
                    journal.error().message));
  try {
    return make_engine(
        options, {.pool = std::move(pool),
                  .make_transport = curl_transports({.bytes_per_second = options.bytes_per_second,
                                                     .stall_timeout = options.stall_timeout,
                                                     .trust = std::move(trust),
                                                     .network = options.network,
                                                     .log = options.log}),
                  .journal = journal ? *std::move(journal) : nullptr});
  } catch (const std::bad_alloc&) {
    return Error{
        ErrorKind::failed,
        "cannot start the upload engine: out of memory; raise the limit on memory (ulimit -v)"};
  } catch (const std::exception& error) {  // no thread
    return Error{ErrorKind::failed,
                 fmt::format("cannot start the upload engine: {}; raise the limits on threads "
                             "(ulimit -u) and on memory (ulimit -v)",
                             error.what())};
  }
}

std::unique_ptr<Engine> make_engine(const EngineOptions& options, EngineParts parts) {
  return Engine::Shared::engine(options, std::move(parts));
}

Engine::Engine(std::unique_ptr<Shared> shared) : shared_(std::move(shared)) {}
Engine::~Engine() = default;

Result<std::unique_ptr<Upload>> Engine::start(const UploadRequest& request) {
  TRY(check_dataset_key(request.dataset));
  TRY(check_deposit_name(request.name));
  TRY(check_token(request.token.reveal()));
  if (request.lookahead && *request.lookahead > most_lookahead)
    return Error{ErrorKind::usage,
                 fmt::format("cannot send {} chunks ahead: the maximum of --lookahead is {}",
                             *request.lookahead, most_lookahead)};
  TRY(check_available(request.digests));
  UploadRequest checked = request;
  // Loopback or https is the command line's to insist on; here the URL only has to be one.
  TRY_ASSIGN(checked.base_url, check_base_url(request.base_url, /*insecure_http=*/true));

  const auto absolute = absolute_path(request.path);
  if (!absolute && shared_->journal) {
    Error error = absolute.error();
    error.message = printable(error.message);
    return error;
  }
  // Without an entry in the journal, the same command again would register the file twice.
  if (absolute && absolute->size() > max_journal_path && shared_->journal)
    return Error{
        ErrorKind::local_file,
        fmt::format("cannot upload {}...: the path has {} bytes, and the journal can keep "
                    "at most {}; move the file to a shorter path",
                    printable(request.path.substr(0, 100)), absolute->size(), max_journal_path)};
  auto opening = open_source(request.path, request.read_mode, shared_->options.block_bytes);
  if (!opening) {
    Error error = std::move(opening).error();
    error.message = printable(error.message);  // io/ names files as they are
    return error;
  }
  OpenedSource& opened = *opening;
  const std::uint64_t size = opened.source->identity().size;
  TRY(check_file_size(request.path, size));
  // 8 bytes are kept for each block, in three places at most.
  constexpr std::uint64_t most_blocks = std::uint64_t{1} << 22;
  if (opened.source->identity().size / shared_->options.block_bytes > most_blocks)
    return Error{
        ErrorKind::usage,
        fmt::format("cannot upload {} in blocks of {} bytes: the file has {} bytes, and a file can "
                    "have at most {} blocks; use --block {} or more",
                    printable(request.path), shared_->options.block_bytes,
                    opened.source->identity().size, most_blocks,
                    (opened.source->identity().size / most_blocks / 4096 + 1) * 4096)};
  if (shared_->options.log)
    shared_->options.log(opened.fell_back ? LogLevel::warning : LogLevel::info,
                         fmt::format("{}: {}", printable(request.path), opened.reason));

  std::optional<DatasetLock> lock;
  std::optional<Earlier> earlier;
  std::vector<std::string> abandoned;
  UploadParts parts;
  bool joined = false;
  std::optional<JournalEntry> registered;
  ServerFacts server;
  const ProtocolKind kind = protocol_of(checked);
  if (!request.dry_run && !shared_->options.state_dir.empty()) {
    auto locked = DatasetLock::acquire(
        shared_->options.state_dir, checked.base_url, checked.dataset, checked.name,
        kind == ProtocolKind::phased ? DatasetLock::Scope::dataset : DatasetLock::Scope::name);
    if (locked)
      lock = *std::move(locked);
    else if (locked.error().retryable)
      return std::move(locked).error();
    else if (shared_->options.log)
      shared_->options.log(
          LogLevel::warning,
          fmt::format("{}; the upload continues without a lock: make sure that no other sluice "
                      "process uploads into dataset {}",
                      locked.error().message, checked.dataset));
  }
  if (!request.dry_run && shared_->journal) {
    Journal& journal = shared_->journal->journal();
    if (kind == ProtocolKind::phased) TRY(check_other_uploads(journal, checked));
    TRY_ASSIGN(EarlierFound found,
               find_earlier(journal, checked, kind, {checked.path, opened.source->identity()},
                            shared_->options.block_bytes));
    const bool same =
        found.registered && is_same_file(*found.registered, checked, opened.source->identity());
    const bool lacks = same && lacks_digests(*found.registered, checked);
    if (lacks || (found.registered && !same && kind != ProtocolKind::phased)) {
      if (shared_->options.log)
        shared_->options.log(
            LogLevel::warning,
            fmt::format("{} was registered before, and {}", printable(request.path),
                        lacks ? "its receipt lacks a digest of the manifest: reading the file to "
                                "compute the digest"
                              : "its modification time has changed since: reading the file to "
                                "compare it with the receipt"));
      return compare_registered({.request = std::move(checked),
                                 .entry = *std::move(found.registered),
                                 .source = std::move(opened.source),
                                 .workers = shared_->workers,
                                 .journal = journal,
                                 .block_bytes = shared_->options.block_bytes});
    }
    if (found.registered && kind != ProtocolKind::phased)
      return over_before(checked, *found.registered);
    registered = std::move(found.registered);
    earlier = std::move(found.earlier);
    if (checked.server.tus.has("termination")) abandoned = std::move(found.abandoned);
    joined = !found.parts.empty();
    if (joined && earlier->entry.upload_url.empty())
      parts = resume_parts(std::move(found.parts), shared_->plan_setting(checked, size));
    else if (joined)  // an earlier run has joined them
      earlier->checksums = checksums_of(found.parts);
    if (!found.remark.empty() && shared_->options.log)
      shared_->options.log(LogLevel::warning, found.remark);
    if (auto known = journal.facts(checked.base_url)) server = *known;
    if (!request.heed_chunk_limit) server.chunk_limit.reset();
  }

  if (kind == ProtocolKind::tus && !request.dry_run && !earlier && !request.in_one_piece) {
    TRY_ASSIGN(parts, shared_->new_parts(checked, *opened.source, earlier));
    joined = !parts.plan.parts.empty();
  }
  const std::size_t block_bytes =
      earlier ? static_cast<std::size_t>(earlier->entry.block_bytes) : shared_->options.block_bytes;
  // One at a time in a dataset goes over the phased protocol, however many were reckoned with.
  std::unique_ptr<PoolShares::Share> share =
      kind == ProtocolKind::phased ? nullptr : shared_->shares.add();
  ChunkCheck chunk_check;
  if (kind == ProtocolKind::tus && !joined) {
    // Where it is wanted, it is done or an error; a single block needs no other.
    const bool always = checked.verify_chunks == VerifyChunks::on || size <= block_bytes;
    const std::size_t blocks = std::max<std::size_t>(always ? 2 : 1, share->planned());
    TRY_ASSIGN(chunk_check,
               plan_chunk_check(checked.server.tus,
                                shared_->check_setting(checked, size, block_bytes, blocks)));
  }
  TRY_ASSIGN(
      auto protocol,
      make_protocol(checked, kind, size, earlier, joined,
                    registered ? report_before(checked, *registered).registered_as : std::string(),
                    shared_->creation(checked, size, block_bytes, chunk_check)));
  if (kind != ProtocolKind::tus && !registered && shared_->options.log)
    if (const std::string warning = warn_of_name(checked.name); !warning.empty())
      shared_->options.log(LogLevel::warning, warning);
  // A chunk that is sent early is held back for the one in front of it, which may not wait for a
  // turn; and there is one upload at a time in a dataset anyway.
  const RequestGate::Rule gate_rule =
      kind == ProtocolKind::phased ? RequestGate::Rule::never_waits : RequestGate::Rule::queues;
  RequestGate* const gate = shared_->gate(checked.base_url, server, gate_rule);
  TRY_ASSIGN(auto part_runs,
             shared_->part_runs(checked, *opened.source, block_bytes, std::move(parts), server,
                                gate, share ? share->planned() : 0));
  // A chunk that is checksummed is kept until it is whole, unless a single block has all of it.
  const bool keeps_chunks = !chunk_check.algorithm.empty() ||
                            (!part_runs.runs.empty() && checked.verify_chunks == VerifyChunks::on);
  if (share && (!keeps_chunks || size <= block_bytes)) share->needs(1);
  auto run = std::make_shared<UploadRun>(UploadRun::Setting{
      .request = std::move(checked),
      .source = std::move(opened.source),
      .protocol = std::move(protocol),
      .pool = *shared_->pool,
      .workers = shared_->workers,
      .network = shared_->network,
      .block_bytes = block_bytes,
      .response_timeout = shared_->options.response_timeout,
      .retry = shared_->options.retry,
      .log = shared_->options.log,
      .journal = shared_->journal.get(),
      .lock = std::move(lock),
      .earlier = std::move(earlier),
      .register_wait = shared_->options.register_wait,
      .bytes_per_second = shared_->options.bytes_per_second,
      .server = server,
      .abandoned = std::move(abandoned),
      .chunk_check = std::move(chunk_check),
      .part = {},
      .parts = std::move(part_runs.runs),
      .registered = std::move(registered),
      .gate = gate,
      .gate_rule = gate_rule,
      .share = std::move(share),
      .first_lanes = part_runs.first,
      .most_lanes = part_runs.most,
  });
  run->start();
  return std::unique_ptr<Upload>(std::make_unique<Handle>(std::move(run)));
}

std::optional<unsigned> Engine::request_limit(const std::string& base_url) const {
  const MutexLock lock(shared_->gates_mutex);
  const auto gate = shared_->gates.find(base_url);
  return gate == shared_->gates.end() ? std::nullopt : gate->second->known_limit();
}

void Engine::set_uploads_at_a_time(unsigned uploads) {
  shared_->shares.set_at_a_time(std::max(1U, uploads));
}

Terminated Engine::terminate(const Termination& termination) {
  return sluice::terminate(shared_->network.first(), shared_->options.retry, termination);
}

Result<ServerProfile> Engine::ask_server(const Inquiry& asked) {
  Inquiry inquiry = asked;
  TRY_ASSIGN(inquiry.base_url, check_base_url(asked.base_url, /*insecure_http=*/true));
  if (!inquiry.dataset.empty() || !inquiry.token.empty()) {
    TRY(check_dataset_key(inquiry.dataset));
    TRY(check_token(inquiry.token.reveal()));
  }
  return shared_->servers.ask(inquiry);
}

}  // namespace sluice
