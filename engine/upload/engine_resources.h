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

/// What all uploads of an engine share: its options, buffers, checksum workers, journal, network
/// threads, and what it knows of servers. It owns them, and their threads. It decides nothing.
///
/// Any thread. Outlives the uploads.
class EngineResources {
 public:
  /// What is made before there are threads, so that whoever fails to make it can say why.
  struct Setting {
    EngineOptions options;
    std::shared_ptr<BufferPool> pool;  ///< of blocks of EngineOptions::block_bytes
    std::unique_ptr<Journal> journal;  ///< null where there is none to be had
    MakeTransport transports;
    /// Null: readers, workers and the journal have threads. Else a simulation runs them as events.
    /// Outlives the engine.
    Executor* executor = nullptr;
  };

  /// Starts the threads. Throws std::bad_alloc, or std::system_error where there is no thread.
  explicit EngineResources(Setting setting);
  EngineResources(const EngineResources&) = delete;
  EngineResources& operator=(const EngineResources&) = delete;

  const EngineOptions& options() const { return options_; }
  BufferPool& pool() { return *pool_; }
  PoolShares& shares() { return shares_; }
  ChecksumWorkers& workers() { return workers_; }
  /// Null where there is none.
  JournalThread* journal_thread() { return journal_.get(); }
  /// The same, for those who may wait for the disk.
  Journal* journal() { return journal_ ? &journal_->journal() : nullptr; }
  NetworkThreads& network() { return network_; }
  Servers& servers() { return servers_; }
  ServerAsking& asking() { return asking_; }
  /// Logs the sentence, if there is somebody to read it.
  void say(LogLevel level, const std::string& text) const;

 private:
  const EngineOptions options_;
  const std::shared_ptr<BufferPool> pool_;
  PoolShares shares_;
  ChecksumWorkers workers_;
  const std::unique_ptr<JournalThread> journal_;
  Servers servers_;
  NetworkThreads
      network_;  ///< goes before those above: it may hold the last reference to an upload
  ServerAsking asking_;
};

}  // namespace sluice
