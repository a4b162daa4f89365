// What an UploadRun is made of, and how it starts.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "engine/base/clock.h"
#include "engine/base/units.h"
#include "engine/base/unix_time.h"
#include "engine/upload/termination.h"
#include "engine/upload/upload_run.h"

namespace sluice {
namespace {

/// Returns the number of reads in flight. O_DIRECT waits for the disk, and only several reads use a
/// disk fully: 8 reads of 4 MiB are as fast as 16. Through the page cache a read is a copy, and two
/// are faster than any network.
int readers_for(ReadMode mode) {
  return mode == ReadMode::direct ? 8 : 2;
}

}  // namespace

UploadRun::UploadRun(Setting setting)
    : setting_(std::move(setting)),
      file_(setting_.name()),
      digest_(setting_.part ? file_ : setting_.source->path(), setting_.size(),
              setting_.request.digests),
      committed_(setting_.earlier ? setting_.earlier->entry.committed : 0),
      load_({.gate = setting_.gate,
             .rule = setting_.gate_rule,
             .post = [this](std::function<void()> work) { http().post(std::move(work)); },
             .base_url = setting_.request.base_url,
             .log = setting_.log}),
      payload_({*setting_.source, setting_.buffers(), setting_.workers, digest_, clocks_,
                setting_.block_bytes, readers_for(setting_.source->mode())},
               [this] { wake(); }),
      sent_file_(file_setting()),
      tokens_({.first = setting_.request.token,
               .is_accepted = setting_.request.server.token_taken,
               .renew = setting_.request.renew_token,
               .wait = setting_.request.token_wait}),
      token_check_(setting_.request.base_url, setting_.request.dataset),
      planner_(setting_.chunks()),
      sender_({.owner = *this,
               .protocol = *setting_.protocol,
               .payload = payload_,
               .planner = planner_,
               .times = times_,
               .file = file_,
               .size = setting_.size(),
               // The server is likely to refuse the setup of a file that was registered before.
               .begins_alone = setting_.registered.has_value(),
               .log = setting_.log}),
      checksums_(
          setting_.chunk_check, payload_, [this] { wake(); },
          [this](std::uint64_t bytes) {
            say(LogLevel::warning,
                fmt::format("sending the remaining chunks of {} without checksums: the server "
                            "requires chunks of {} or more, and the pool is too small to checksum "
                            "a chunk of that size; to check them all, use a larger --pool",
                            file_, format_size(bytes)));
          }),
      registration_({.file = file_,
                     .protocol = *setting_.protocol,
                     .sent_file = sent_file_,
                     .longest = setting_.longest_registration()}),
      messages_(
          {.file = file_,
           .name = setting_.request.name,
           .base_url = setting_.request.base_url,
           .dataset = setting_.request.dataset,
           .protocol = *setting_.protocol,
           .registration = registration_.state(),
           .unknown_to_later_runs = [this] { return registration_.unknown_to_later_runs(); }}),
      recovery_(
          {.retry = setting_.retry,
           .server_is_known = setting_.earlier.has_value() || setting_.request.server.remembered}),
      connection_choice_(setting_.request.server.round_trip,
                         setting_.request.base_url.starts_with("https:")),
      publisher_({.outcome = outcome_,
                  .stages = [this] { return times_.stages(clocks_); },
                  .network = [this] { return setting_.part ? sender_.network() : std::nullopt; },
                  .in_flight = [this] { return sender_.is_busy(); }}) {
  if (setting_.earlier) {
    const EarlierRun& earlier = *setting_.earlier;
    if (!digest_.resume(earlier.entry.hashed_blocks, setting_.block_bytes, earlier.checksums,
                        earlier.entry.digest_state))
      digest_.expect(earlier.checksums);
    if (earlier.entry.state == JournalEntry::State::verifying) {
      const auto ago = wall_now() - std::chrono::system_clock::from_time_t(earlier.entry.updated_s);
      registration_.inherit_doubt(steady_now() - std::max(ago, decltype(ago)::zero()));
    }
  }
  if (setting_.journal != nullptr && !setting_.request.dry_run) {
    record_ = std::make_shared<UploadRecord>(
        UploadRecord::Setting{*setting_.journal, digest_, setting_.first_journal_entry(),
                              setting_.planned_blocks(), setting_.log},
        [this] { wake(); });
    registration_.use(record_);
  }
}

SentFile::Setting UploadRun::file_setting() {
  SentFile::Setting file{.name = file_,
                         .source = *setting_.source,
                         .workers = setting_.workers,
                         .digest = digest_,
                         .block_bytes = setting_.block_bytes,
                         .read_mode = setting_.request.read_mode,
                         .noted = setting_.source->identity(),
                         .digests = setting_.request.digests,
                         .expected = setting_.request.expected,
                         .path = setting_.request.path,
                         .log = setting_.log};
  if (setting_.earlier) {
    file.noted = setting_.earlier->entry.file;
    // A part is never read again.
    if (!setting_.part) file.sent_before = setting_.earlier->checksums;
  }
  if (setting_.preparation) {
    file.keep_checksums = true;
    file.compare = [this](const FileCheck::Digests& checked) {
      return setting_.preparation->compare(checked);
    };
  }
  file.on_noted = [this](const FileIdentity& identity) {
    if (record_) record_->file(identity);
  };
  file.on_read = [this] {
    http().post([weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->checked();
    });
  };
  return file;
}

UploadRun::~UploadRun() {
  if (record_) record_->wait();
}

void UploadRun::start() {
  // An upload in parts sends almost nothing itself.
  if (setting_.preparation)
    place_ = NetworkThreads::Place(setting_.network.first());
  else
    place_ =
        setting_.network.place(sent_file_.identity().size -
                               std::min<std::uint64_t>(sent_file_.identity().size, committed_));
  Result<void> checking;
  if (setting_.preparation) {
    // The digest of a file needs its bytes in order, and the parts are sent in parallel.
    checking = sent_file_.read_again(sent_file_.identity().size);
  } else if (setting_.earlier && !setting_.part) {
    const EarlierRun& earlier = *setting_.earlier;
    // The state of OpenSSL's digests cannot be saved, so a resumed upload reads the file for them.
    if (!setting_.request.digests.empty())
      checking = sent_file_.read_again(sent_file_.identity().size);
    else if (setting_.request.verify_prefix || earlier.doubtful)
      // sent() does not count a file that an earlier run joined: its checksums are of its parts.
      checking = sent_file_.read_again(
          std::max<std::uint64_t>(earlier.sent(), earlier.checksums.size() * setting_.block_bytes));
  }
  http().post([self = shared_from_this(), checking = std::move(checking)] {
    self->started_s_ = unix_s();
    self->begun_at_ = steady_now();
    self->times_.begin();
    self->enter(UploadState::deciding);
    if (self->setting_.request.server.tus.has("termination"))
      drop_uploads(self->http(), self->setting_.abandoned, self->tokens_.current());
    if (checking && self->setting_.preparation)
      self->prepare();
    else if (checking && self->registration_.state().has_inherited_doubt() &&
             self->setting_.earlier->doubtful)
      // The server can only tell whether it has a file of that name, not which content the file
      // has.
      self->enter(UploadState::waiting_for_file);
    else if (checking)
      self->next_step();
    else
      self->finish(Report::Status::failed, checking.error());
    self->checked();  // the reading may have ended before
  });
}

}  // namespace sluice
