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

/// The inputs of an upload: a valid request, and the facts known about its file and server.
struct UploadBasis {
  UploadRequest request;  ///< as check_request() returns it
  ProtocolKind kind = ProtocolKind::phased;
  std::unique_ptr<Source> source;
  std::optional<DatasetLock> lock;
  std::optional<EarlierRun> earlier;
  UploadParts parts;  ///< parts of the file; empty plan: one piece
  /// Whether the upload at the server is joined from parts. If an earlier run has joined the parts,
  /// `parts` is empty.
  bool joined = false;
  std::vector<std::string> abandoned;      ///< EarlierRuns::abandoned
  std::optional<JournalEntry> registered;  ///< EarlierRuns::registered; set over phased only
  ServerFacts server;                      ///< from the journal
};

/// The factory for the setting of an UploadRun and for the runs of its parts. Combines an
/// UploadBasis with the engine's resources: the share of the pool, the protocol, the checksums of
/// chunks, the request gate. Sends nothing. For one upload; any thread, one at a time.
class RunAssembly {
 public:
  /// `engine` outlives this and the runs.
  RunAssembly(EngineResources& engine, UploadBasis basis);

  /// Returns the setting. Call once. Errors: those of plan_chunk_check() and make_protocol().
  Result<UploadRun::Setting> assemble();

 private:
  /// Plans the checksums of chunks. `blocks`: number of pool blocks that the upload or part can
  /// use.
  Result<ChunkCheck> chunk_check(const UploadRequest& request, std::uint64_t size,
                                 std::size_t blocks) const;
  /// Plans the checksums of chunks for a file that goes in one piece over tus. No checksums for
  /// other files.
  Result<ChunkCheck> whole_chunk_check() const;
  Result<std::unique_ptr<Protocol>> protocol(const ChunkCheck& chunk_check) const;
  /// Returns the server's creation-with-upload state if the creation of a tus upload may carry the
  /// file's bytes; otherwise null.
  CreationWithUpload* creation(const ChunkCheck& chunk_check) const;
  /// Logs a warning if the server may change the name.
  void warn_of_name() const;
  Result<std::vector<std::shared_ptr<UploadRun>>> part_runs();
  Result<std::shared_ptr<UploadRun>> part_run(const UploadRequest& request, std::size_t number);
  /// Returns the settings that a run of the whole file and a run of a part have in common.
  UploadRun::Setting common_setting(UploadRequest request, std::unique_ptr<Source> source,
                                    std::unique_ptr<Protocol> protocol) const;

  EngineResources& engine_;
  UploadBasis basis_;
  const std::uint64_t size_;       ///< of the file
  const std::size_t block_bytes_;  ///< the engine's block size, or that of an earlier run
  const RequestGate::Rule gate_rule_;
  RequestGate* gate_ = nullptr;
  /// Null over the phased protocol, which allows one upload at a time in a dataset: such an upload
  /// uses the whole pool.
  std::unique_ptr<PoolShares::Share> share_;
};

}  // namespace sluice
