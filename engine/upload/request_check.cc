#include "engine/upload/request_check.h"

#include <fmt/format.h>

#include "engine/digest/evp_digest.h"
#include "engine/http/base_url.h"
#include "engine/protocol/deposit.h"

namespace sluice {

Result<UploadRequest> check_request(const UploadRequest& request) {
  TRY(check_dataset_key(request.dataset));
  TRY(check_deposit_name(request.name));
  TRY(check_token(request.token.reveal()));
  if (request.lookahead && *request.lookahead > most_lookahead)
    return Error{ErrorKind::usage,
                 fmt::format("cannot pipeline {} chunks: the maximum of --lookahead is {}",
                             *request.lookahead, most_lookahead)};
  TRY(check_available(request.digests));
  UploadRequest checked = request;
  // The command line requires https or loopback; here the URL only has to be valid.
  TRY_ASSIGN(checked.base_url, check_base_url(request.base_url, /*insecure_http=*/true));
  return checked;
}

}  // namespace sluice
