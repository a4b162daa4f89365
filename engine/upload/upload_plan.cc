#include "engine/upload/upload_plan.h"

#include "engine/report/expected_digests.h"
#include "engine/report/receipt.h"
#include "engine/upload/earlier_run.h"
#include "engine/upload/registered_before.h"

namespace sluice {

std::uint64_t UploadPlan::bytes_to_send(std::uint64_t size) const {
  switch (action) {
    case Action::upload:
      return size;
    case Action::resume:
      return size - offset;
    case Action::compare:
    case Action::none:
      return 0;
  }
  return 0;
}

const char* to_string(UploadPlan::Action action) {
  switch (action) {
    case UploadPlan::Action::upload:
      return "upload";
    case UploadPlan::Action::resume:
      return "resume";
    case UploadPlan::Action::compare:
      return "compare";
    case UploadPlan::Action::none:
      return "none";
  }
  return "upload";
}

Result<UploadPlan> plan_upload(Journal& journal, const UploadRequest& request, ProtocolKind kind,
                               const FileIdentity& file, std::size_t block_bytes) {
  TRY_ASSIGN(const EarlierRuns found,
             find_earlier_run(journal, request, kind, {request.path, file}, block_bytes));
  UploadPlan plan;
  if (found.registered) {
    TRY(check_digests(request.expected, report_before(request, *found.registered),
                      /*registered=*/true));
    plan.action = has_to_be_read(*found.registered, request, file) ? UploadPlan::Action::compare
                                                                   : UploadPlan::Action::none;
    plan.registered_before = utc_time(found.registered->updated_s * 1'000'000'000);
  } else if (found.earlier) {
    plan.offset = found.earlier->entry.committed;
    if (plan.offset > 0 || found.earlier->entry.state == JournalEntry::State::verifying)
      plan.action = UploadPlan::Action::resume;
  }
  return plan;
}

}  // namespace sluice
