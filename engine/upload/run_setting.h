#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/log.h"
#include "engine/http/network_threads.h"
#include "engine/journal/dataset_lock.h"
#include "engine/journal/journal_thread.h"
#include "engine/journal/server_facts.h"
#include "engine/pipeline/checksum_workers.h"
#include "engine/pipeline/pool_shares.h"
#include "engine/policy/chunk_check.h"
#include "engine/policy/request_gate.h"
#include "engine/policy/retry.h"
#include "engine/protocol/protocol.h"
#include "engine/upload/chunk_planner.h"
#include "engine/upload/earlier_run.h"
#include "engine/upload/preparation.h"
#include "engine/upload/upload_request.h"
#include "io/buffer_pool.h"
#include "io/source.h"

namespace sluice {

/// What an UploadRun is made of: the file, the protocol, the limits, and the resources of the
/// engine that it uses. RunAssembly creates it.
struct RunSetting {
  UploadRequest request;
  std::unique_ptr<Source> source;
  std::unique_ptr<Protocol> protocol;
  BufferPool& pool;
  ChecksumWorkers& workers;
  NetworkThreads& network;  ///< outlives the run
  std::size_t block_bytes;
  std::chrono::seconds response_timeout;  ///< 0: the protocol's default
  RetryPolicy retry;
  Log log;
  JournalThread* journal;           ///< null: no journal; outlives the run
  std::optional<DatasetLock> lock;  ///< held until the upload has ended
  std::optional<EarlierRun> earlier;
  std::optional<std::chrono::seconds> register_wait;  ///< EngineOptions::register_wait
  std::uint64_t bytes_per_second;                     ///< EngineOptions::bytes_per_second
  ServerFacts server;                                 ///< from the journal
  /// Absolute URLs of abandoned uploads at the server, to be deleted.
  std::vector<std::string> abandoned = {};
  ChunkCheck chunk_check = {};
  /// Settings of a part of a file. A part is not registered. Its blocks come from a share of the
  /// pool, which has at least `least_blocks` blocks, also with the maximum number of lanes.
  struct Part {
    std::uint64_t begin = 0;  ///< offset in the file
    std::unique_ptr<BufferPool> share;
    std::size_t least_blocks = 2;
  };
  std::optional<Part> part = {};
  /// Work before the first request; null: none.
  std::shared_ptr<Preparation> preparation = {};
  std::optional<JournalEntry> registered = {};  ///< EarlierRuns::registered
  RequestGate* gate = nullptr;  ///< gate of the server; null: none; outlives the run
  RequestGate::Rule gate_rule = RequestGate::Rule::queues;
  std::unique_ptr<PoolShares::Share> share = {};  ///< share of `pool`; null: the whole pool

  /// Name of the file or of the part, for messages.
  std::string name() const;
  /// Size in bytes of the file or of the part.
  std::uint64_t size() const { return source->identity().size; }
  /// The pool or share that the blocks come from.
  BufferPool& buffers() const;
  /// The number of blocks that were available when the upload began.
  std::size_t planned_blocks() const;
  /// Maximum duration of a registration at the server, also used for a join.
  std::chrono::seconds longest_registration() const;
  ChunkPlanner::Setting chunks() const;
  /// The journal entry to continue, or a new one.
  JournalEntry first_journal_entry() const;
};

}  // namespace sluice
