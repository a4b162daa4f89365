// How an UploadRun sends its file in parts that travel side by side (engine/upload/lanes.h).
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/base/clock.h"
#include "engine/upload/upload_run.h"

namespace sluice {
namespace {

constexpr auto look_every = std::chrono::milliseconds(250);

}  // namespace

void UploadRun::start_parts() {
  lanes_.emplace(Lanes::Setting{.parts = {setting_.parts.begin(), setting_.parts.end()},
                                .first = setting_.first_lanes,
                                .most = setting_.most_lanes},
                 [this] { parts_over(); });
  for (std::size_t i = 0; i < setting_.parts.size(); ++i)
    setting_.parts[i]->on_part_over([&thread = http(), weak = weak_from_this(), i] {
      thread.post([weak, i] {
        if (const auto self = weak.lock()) self->lanes_->part_over(i);
      });
    });
  say(LogLevel::info,
      fmt::format("uploading {} in {} {}, at most {} at a time", file_, setting_.parts.size(),
                  setting_.parts.size() == 1 ? "part" : "parts", setting_.most_lanes));
  lanes_->start(steady_now());
  look_at_parts();
}

void UploadRun::look_at_parts() {
  if (!lanes_->under_way()) return;
  lanes_->look(steady_now());
  committed_ = progress().committed;
  if (record_) record_->committed(committed_);
  later(steady_now() + look_every, &UploadRun::look_at_parts);
}

void UploadRun::parts_over() {
  if (over_) return;
  committed_ = progress().committed;
  if (record_) record_->committed(committed_);
  if (const auto& failure = lanes_->failure()) {
    if (file_error_)
      finish(Report::Status::failed, *file_error_);
    else if (cancelled_)
      finish(Report::Status::interrupted, explain({ErrorKind::interrupted, ""}));
    else
      finish(failure->status, failure->error);
    return;
  }
  // Both may have come while the last part's answer did.
  if (file_error_) {
    finish(Report::Status::failed, *file_error_);
    return;
  }
  if (cancelled_) {
    finish(Report::Status::interrupted, explain({ErrorKind::interrupted, ""}));
    return;
  }
  std::vector<Protocol::Part> parts;
  for (const auto& part : setting_.parts)
    parts.push_back({part->upload_url(), part->setting_.source->identity().size});
  setting_.protocol->join(std::move(parts));
  next_step();
}

Result<void> UploadRun::compare_parts(const FileCheck::Digests& checked) const {
  for (const auto& part : setting_.parts) {
    const FileDigest::Snapshot sent = part->digest_.snapshot(0);
    const std::size_t first =
        static_cast<std::size_t>(part->setting_.part->begin / setting_.block_bytes + sent.first);
    for (std::size_t i = 0; i < sent.checksums.size(); ++i)
      if (first + i >= checked.checksums.size() ||
          checked.checksums[first + i] != sent.checksums[i])
        return Error{
            ErrorKind::local_file,
            fmt::format(
                "cannot register {}: the file changed during the upload: the block at offset "
                "{} differs from the bytes sent; nothing was registered; when no program "
                "writes to the file any more, upload it again with --restart",
                file_, (first + i) * setting_.block_bytes)};
  }
  return {};
}

}  // namespace sluice
