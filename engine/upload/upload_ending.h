#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "engine/protocol/protocol.h"
#include "engine/report/receipt.h"
#include "engine/report/report.h"
#include "io/file_time.h"
#include "io/result.h"

/// How an upload ends: the rules for the final status, and the receipt. Pure functions; any thread.
namespace sluice {

/// The final status of an upload and its error.
struct UploadEnding {
  Report::Status status = Report::Status::registered;
  std::optional<Error> error;  ///< set unless `status` is `registered` or `skipped`
};

/// Turns `failed` into `unconfirmed` for an upload whose file may be registered without a
/// confirmation. Other statuses do not change. The error's message then ends with `doubt`
/// (UploadMessages::doubt()), unless it is about the local file or says so already. Errors say so
/// already where the server cannot be asked. `can_ask`: Protocol::can_ask_registered().
UploadEnding unconfirmed_if_failed(UploadEnding ending, bool can_ask, const std::string& doubt);

/// Returns what the same upload, when started again, does about `ending`. `anew`: what the protocol
/// has to send again.
Report::Again again_after(const UploadEnding& ending, Protocol::Anew anew);

/// What a receipt says that is not in the report.
struct ReceiptFacts {
  std::string base_url;
  FileTime modified;          ///< of the file
  std::int64_t started_s;     ///< start of the first run of the upload, seconds since 1970
  std::int64_t registered_s;  ///< the confirmation, seconds since 1970
};
/// Returns the receipt of a file that the server has confirmed as registered.
Receipt make_receipt(const Report& report, const ReceiptFacts& facts);

}  // namespace sluice
