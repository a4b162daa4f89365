#include "engine/upload/upload_preparation.h"

#include <fmt/format.h>

#include <memory>
#include <utility>

#include "engine/base/text.h"
#include "engine/upload/file_opening.h"
#include "engine/upload/make_protocol.h"
#include "engine/upload/part_planning.h"
#include "engine/upload/request_check.h"
#include "engine/upload/upload_parts.h"

namespace sluice {

Result<PreparedUpload> UploadPreparation::prepare(const UploadRequest& request) {
  UploadBasis basis;
  TRY_ASSIGN(basis.request, check_request(request));
  basis.kind = protocol_of(basis.request);
  Journal* const journal = engine_.journal();
  TRY_ASSIGN(basis.source, open_file(basis.request, {.block_bytes = engine_.options().block_bytes,
                                                     .for_journal = journal != nullptr,
                                                     .log = engine_.options().log}));
  if (!request.dry_run) {
    TRY_ASSIGN(basis.lock, take_lock(basis));
  }
  if (!request.dry_run && journal != nullptr) {
    TRY_ASSIGN(auto end, consult(*journal, basis));
    if (end) return *std::move(end);
  }
  if (basis.kind == ProtocolKind::tus && !request.dry_run && !basis.earlier &&
      !request.in_one_piece) {
    TRY_ASSIGN(basis.parts,
               PartPlanning(engine_).begin(basis.request, *basis.source, basis.earlier));
    basis.joined = !basis.parts.plan.parts.empty();
  }
  TRY_ASSIGN(UploadRun::Setting setting, RunAssembly(engine_, std::move(basis)).assemble());
  return PreparedUpload(std::move(setting));
}

Result<std::optional<DatasetLock>> UploadPreparation::take_lock(const UploadBasis& basis) const {
  const std::string& directory = engine_.options().state_dir;
  if (directory.empty()) return std::optional<DatasetLock>();
  const UploadRequest& request = basis.request;
  auto locked = DatasetLock::acquire(
      directory, request.base_url, request.dataset, request.name,
      basis.kind == ProtocolKind::phased ? DatasetLock::Scope::dataset : DatasetLock::Scope::name);
  if (locked) return std::optional<DatasetLock>(*std::move(locked));
  if (locked.error().retryable) return std::move(locked).error();
  engine_.say(LogLevel::warning,
              fmt::format("{}; the upload continues without a lock: make sure that no other sluice "
                          "process uploads into dataset {}",
                          locked.error().message, request.dataset));
  return std::optional<DatasetLock>();
}

Result<std::optional<PreparedUpload>> UploadPreparation::consult(Journal& journal,
                                                                 UploadBasis& basis) {
  const UploadRequest& request = basis.request;
  const FileIdentity& file = basis.source->identity();
  if (basis.kind == ProtocolKind::phased) TRY(check_other_uploads(journal, request));
  TRY_ASSIGN(EarlierRuns found, find_earlier_run(journal, request, basis.kind, {request.path, file},
                                                 engine_.options().block_bytes));
  if (found.registered && has_to_be_read(*found.registered, request, file))
    return PreparedUpload(compare(journal, basis, *std::move(found.registered)));
  if (found.registered && basis.kind != ProtocolKind::phased)
    return PreparedUpload(RegisteredBefore{std::move(basis.request), *std::move(found.registered)});
  take_over(std::move(found), basis);
  if (auto known = journal.facts(request.base_url)) basis.server = *known;
  if (!request.heed_chunk_limit) basis.server.chunk_limit.reset();
  return std::optional<PreparedUpload>();
}

Comparison UploadPreparation::compare(Journal& journal, UploadBasis& basis,
                                      JournalEntry entry) const {
  const bool same = is_same_file(entry, basis.request, basis.source->identity());
  engine_.say(
      LogLevel::warning,
      fmt::format("{} was registered before, and {}", printable(basis.request.path),
                  same ? "its receipt lacks an expected digest: reading the file to compute "
                         "the digest"
                       : "its modification time has changed since: reading the file to compare it "
                         "with the receipt"));
  return {.request = std::move(basis.request),
          .entry = std::move(entry),
          .source = std::move(basis.source),
          .workers = engine_.workers(),
          .journal = journal,
          .block_bytes = engine_.options().block_bytes};
}

void UploadPreparation::take_over(EarlierRuns found, UploadBasis& basis) {
  basis.registered = std::move(found.registered);
  basis.earlier = std::move(found.earlier);
  if (basis.request.server.tus.has("termination")) basis.abandoned = std::move(found.abandoned);
  basis.joined = !found.parts.empty();
  if (basis.joined && basis.earlier->entry.upload_url.empty())
    basis.parts = PartPlanning(engine_).resume(basis.request, basis.source->identity().size,
                                               std::move(found.parts));
  else if (basis.joined)  // an earlier run has joined them
    basis.earlier->checksums = checksums_of(found.parts);
  if (!found.remark.empty()) engine_.say(LogLevel::warning, found.remark);
}

}  // namespace sluice
