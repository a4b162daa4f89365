#include "engine/upload/upload_ending.h"

#include <utility>

namespace sluice {

UploadEnding unconfirmed_if_failed(UploadEnding ending, bool can_ask, const std::string& doubt) {
  if (ending.status != Report::Status::failed) return ending;
  ending.status = Report::Status::unconfirmed;
  Error& error = *ending.error;
  if (error.kind == ErrorKind::unreachable || error.kind == ErrorKind::failed ||
      error.kind == ErrorKind::integrity)
    error.kind = ErrorKind::unconfirmed;
  // If the server can be asked, earlier error messages did not mention the doubt.
  if (can_ask && error.kind != ErrorKind::local_file) error.message += "; " + doubt;
  return ending;
}

Report::Again again_after(const UploadEnding& ending, Protocol::Anew anew) {
  if (ending.status != Report::Status::failed || anew == Protocol::Anew::nothing)
    return Report::Again::nothing;
  if (ending.error->kind != ErrorKind::failed && ending.error->kind != ErrorKind::integrity)
    return Report::Again::nothing;
  return anew == Protocol::Anew::whole ? Report::Again::whole : Report::Again::what_is_missing;
}

Receipt make_receipt(const Report& report, const ReceiptFacts& facts) {
  constexpr std::int64_t second = 1'000'000'000;
  Receipt receipt;
  receipt.file = report.file;
  receipt.name = report.name;
  receipt.registered_as = report.registered_as;
  receipt.dataset = report.dataset;
  receipt.system = facts.base_url;
  receipt.bytes = report.bytes;
  receipt.modified = utc_time(facts.modified);
  receipt.started = utc_time(facts.started_s * second);
  receipt.registered = utc_time(facts.registered_s * second);
  receipt.xxh128 = report.xxh128;
  receipt.md5 = report.md5;
  receipt.sha256 = report.sha256;
  receipt.protocol = report.protocol;
  receipt.version = SLUICE_VERSION;
  return receipt;
}

}  // namespace sluice
