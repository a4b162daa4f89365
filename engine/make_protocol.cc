#include "engine/make_protocol.h"

#include <fmt/format.h>

#include <utility>

#include "engine/one_shot.h"
#include "engine/phased.h"
#include "engine/text.h"
#include "engine/tus.h"
#include "engine/units.h"

namespace sluice {

ProtocolKind protocol_of(const UploadRequest& request) {
  const ProtocolKind kind = request.server.protocol;
  return kind == ProtocolKind::automatic ? ProtocolKind::phased : kind;
}

Result<std::unique_ptr<Protocol>> make_protocol(const UploadRequest& request, ProtocolKind kind,
                                                std::uint64_t size,
                                                const std::optional<Earlier>& earlier) {
  const Deposit deposit{request.dataset, request.name, size};
  std::optional<Resumption> resumption;
  if (earlier)
    resumption =
        Resumption{earlier->sent(), earlier->entry.state == JournalEntry::State::verifying};
  switch (kind) {
    case ProtocolKind::tus: {
      const std::uint64_t most = request.server.tus.max_size;
      if (most != 0 && size > most)
        return Error{ErrorKind::failed,
                     fmt::format("the server takes files of {} bytes at most over tus, and {} has "
                                 "{}",
                                 most, printable(request.path), size)};
      return std::unique_ptr<Protocol>(
          std::make_unique<Tus>(Tus::Setting{.deposit = deposit,
                                             .base_url = request.base_url,
                                             .server = request.server.tus,
                                             .token = request.token,
                                             .earlier = resumption,
                                             .upload_url = earlier ? earlier->entry.upload_url
                                                                   : std::string()}));
    }
    case ProtocolKind::binary:
      TRY(OneShot::check(deposit));
      return std::unique_ptr<Protocol>(std::make_unique<OneShot>(
          deposit, request.base_url + "/datasets/" + request.dataset, request.token));
    case ProtocolKind::phased:
    case ProtocolKind::automatic:
      break;
  }
  return std::unique_ptr<Protocol>(
      std::make_unique<Phased>(deposit, request.token, resumption));
}

}  // namespace sluice
