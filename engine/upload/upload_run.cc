#include "engine/upload/upload_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "engine/base/seconds.h"
#include "engine/base/text.h"
#include "engine/base/unix_time.h"

namespace sluice {
namespace {

using namespace std::chrono_literals;

/// Bytes of the first chunk where the server keeps them as they come: what breaks is not lost then.
constexpr std::uint64_t first_streamed = std::uint64_t{1} << 30;

/// Reads in flight. O_DIRECT waits for the disk, and a disk is only full with several reads: 8 of 4
/// MiB reach what 16 do. Through the page cache a read is a copy, and two keep ahead of any
/// network.
int readers_for(ReadMode mode) {
  return mode == ReadMode::direct ? 8 : 2;
}

/// Bytes that no chunk goes beyond: what this server refused, and what can be held to hash it. 0
/// for no bound.
std::uint64_t chunk_bound(const ServerFacts& server, const ChunkCheck& check) {
  const std::uint64_t refused = server.chunk_limit.value_or(0);
  if (check.algorithm.empty()) return refused;
  return refused == 0 ? check.most_bytes : std::min(refused, check.most_bytes);
}

ConnectionLimits measured_limits(const ServerProfile& server) {
  return {server.bbr, server.most_under_way, server.round_trip.value_or(0us)};
}

}  // namespace

UploadRun::UploadRun(Setting setting)
    : setting_(std::move(setting)),
      file_(printable(setting_.source->path()) +
            (setting_.part ? fmt::format(" (part at offset {})", setting_.part->begin) : "")),
      digest_(setting_.part ? file_ : setting_.source->path(), setting_.source->identity().size,
              setting_.request.digests),
      committed_(setting_.earlier ? setting_.earlier->entry.committed : 0),
      turn_(setting_.gate, setting_.gate_rule,
            [this](std::function<void()> work) { http().post(std::move(work)); }),
      payload_({*setting_.source, buffers(), setting_.workers, digest_, clocks_,
                setting_.block_bytes, readers_for(setting_.source->mode())},
               [this] { wake(); }),
      identity_(setting_.source->identity()),
      noted_identity_(setting_.earlier ? setting_.earlier->entry.file : identity_),
      chunk_sizer_({.asked = setting_.request.chunk_bytes,
                    .bound = chunk_bound(setting_.server, setting_.chunk_check),
                    .remembered = setting_.server.chunk_bytes.value_or(0),
                    .block_bytes = setting_.block_bytes,
                    .first = setting_.protocol->keeps_parts_of_chunks() ? first_streamed
                                                                        : ChunkSizer::moderate,
                    .most = setting_.protocol->keeps_parts_of_chunks()
                                ? std::numeric_limits<std::uint64_t>::max()
                                : ChunkSizer::most_alone,
                    .kept_as_it_comes = setting_.protocol->keeps_parts_of_chunks()}),
      tokens_{setting_.request.token},
      token_accepted_(setting_.request.server.token_taken),
      // The server is likely to refuse the setup of a file that was registered before.
      begins_alone_(setting_.registered.has_value()),
      lookahead_({setting_.request.lookahead,
                  !setting_.request.lookahead && setting_.server.refuses_lookahead(unix_s()),
                  setting_.pool.count() * setting_.pool.buffer_size(),
                  measured_limits(setting_.request.server)}),
      round_trip_(setting_.request.server.round_trip) {
  const UploadRequest& request = setting_.request;
  if (setting_.earlier) {
    const Earlier& earlier = *setting_.earlier;
    if (!digest_.resume(earlier.entry.hashed_blocks, setting_.block_bytes, earlier.checksums,
                        earlier.entry.digest_state))
      digest_.expect(earlier.checksums);
    if (earlier.entry.state == JournalEntry::State::verifying) {
      const auto ago = std::chrono::system_clock::now() -
                       std::chrono::system_clock::from_time_t(earlier.entry.updated_s);
      finish_sent_ = began_in_doubt_ = true;
      // The journal's word is from before the connection was made, and in whole seconds.
      if (setting_.protocol->can_ask_registered())
        settled_ = Clock::now() - std::max(ago, decltype(ago)::zero()) + register_wait() +
                   std::min<std::chrono::seconds>(30s, register_wait());
    }
  }
  if (setting_.journal != nullptr && !request.dry_run) {
    JournalEntry entry = setting_.earlier
                             ? setting_.earlier->entry
                             : first_entry(request, setting_.protocol->name(),
                                           setting_.source->identity(), setting_.block_bytes);
    record_ = std::make_shared<UploadRecord>(
        UploadRecord::Setting{*setting_.journal, digest_, std::move(entry), planned_blocks(),
                              setting_.log},
        [this] { wake(); });
  }
}

BufferPool& UploadRun::buffers() {
  if (setting_.part) return *setting_.part->share;
  return setting_.share ? setting_.share->buffers() : setting_.pool;
}

std::size_t UploadRun::planned_blocks() const {
  if (setting_.part) return setting_.part->least_blocks;
  return setting_.share ? setting_.share->planned() : setting_.pool.count();
}

UploadRun::~UploadRun() {
  if (record_) record_->wait();
}

void UploadRun::start() {
  // What goes in parts sends next to nothing itself.
  if (in_parts())
    place_ = NetworkThreads::Place(setting_.network.first());
  else
    place_ = setting_.network.place(identity_.size -
                                    std::min<std::uint64_t>(identity_.size, committed_));
  Result<void> checking;
  if (in_parts()) {
    // The digest of a file is made in its order, which the parts have no part in.
    checking = check_file(*setting_.source, identity_.size);
  } else if (setting_.earlier && !setting_.part) {
    const Earlier& earlier = *setting_.earlier;
    // OpenSSL's digests cannot be saved, so those of a resumed upload take a reading of their own.
    if (!setting_.request.digests.empty())
      checking = check_file(*setting_.source, identity_.size);
    else if (setting_.request.verify_prefix || earlier.doubtful)
      // What an earlier run has joined was hashed in its parts.
      checking = check_file(
          *setting_.source,
          std::max<std::uint64_t>(earlier.sent(), earlier.checksums.size() * setting_.block_bytes));
  }
  http().post([self = shared_from_this(), checking = std::move(checking)] {
    self->started_ = std::chrono::system_clock::now();
    self->begun_at_ = Clock::now();
    self->times_.begin();
    self->running_ = true;
    self->drop_abandoned();
    if (checking && self->in_parts())
      self->start_parts();
    else if (checking && self->began_in_doubt_ && self->setting_.earlier->doubtful)
      // The server would only be asked whether it has a file of that name, and not which.
      self->waits_for_check_ = true;
    else if (checking)
      self->next_step();
    else
      self->finish(Report::Status::failed, checking.error());
    self->checked();  // it may have been over before
  });
}

void UploadRun::next_step() {
  if (over_) return;
  take_step();
  leave_turn();
}

void UploadRun::take_step() {
  std::optional<Request> request =
      setting_.protocol->next(next_length(setting_.protocol->committed()));
  if (!request) {
    // What may be missing is only for the receipt.
    if (setting_.part) {  // it is there, and that is all
      finish(Report::Status::registered, {});
      return;
    }
    registered_ = true;
    if (const Result<bool> known = digests_known(); known && !*known) return;
    finish(Report::Status::registered, {});
    return;
  }
  if (setting_.request.dry_run && request->step != Request::Step::ask_name) {
    finish(Report::Status::skipped, {});
    return;
  }
  if (!settled(request->step) || !may_join(request->step) || !has_turn() || !made_ready(*request))
    return;
  if (request->step == Request::Step::chunk && !checksummed(*request)) {
    unhashed_ = std::move(request);
    send_checksummed();
    return;
  }
  send(*std::move(request));
}

bool UploadRun::made_ready(const Request& request) {
  switch (request.step) {
    case Request::Step::ask_name:
    case Request::Step::ask_committed:
    case Request::Step::ask_parts:
    case Request::Step::join:
      return true;
    case Request::Step::whole:
      if (!payload_.stands_at(0)) payload_.seek(0);
      return true;
    case Request::Step::begin:
      return begin_anew();
    case Request::Step::chunk:
      if (payload_.stands_at(request.payload.begin)) return true;
      if (!digest_.knows(request.payload.begin / setting_.block_bytes)) {
        // The server has lost more than can be compared with what it was.
        setting_.protocol->start_over();
        next_step();
        return false;
      }
      payload_.seek(request.payload.begin);
      return true;
    case Request::Step::finish: {
      Result<bool> ready = ready_to_finish();
      if (ready) return *ready;
      finish(Report::Status::failed, std::move(ready).error());
      return false;
    }
  }
  return true;
}

void UploadRun::send(Request request) {
  switch (request.step) {
    case Request::Step::ask_name:
      // Of several names in a row, the first question counts.
      if (!flight_ || flight_->request.step != Request::Step::ask_name) name_asked_ = Clock::now();
      break;
    case Request::Step::finish:
      finish_sent_ = true;
      break;
    case Request::Step::whole:
    case Request::Step::chunk:
      sent_any_ = true;
      [[fallthrough]];
    case Request::Step::begin:  // its bytes count once the server has said where they are
      begin_interval();
      break;
    case Request::Step::join:
      join_sent_at_ = Clock::now();
      break;
    case Request::Step::ask_committed:
    case Request::Step::ask_parts:
      break;
  }
  choose_connection(request);
  flight_ = take_off(std::move(request));
}

void UploadRun::answered(Result<Answer> result) {
  const Request& request = flight_->request;
  const Request::Step step = request.step;
  if (result) note_round_trip(*result);
  const bool in_doubt = registers(step) && register_answered(result);
  if (!result && setting_.protocol->is_registered()) {
    try_again();  // it was about the name alone
    return;
  }
  if (!result) {
    if (file_error_)
      finish(Report::Status::failed, *file_error_);
    else if (cancelled_ || result.error().kind == ErrorKind::interrupted)
      finish(Report::Status::interrupted, explain({ErrorKind::interrupted, ""}));
    else if (flight_->body->error())
      finish(Report::Status::failed, *flight_->body->error());
    else
      failed(explain(std::move(result).error()), {});
    return;
  }
  if (Result<void> read = setting_.protocol->read_answer(*result); !read) {
    Error error = std::move(read).error();
    // What is known here alone: that the server had all of it, and may have done it.
    if (in_doubt && !setting_.protocol->can_ask_registered()) {
      error.retryable = false;
      error.message += "; " + setting_.protocol->doubt();
    }
    failed(std::move(error), result->retry_after);
    return;
  }
  const bool with_bytes = step == Request::Step::begin && request.payload.size() > 0;
  if (with_bytes && setting_.protocol->upload_url().empty()) {
    say(LogLevel::info,
        fmt::format("{}: the server refused the bytes that the request carried (HTTP {}); creating "
                    "the upload without them",
                    doing(), result->status));
    next_step();
    return;
  }
  token_deadline_.reset();
  token_accepted_ = true;
  const std::uint64_t committed = setting_.protocol->committed();
  switch (step) {
    case Request::Step::ask_name:
    case Request::Step::ask_parts:
      break;
    case Request::Step::begin:
      sent_any_ = sent_any_ || with_bytes;
      if (committed > 0)
        chunk_committed(committed);
      else
        begin_interval();
      // The setup has held back the chunk that travels with it, so its rate says nothing.
      rate_since_ = {};
      rate_ = 0;
      if (!record_) break;
      record_->upload_url(setting_.protocol->upload_url());
      // Of a single block there is nothing to go on with: the journal has it from its registration
      // on, which is one write less for each of thousands of small files.
      if (!setting_.protocol->keeps_parts_of_chunks() ||
          setting_.source->identity().size > setting_.block_bytes)
        record_->begin();
      break;
    case Request::Step::chunk:
      // Less where a part of it was kept; nothing where the upload turned out to be gone.
      if (committed > request.payload.begin) chunk_committed(committed - request.payload.begin);
      break;
    case Request::Step::ask_committed:
      if (setting_.earlier && !in_parts() && resumed_from_ == 0 && chunks_ == 0 && committed > 0) {
        resumed_from_ = committed;
        say(LogLevel::info, fmt::format("resuming {} at offset {}", file_, committed));
      }
      break;
    case Request::Step::join:
      if (record_) record_->upload_url(setting_.protocol->upload_url());
      break;
    case Request::Step::whole:
      ++chunks_;
      committed_ = committed;
      break;
    case Request::Step::finish:
      break;
  }
  if (step == Request::Step::ask_committed && broke_at_) {
    if (committed <= *broke_at_) chunk_sizer_.failed();
    broke_at_.reset();
  }
  if (step == Request::Step::chunk || step == Request::Step::ask_committed || with_bytes) {
    committed_ = committed;
    budget_.committed(committed);
    digest_.forget_before(committed, setting_.block_bytes);
    if (record_) record_->committed(committed);
  }
  if (!follow()) next_step();
}

void UploadRun::begin_interval() {
  commit_at_ = Clock::now();
  idle_at_commit_ = times_.idle_s();
}

void UploadRun::chunk_committed(std::uint64_t bytes) {
  ++chunks_;
  largest_committed_ = std::max(largest_committed_, bytes);
  if (flight_->was_ahead) lookahead_.confirmed_ahead();
  // What a server takes right after it refused more is worth remembering.
  if (was_too_large_ && bytes <= chunk_sizer_.bound()) {
    was_too_large_ = false;
    if (record_) record_->chunk_limit(bytes);
  }
  const double seconds = in_seconds(Clock::now() - commit_at_);
  const double idle = std::max(0.0, times_.idle_s() - idle_at_commit_);
  begin_interval();
  lookahead_.committed(bytes, seconds, idle);
  chunk_sizer_.committed(
      {.bytes = bytes,
       .seconds = seconds,
       .waited_s = idle,
       .ahead = lookahead_.depth() > 0 && !setting_.protocol->keeps_parts_of_chunks()});
}

}  // namespace sluice
