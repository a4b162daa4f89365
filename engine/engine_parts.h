#pragma once

#include <memory>

#include "engine/base/executor.h"
#include "engine/http/transport.h"
#include "engine/journal/journal.h"
#include "engine/upload.h"
#include "io/buffer_pool.h"

namespace sluice {

/// What Engine::create() makes of EngineOptions, and a simulation makes itself: all that an engine
/// has of the world outside besides clocks (engine/base/clock.h), chance (io/random.h) and files
/// (io/file_system.h).
struct EngineParts {
  std::shared_ptr<BufferPool> pool;  ///< of blocks of EngineOptions::block_bytes
  MakeTransport make_transport;
  std::unique_ptr<Journal> journal;  ///< null for none
  /// Null: readers, workers and the journal have threads. Outlives the engine.
  Executor* executor = nullptr;
};

/// An engine of these parts. Throws where memory or threads are not to be had.
std::unique_ptr<Engine> make_engine(const EngineOptions& options, EngineParts parts);

}  // namespace sluice
