#include "engine/upload/make_protocol.h"

#include <fmt/format.h>

#include <utility>

#include "engine/base/text.h"
#include "engine/protocol/one_shot.h"
#include "engine/protocol/phased.h"
#include "engine/protocol/tus.h"

namespace sluice {

namespace {

std::optional<Resumption> resumption_of(const std::optional<EarlierRun>& earlier) {
  if (!earlier) return {};
  return Resumption{earlier->sent(), earlier->entry.state == JournalEntry::State::verifying};
}

std::unique_ptr<Protocol> make_tus(const UploadRequest& request, std::uint64_t size,
                                   const std::optional<EarlierRun>& earlier, Tus::Role role,
                                   CreationWithUpload* creation = nullptr) {
  return std::make_unique<Tus>(
      Tus::Setting{.deposit = {request.dataset, request.name, size},
                   .role = role,
                   .base_url = request.base_url,
                   .server = request.server.tus,
                   .token = request.token,
                   .earlier = resumption_of(earlier),
                   .upload_url = earlier ? earlier->entry.upload_url : std::string(),
                   .creation = creation});
}

}  // namespace

ProtocolKind protocol_of(const UploadRequest& request) {
  const ProtocolKind kind = request.server.protocol;
  return kind == ProtocolKind::automatic ? ProtocolKind::phased : kind;
}

Result<std::unique_ptr<Protocol>> make_protocol(const UploadRequest& request, ProtocolKind kind,
                                                std::uint64_t size,
                                                const std::optional<EarlierRun>& earlier,
                                                bool joined, const std::string& stored_before,
                                                CreationWithUpload* creation) {
  const Deposit deposit{request.dataset, request.name, size, stored_before};
  switch (kind) {
    case ProtocolKind::tus: {
      const std::uint64_t most = request.server.tus.max_size;
      if (most != 0 && size > most)
        return Error{ErrorKind::failed,
                     fmt::format("cannot upload {}: the file has {} bytes, and the server's limit "
                                 "for tus uploads is {}; split or compress the file",
                                 printable(request.path), size, most)};
      return joined ? make_tus(request, size, earlier, Tus::Role::joined)
                    : make_tus(request, size, earlier, Tus::Role::file, creation);
    }
    case ProtocolKind::binary:
      if (Result<void> possible = OneShot::check(deposit); !possible) {
        Error error = std::move(possible).error();
        if (request.server.options_refused != 0)
          error.message += "; " + about_refused_options(request.server.options_refused);
        return error;
      }
      return std::unique_ptr<Protocol>(std::make_unique<OneShot>(
          deposit, request.base_url + "/datasets/" + request.dataset, request.token));
    case ProtocolKind::phased:
    case ProtocolKind::automatic:
      break;
  }
  return std::unique_ptr<Protocol>(std::make_unique<Phased>(
      deposit, request.token, resumption_of(earlier),
      request.dry_run ? Phased::Asks::all_names : Phased::Asks::names_that_setup_does_not_check,
      // Only a phased server's own words show that.
      request.server.token_taken && request.server.protocol == ProtocolKind::phased));
}

std::unique_ptr<Protocol> make_part_protocol(const UploadRequest& request, std::uint64_t size,
                                             const std::optional<EarlierRun>& earlier) {
  return make_tus(request, size, earlier, Tus::Role::part);
}

}  // namespace sluice
