#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/journal/dataset_lock.h"
#include "engine/policy/chunk_check.h"
#include "engine/upload/earlier_run.h"
#include "engine/upload/engine_resources.h"
#include "engine/upload/upload_parts.h"
#include "engine/upload/upload_request.h"
#include "engine/upload/upload_run.h"
#include "io/result.h"
#include "io/source.h"

namespace sluice {

/// What an upload begins with: a request that can be carried out, and what is known about it.
struct UploadBasis {
  UploadRequest request;  ///< as check_request() returns it
  ProtocolKind kind = ProtocolKind::phased;
  std::unique_ptr<Source> source;
  std::optional<DatasetLock> lock;
  std::optional<EarlierRun> earlier;
  UploadParts parts;  ///< in which it goes; of an empty plan: in one piece
  /// It goes in parts, or an earlier run has joined them already: then `parts` has none.
  bool joined = false;
  std::vector<std::string> abandoned;      ///< EarlierRuns
  std::optional<JournalEntry> registered;  ///< EarlierRuns, over the phased protocol
  ServerFacts server;                      ///< as the journal has them
};

/// Makes the setting of an UploadRun, and the runs of its parts, out of an UploadBasis and what the
/// engine has: the share of the pool, the protocol, the checksums of chunks, the gate. Sends
/// nothing. For one upload; any thread, one at a time.
class RunAssembly {
 public:
  /// `engine` outlives this and the runs.
  RunAssembly(EngineResources& engine, UploadBasis basis);

  /// Once. Errors: those of plan_chunk_check() and make_protocol().
  Result<UploadRun::Setting> assemble();

 private:
  /// `blocks`: that the upload, or its part, can have of the pool.
  Result<ChunkCheck> chunk_check(const UploadRequest& request, std::uint64_t size,
                                 std::size_t blocks) const;
  /// Of a file that goes in one piece over tus; none for others.
  Result<ChunkCheck> whole_chunk_check() const;
  Result<std::unique_ptr<Protocol>> protocol(const ChunkCheck& chunk_check) const;
  /// Where the creation of a tus upload may carry the file's bytes; else null.
  CreationWithUpload* creation(const ChunkCheck& chunk_check) const;
  /// Warns of a name that the server may change.
  void warn_of_name() const;
  Result<std::vector<std::shared_ptr<UploadRun>>> part_runs();
  Result<std::shared_ptr<UploadRun>> part_run(const UploadRequest& request, std::size_t number);
  /// The setting of a run of the whole file or of a part, but for what is only one of them's.
  UploadRun::Setting common_setting(UploadRequest request, std::unique_ptr<Source> source,
                                    std::unique_ptr<Protocol> protocol) const;

  EngineResources& engine_;
  UploadBasis basis_;
  const std::uint64_t size_;       ///< of the file
  const std::size_t block_bytes_;  ///< the engine's, or those of an earlier run
  const RequestGate::Rule gate_rule_;
  RequestGate* gate_ = nullptr;
  /// None over the phased protocol: one at a time in a dataset goes over it, however many were
  /// reckoned with.
  std::unique_ptr<PoolShares::Share> share_;
};

}  // namespace sluice
