// How the chunks of an UploadRun get the checksums that the server compares
// (engine/policy/chunk_check.h).
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/base/base64.h"
#include "engine/base/units.h"
#include "engine/upload/upload_run.h"

namespace sluice {

bool UploadRun::checksummed(Request& request) {
  std::string& algorithm = setting_.chunk_check.algorithm;
  if (algorithm.empty() || request.payload.size() == 0) return true;
  if (request.payload.size() > setting_.chunk_check.room_bytes) {
    // The server requires longer chunks than it announced.
    say(LogLevel::warning,
        fmt::format(
            "sending the remaining chunks of {} without checksums: the server requires chunks "
            "of {} or more, and the pool is too small to checksum a chunk of that size; "
            "to check them all, use a larger --pool",
            file_, format_size(request.payload.size())));
    algorithm.clear();
    return true;
  }
  const std::string* const digest = payload_.digest_of(request.payload.begin, request.payload.end);
  if (digest == nullptr) return false;
  request.headers.push_back(fmt::format("Upload-Checksum: {} {}", algorithm, base64(*digest)));
  return true;
}

void UploadRun::hash_chunk(ByteRange range) {
  // What is being hashed wakes the run when it is done.
  if (payload_.hashing() || payload_.digest_of(range.begin, range.end) != nullptr) return;
  if (range.size() == 0 || payload_.arrived() < range.end) return;
  payload_.hash(range.begin, range.end, setting_.chunk_check.algorithm, [this] { wake(); });
}

void UploadRun::hash_ahead() {
  if (over_ || unhashed_ || setting_.chunk_check.algorithm.empty() || !flight_ || !flight_->out ||
      flight_->request.step != Request::Step::chunk)
    return;
  const std::uint64_t begin = flight_->request.payload.end;
  const std::uint64_t left = setting_.source->identity().size - begin;
  hash_chunk({begin, begin + std::min(next_length(begin), left)});
}

void UploadRun::send_checksummed() {
  if (over_ || !unhashed_) return;
  if (!checksummed(*unhashed_)) {
    hash_chunk(unhashed_->payload);
    if (payload_.error()) finish(Report::Status::failed, *payload_.error());
    return;
  }
  send(*std::exchange(unhashed_, {}));
}

}  // namespace sluice
