#include "engine/upload/file_in_parts.h"

#include <fmt/format.h>

#include <utility>

#include "engine/base/clock.h"

namespace sluice {
namespace {

constexpr auto look_every = std::chrono::milliseconds(250);

}  // namespace

void FileInParts::begin(Transport& thread, std::function<void()> on_progress,
                        std::function<void(Outcome)> on_over) {
  thread_ = &thread;
  on_progress_ = std::move(on_progress);
  on_over_ = std::move(on_over);
  lanes_.emplace(
      Lanes::Setting{
          .parts = setting_.parts, .first = setting_.first_lanes, .most = setting_.most_lanes},
      [this] { over(); });
  for (std::size_t i = 0; i < setting_.parts.size(); ++i)
    setting_.parts[i]->on_over([&thread, weak = weak_from_this(), i] {
      thread.post([weak, i] {
        if (const auto self = weak.lock()) self->lanes_->part_over(i);
      });
    });
  if (setting_.log)
    setting_.log(LogLevel::info,
                 fmt::format("uploading {} in {} {}, at most {} at a time", setting_.file,
                             setting_.parts.size(), setting_.parts.size() == 1 ? "part" : "parts",
                             setting_.most_lanes));
  lanes_->start(steady_now());
  look();
}

void FileInParts::look() {
  if (!is_running()) return;
  lanes_->look(steady_now());
  on_progress_();
  thread_->post_at(steady_now() + look_every, [self = shared_from_this()] { self->look(); });
}

void FileInParts::over() {
  Outcome outcome{.failure = lanes_->failure(), .parts = {}};
  for (const auto& part : setting_.parts)
    outcome.parts.push_back({part->upload_url(), part->range().size()});
  on_over_(std::move(outcome));
}

Result<void> FileInParts::compare(const FileCheck::Digests& checked) const {
  for (const auto& part : setting_.parts) {
    const FileDigest::Snapshot sent = part->sent_checksums();
    const std::size_t first =
        static_cast<std::size_t>(part->range().begin / setting_.block_bytes + sent.first);
    for (std::size_t i = 0; i < sent.checksums.size(); ++i)
      if (first + i >= checked.checksums.size() ||
          checked.checksums[first + i] != sent.checksums[i])
        return Error{
            ErrorKind::local_file,
            fmt::format(
                "cannot register {}: the file changed during the upload: the block at offset "
                "{} differs from the bytes sent; nothing was registered; when no program "
                "writes to the file any more, upload the file again with --restart",
                setting_.file, (first + i) * setting_.block_bytes)};
  }
  return {};
}

void FileInParts::add_to(Report& report) const {
  report.lanes = lanes_ ? lanes_->widest() : 0;
  report.committed = 0;
  for (const auto& part : setting_.parts) {
    report.committed += part->progress().committed;
    const Report one = part->report_now();
    report.chunks += one.chunks;
    report.retries += one.retries;
    report.resumed_from += one.resumed_from;
    report.stages += one.stages;
  }
}

Progress FileInParts::progress() const {
  Progress all;
  for (const auto& part : setting_.parts) {
    const Progress progress = part->progress();
    all.sent += progress.sent;
    all.committed += progress.committed;
    all.transmitted += progress.transmitted;
    all.stages += progress.stages;
  }
  return all;
}

void FileInParts::wait_for_threads() {
  for (const auto& part : setting_.parts) part->wait_for_threads();
}

}  // namespace sluice
