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

/// An earlier run has registered the file: there is nothing to do.
struct RegisteredBefore {
  UploadRequest request;
  JournalEntry entry;
};

/// What is to be done for a request: nothing, to compare the file with its receipt, or to upload
/// it. start_upload() (engine/upload/upload_start.h) does it.
using PreparedUpload = std::variant<RegisteredBefore, Comparison, UploadRun::Setting>;

/// Decides what is to be done for a request, and with what: checks it, opens the file, takes the
/// lock, asks the journal what earlier runs left, and plans parts. It sends no byte of the file,
/// but may ask the server for the round trip. The journal has the parts of a file then.
///
/// Any thread; may wait for the disk, and for the server as long as request.stop lets it.
class UploadPreparation {
 public:
  /// `engine` outlives this and what is prepared.
  explicit UploadPreparation(EngineResources& engine) : engine_(engine) {}

  /// Errors: those of Engine::start().
  Result<PreparedUpload> prepare(const UploadRequest& request);

 private:
  /// Nothing where there is no state directory, or where it has no locks: a warning says so. Error:
  /// another process has it.
  Result<std::optional<DatasetLock>> take_lock(const UploadBasis& basis) const;
  /// Finds what `journal` has of the upload, and puts it into `basis`. Returns an end, made of what
  /// was in `basis`, where an earlier run has registered the file and no server is to be asked.
  Result<std::optional<PreparedUpload>> consult(Journal& journal, UploadBasis& basis);
  /// The comparison with `entry`, and a warning that says why.
  Comparison compare(Journal& journal, UploadBasis& basis, JournalEntry entry) const;
  /// Takes over what an earlier run left.
  void go_on(EarlierRuns found, UploadBasis& basis);

  EngineResources& engine_;
};

}  // namespace sluice
