#pragma once

#include <optional>
#include <variant>

#include "engine/journal/dataset_lock.h"
#include "engine/journal/journal.h"
#include "engine/upload/earlier_run.h"
#include "engine/upload/engine_resources.h"
#include "engine/upload/registered_before.h"
#include "engine/upload/run_assembly.h"
#include "engine/upload/upload_request.h"
#include "engine/upload/upload_run.h"
#include "io/result.h"

namespace sluice {

/// A prepared upload with nothing to do: an earlier run has registered the file.
struct RegisteredBefore {
  UploadRequest request;
  JournalEntry entry;
};

/// What to do for a request: nothing, compare the file with its receipt, or upload it.
/// start_upload() (engine/upload/upload_start.h) starts it.
using PreparedUpload = std::variant<RegisteredBefore, Comparison, UploadRun::Setting>;

/// The decision what to do for a request, and with which resources: checks the request, opens the
/// file, takes the lock, finds earlier runs in the journal, and plans parts. Sends no byte of the
/// file, but may ask the server to measure the round trip. The parts of a file are in the journal
/// afterwards.
///
/// Any thread. May block on the disk, and on the server until request.stop returns true.
class UploadPreparation {
 public:
  /// `engine` outlives this and the prepared upload.
  explicit UploadPreparation(EngineResources& engine) : engine_(engine) {}

  /// Returns the prepared upload. Errors: those of Engine::start().
  Result<PreparedUpload> prepare(const UploadRequest& request);

 private:
  /// Takes the lock of the upload. Returns no lock if the engine has no state directory, or, after
  /// a warning, if the directory does not support locks. Error: another process holds the lock.
  Result<std::optional<DatasetLock>> take_lock(const UploadBasis& basis) const;
  /// Finds the upload in `journal` and adds the result to `basis`. If an earlier run has registered
  /// the file and the server need not be asked, returns the complete prepared upload, and moves the
  /// contents of `basis` into it.
  Result<std::optional<PreparedUpload>> consult(Journal& journal, UploadBasis& basis);
  /// Returns the comparison of the file with `entry`, and logs a warning with the reason. Moves
  /// from `basis`.
  Comparison compare(Journal& journal, UploadBasis& basis, JournalEntry entry) const;
  /// Moves the state of an earlier run into `basis`.
  void take_over(EarlierRuns found, UploadBasis& basis);

  EngineResources& engine_;
};

}  // namespace sluice
