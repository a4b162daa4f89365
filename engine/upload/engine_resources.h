#pragma once

#include <memory>
#include <string>

#include "engine/base/executor.h"
#include "engine/http/network_threads.h"
#include "engine/journal/journal.h"
#include "engine/journal/journal_thread.h"
#include "engine/pipeline/checksum_workers.h"
#include "engine/pipeline/pool_shares.h"
#include "engine/upload/engine_options.h"
#include "engine/upload/server_asking.h"
#include "engine/upload/servers.h"
#include "io/buffer_pool.h"

namespace sluice {

/// The resources that all uploads of an engine share: options, buffers, checksum workers, journal,
/// network threads, and facts about servers. Owns them and their threads. Contains no upload logic.
///
/// Every member may be called from any thread. Outlives the uploads.
class EngineResources {
 public:
  /// Resources that are created before any thread starts, so that the creator can report errors.
  struct Setting {
    EngineOptions options;
    std::shared_ptr<BufferPool> pool;  ///< its buffers have EngineOptions::block_bytes bytes
    std::unique_ptr<Journal> journal;  ///< null without a journal
    MakeTransport transports;
    /// Null: readers, workers and the journal have threads of their own. Otherwise a simulation
    /// runs them as events. Outlives the engine.
    Executor* executor = nullptr;
  };

  /// Starts the threads. Throws std::bad_alloc, or std::system_error if a thread cannot be started.
  explicit EngineResources(Setting setting);
  EngineResources(const EngineResources&) = delete;
  EngineResources& operator=(const EngineResources&) = delete;

  const EngineOptions& options() const { return options_; }
  BufferPool& pool() { return *pool_; }
  PoolShares& shares() { return shares_; }
  ChecksumWorkers& workers() { return workers_; }
  /// Null without a journal.
  JournalThread* journal_thread() { return journal_.get(); }
  /// The journal itself, for callers that may block on the disk. Null without a journal.
  Journal* journal() { return journal_ ? &journal_->journal() : nullptr; }
  NetworkThreads& network() { return network_; }
  Servers& servers() { return servers_; }
  ServerAsking& asking() { return asking_; }
  /// Logs `text`, if EngineOptions::log is set.
  void say(LogLevel level, const std::string& text) const;

 private:
  const EngineOptions options_;
  const std::shared_ptr<BufferPool> pool_;
  PoolShares shares_;
  ChecksumWorkers workers_;
  const std::unique_ptr<JournalThread> journal_;
  Servers servers_;
  NetworkThreads network_;  ///< declared after the members above, as it may hold the last reference
                            ///< to an upload and must be destroyed first
  ServerAsking asking_;
};

}  // namespace sluice
