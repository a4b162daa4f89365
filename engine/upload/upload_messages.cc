#include "engine/upload/upload_messages.h"

#include <fmt/format.h>

#include "engine/base/units.h"

namespace sluice {

std::string UploadMessages::step(const Request& request) const {
  return describe(
      request.step, setting_.file,
      request.step == Request::Step::chunk ? std::optional(request.payload.begin) : std::nullopt,
      request.method);
}

std::string UploadMessages::doubt() const {
  const std::optional<std::chrono::seconds> wait = setting_.unknown_to_later_runs();
  if (!wait) return setting_.protocol.doubt();
  return fmt::format(
      "the registration of '{0}' is unconfirmed, and no journal stores that; wait {1} s, in which "
      "the server may still register the file; then look at {2}/datasets/{3}: if '{0}' is missing, "
      "run the same command again",
      setting_.name, wait->count(), setting_.base_url, setting_.dataset);
}

Error UploadMessages::failed(const Request& request, Error error) const {
  const std::string from = error.kind == ErrorKind::unreachable
                               ? fmt::format("no response from {}: ", setting_.base_url)
                               : std::string();
  error.message = fmt::format("{}: {}{}", step(request), from, error.message);
  if (setting_.registration.may_be_registered() && !setting_.protocol.can_ask_registered())
    error.message += "; " + doubt();
  else if (!setting_.registration.may_be_registered() &&
           !error.retryable)  // otherwise Recovery adds that at the end
    error.message += "; nothing was registered";
  return error;
}

Error UploadMessages::interrupted(std::uint64_t offset) const {
  return {
      ErrorKind::interrupted,
      fmt::format("the upload of {} was interrupted at offset {}; {}", setting_.file, offset,
                  setting_.registration.may_be_registered() ? doubt() : "nothing was registered")};
}

Error UploadMessages::chunk_below_minimum(const Request& request) const {
  return {ErrorKind::failed,
          fmt::format("{}: the server refused a chunk of {} as too large (HTTP 413), but discards "
                      "chunks of less than {}; nothing was registered; tell the administrators of "
                      "the Data Bank",
                      step(request), format_size(request.payload.size()),
                      format_size(setting_.protocol.least_chunk())),
          413};
}

Error UploadMessages::bytes_lost(unsigned losses) const {
  return {
      ErrorKind::integrity,
      fmt::format("cannot upload {}: the server lost the bytes sent to it {} times; nothing was "
                  "registered; tell the administrators of the Data Bank",
                  setting_.file, losses)};
}

Error UploadMessages::no_dataset(const Request& request) const {
  std::string state;
  if (!setting_.registration.may_be_registered())
    state = "; nothing was registered";
  else if (!setting_.protocol.can_ask_registered())
    state = "; " + doubt();
  return {ErrorKind::no_such_dataset,
          fmt::format("{}: the server no longer has a draft dataset {} (HTTP 404); check that the "
                      "dataset is still a draft{}",
                      step(request), setting_.dataset, state),
          404};
}

Error UploadMessages::refused_valid_token(const Request& request, int status,
                                          bool accepts_now) const {
  return {ErrorKind::unreachable,
          fmt::format("{}: the server refused one request (HTTP {}), but {} the token for dataset "
                      "{}: the server {}",
                      step(request), status, accepts_now ? "accepts" : "accepted", setting_.dataset,
                      status == 401 ? "is restarting, or has no free thread to check the token"
                                    : "has an internal error"),
          status};
}

}  // namespace sluice
