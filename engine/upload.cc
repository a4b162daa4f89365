#include "engine/upload.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <memory>
#include <new>
#include <utility>

#include "engine/base/units.h"
#include "engine/http/base_url.h"
#include "engine/http/curl_transport.h"
#include "engine/http/trust.h"
#include "engine/journal/journal.h"
#include "engine/journal/state_trial.h"
#include "engine/protocol/deposit.h"
#include "engine/upload/engine_resources.h"
#include "engine/upload/termination.h"
#include "engine/upload/upload_preparation.h"
#include "engine/upload/upload_start.h"
#include "io/buffer_pool.h"

namespace sluice {
namespace {

Result<void> check_numbers(const EngineOptions& options) {
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
  return {};
}

/// The journal that the options name. Null where there is none, or where it cannot be had: then a
/// warning says what that means. Error: there is one that cannot be used.
Result<std::unique_ptr<Journal>> open_journal(const EngineOptions& options) {
  if (options.state_dir.empty() || !options.journal) return std::unique_ptr<Journal>();
  const bool exists = Journal::exists(options.state_dir);
  auto journal = Journal::open(options.state_dir);
  if (journal) return journal;
  // What it knows of unfinished uploads is worth more than this one: begun without it, each would
  // delete what is staged.
  if (exists) return journal_in_the_way(std::move(journal).error());
  // Where there is none, uploading matters more than being able to go on with it later.
  if (options.log)
    options.log(
        LogLevel::warning,
        fmt::format("{}; interrupted uploads cannot be resumed, and over tus and binary the "
                    "same command run again registers the files a second time",
                    journal.error().message));
  return std::unique_ptr<Journal>();
}

MakeTransport transports_of(const EngineOptions& options, Trust trust) {
  return curl_transports({.bytes_per_second = options.bytes_per_second,
                          .stall_timeout = options.stall_timeout,
                          .trust = std::move(trust),
                          .network = options.network,
                          .log = options.log});
}

/// Starts the threads of an engine.
Result<std::unique_ptr<EngineResources>> start_threads(EngineResources::Setting setting) {
  try {
    return std::make_unique<EngineResources>(std::move(setting));
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

}  // namespace

Result<std::unique_ptr<Engine>> Engine::create(const EngineOptions& options) {
  TRY(check_numbers(options));
  TRY(check_proxy(options.network));
  TRY_ASSIGN(Trust trust, find_trust(options.network));
  TRY_ASSIGN(auto pool,
             BufferPool::create(options.block_bytes, options.pool_bytes / options.block_bytes));
  TRY_ASSIGN(auto journal, open_journal(options));
  TRY_ASSIGN(auto resources,
             start_threads({.options = options,
                            .pool = std::move(pool),
                            .journal = std::move(journal),
                            .transports = transports_of(options, std::move(trust))}));
  return std::unique_ptr<Engine>(new Engine(std::move(resources)));
}

Engine::Engine(std::unique_ptr<EngineResources> resources) : resources_(std::move(resources)) {}
Engine::~Engine() = default;

Result<std::unique_ptr<Upload>> Engine::start(const UploadRequest& request) {
  TRY_ASSIGN(PreparedUpload prepared, UploadPreparation(*resources_).prepare(request));
  return start_upload(std::move(prepared));
}

std::optional<unsigned> Engine::request_limit(const std::string& base_url) const {
  return resources_->servers().request_limit(base_url);
}

void Engine::set_uploads_at_a_time(unsigned uploads) {
  resources_->shares().set_at_a_time(std::max(1U, uploads));
}

Terminated Engine::terminate(const Termination& termination) {
  return sluice::terminate(resources_->network().first(), resources_->options().retry, termination);
}

Result<ServerProfile> Engine::ask_server(const Inquiry& asked) {
  Inquiry inquiry = asked;
  TRY_ASSIGN(inquiry.base_url, check_base_url(asked.base_url, /*insecure_http=*/true));
  if (!inquiry.dataset.empty() || !inquiry.token.empty()) {
    TRY(check_dataset_key(inquiry.dataset));
    TRY(check_token(inquiry.token.reveal()));
  }
  return resources_->asking().ask(inquiry);
}

}  // namespace sluice
