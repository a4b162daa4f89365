#include "engine/upload/upload_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <limits>
#include <utility>

#include "engine/base/clock.h"
#include "engine/base/seconds.h"
#include "engine/base/text.h"
#include "engine/base/units.h"
#include "engine/base/unix_time.h"

namespace sluice {
namespace {

using namespace std::chrono_literals;

/// Length in bytes of the first chunk if the server keeps bytes as they arrive: a failed transfer
/// loses nothing then.
constexpr std::uint64_t first_streamed = std::uint64_t{1} << 30;

/// Returns the number of reads in flight. O_DIRECT waits for the disk, and only several reads use a
/// disk fully: 8 reads of 4 MiB are as fast as 16. Through the page cache a read is a copy, and two
/// are faster than any network.
int readers_for(ReadMode mode) {
  return mode == ReadMode::direct ? 8 : 2;
}

/// Returns the maximum chunk length in bytes: what this server accepts, and what fits into memory
/// to be checksummed. 0: no maximum.
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
      load_({.gate = setting_.gate,
             .rule = setting_.gate_rule,
             .post = [this](std::function<void()> work) { http().post(std::move(work)); },
             .base_url = setting_.request.base_url,
             .log = setting_.log}),
      payload_({*setting_.source, buffers(), setting_.workers, digest_, clocks_,
                setting_.block_bytes, readers_for(setting_.source->mode())},
               [this] { wake(); }),
      sent_file_(file_setting()),
      tokens_({.first = setting_.request.token,
               .is_accepted = setting_.request.server.token_taken,
               .renew = setting_.request.renew_token,
               .wait = setting_.request.token_wait}),
      token_check_(setting_.request.base_url, setting_.request.dataset),
      planner_(chunk_setting()),
      sender_({.owner = *this,
               .protocol = *setting_.protocol,
               .payload = payload_,
               .planner = planner_,
               .times = times_,
               .file = file_,
               .size = setting_.source->identity().size,
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
      registration_({.can_ask = setting_.protocol->can_ask_registered(), .wait = register_wait()}),
      join_wait_(register_wait()),
      recovery_(
          {.retry = setting_.retry,
           .server_is_known = setting_.earlier.has_value() || setting_.request.server.remembered}),
      registration_journal_(file_),
      connection_choice_(setting_.request.server.round_trip,
                         setting_.request.base_url.starts_with("https:")) {
  const UploadRequest& request = setting_.request;
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
  if (setting_.journal != nullptr && !request.dry_run) {
    JournalEntry entry = setting_.earlier
                             ? setting_.earlier->entry
                             : first_entry(request, setting_.protocol->name(),
                                           setting_.source->identity(), setting_.block_bytes);
    record_ = std::make_shared<UploadRecord>(
        UploadRecord::Setting{*setting_.journal, digest_, std::move(entry), planned_blocks(),
                              setting_.log},
        [this] { wake(); });
    registration_journal_.use(record_);
  }
}

std::chrono::seconds UploadRun::register_wait() const {
  return setting_.register_wait.value_or(time_to_register(setting_.source->identity().size));
}

ChunkPlanner::Setting UploadRun::chunk_setting() const {
  const UploadRequest& request = setting_.request;
  const bool streamed = setting_.protocol->keeps_parts_of_chunks();
  ChunkPlanner::Setting chunks{
      .sizer = {.asked = request.chunk_bytes,
                .bound = chunk_bound(setting_.server, setting_.chunk_check),
                .remembered = setting_.server.chunk_bytes.value_or(0),
                .block_bytes = setting_.block_bytes,
                .first = streamed ? first_streamed : ChunkSizer::moderate,
                .most =
                    streamed ? std::numeric_limits<std::uint64_t>::max() : ChunkSizer::most_alone,
                .kept_as_it_comes = streamed},
      .lookahead = {request.lookahead,
                    !request.lookahead && setting_.server.refuses_lookahead(unix_s()),
                    setting_.pool.count() * setting_.pool.buffer_size(),
                    measured_limits(request.server)},
      .size = setting_.source->identity().size,
      .keeps_parts_of_chunks = streamed};
  if (!setting_.chunk_check.algorithm.empty()) chunks.most_bytes = setting_.chunk_check.most_bytes;
  return chunks;
}

std::uint64_t UploadRun::next_length(std::uint64_t begin) const {
  return planner_.length(begin, setting_.protocol->committed(), setting_.protocol->least_chunk());
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
    self->started_ = wall_now();
    self->begun_at_ = steady_now();
    self->times_.begin();
    self->enter(UploadState::deciding);
    self->drop_abandoned();
    if (checking && self->setting_.preparation)
      self->prepare();
    else if (checking && self->registration_.has_inherited_doubt() &&
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

void UploadRun::prepare() {
  enter(UploadState::preparing);
  setting_.preparation->begin(
      http(),
      [weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->note_prepared();
      },
      [weak = weak_from_this()](Preparation::Outcome outcome) {
        if (const auto self = weak.lock()) self->prepared(std::move(outcome));
      });
}

void UploadRun::note_prepared() {
  committed_ = progress().committed;
  if (record_) record_->committed(committed_);
}

void UploadRun::prepared(Preparation::Outcome outcome) {
  if (is_over()) return;
  enter(UploadState::deciding);
  note_prepared();
  // Either may have been set while the answer to the last part arrived.
  if (file_error_) {
    finish(Report::Status::failed, *file_error_);
  } else if (cancelled_) {
    finish(Report::Status::interrupted, explain({ErrorKind::interrupted, ""}));
  } else if (outcome.failure) {
    finish(outcome.failure->status, outcome.failure->error);
  } else {
    setting_.protocol->join(std::move(outcome.parts));
    next_step();
  }
}

void UploadRun::checked() {
  // In state `starting`, the starting thread may still use sent_file_.
  if (state_ == UploadState::starting || is_over() || !sent_file_.was_read()) return;
  if (auto failure = sent_file_.failure(); failure && !registration_.is_confirmed()) {
    // Do not send the rest of the file, which may be terabytes.
    file_error_ = std::move(failure);
    if (registration_.has_inherited_doubt() && registration_.may_be_registered())
      file_error_->message +=
          "; the earlier content of the file may be registered; " + setting_.protocol->doubt();
    if (setting_.preparation && setting_.preparation->is_running())
      setting_.preparation->cancel();
    else if (sender_.is_busy())
      sender_.cancel();
    else
      finish(Report::Status::failed, *file_error_);
    return;
  }
  if (!registration_.is_confirmed() && !setting_.preparation && !sent_file_.was_reopened())
    sent_file_.note();
  if (state_ == UploadState::sending)
    sender_.resume_front();  // its end may be held back
  else if (state_ == UploadState::waiting_for_file)
    next_step();
}

void UploadRun::enter(UploadState next) {
  assert(may_follow(state_, next));
  state_ = next;
}

void UploadRun::next_step() {
  if (is_over()) return;
  enter(UploadState::deciding);
  take_step();
  leave_turn();
}

void UploadRun::take_step() {
  std::optional<Request> request =
      setting_.protocol->next(next_length(setting_.protocol->committed()));
  if (!request) {
    // Missing digests are needed only for the receipt.
    if (setting_.part) {  // a part is not registered
      finish(Report::Status::registered, {});
      return;
    }
    registration_.confirm();
    if (const Result<bool> known = sent_file_.has_digests(); known && !*known) {
      enter(UploadState::waiting_for_file);
      return;
    }
    finish(Report::Status::registered, {});
    return;
  }
  if (setting_.request.dry_run && request->step != Request::Step::ask_name) {
    finish(Report::Status::skipped, {});
    return;
  }
  if (!may_register(request->step) || !may_join(request->step) || !has_turn() ||
      !made_ready(*request))
    return;
  if (request->step == Request::Step::chunk && !checksums_.add_to(*request)) {
    checksums_.hold(*std::move(request));
    enter(UploadState::waiting_for_checksum);
    send_checksummed();
    return;
  }
  send(*std::move(request));
}

bool UploadRun::has_turn() {
  if (load_.take_turn([self = shared_from_this()] { self->next_step(); })) return true;
  enter(UploadState::waiting_for_turn);
  payload_.give_up();  // frees the buffers for uploads that may send
  return false;
}

void UploadRun::leave_turn() {
  if (load_.is_waiting() || checksums_.is_holding() || sender_.is_busy()) return;
  load_.leave_turn();
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
      return ready_to_begin();
    case Request::Step::chunk:
      if (payload_.stands_at(request.payload.begin)) return true;
      if (!digest_.knows(request.payload.begin / setting_.block_bytes)) {
        // The server has lost blocks whose checksums are forgotten already.
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
      // If several names are asked for in a row, the time of the first question counts.
      if (sender_.front() == nullptr || this->request().step != Request::Step::ask_name)
        registration_.name_asked(steady_now());
      break;
    case Request::Step::finish:
      registration_.sent();
      break;
    case Request::Step::whole:
      registration_.sent();
      [[fallthrough]];
    case Request::Step::chunk:
      sent_any_ = true;
      [[fallthrough]];
    case Request::Step::begin:  // its bytes count once the server has returned the upload's address
      begin_interval();
      break;
    case Request::Step::join:
      join_wait_.sent(steady_now());
      break;
    case Request::Step::ask_committed:
    case Request::Step::ask_parts:
      break;
  }
  connection_choice_.choose(request, steady_now() - begun_at_);
  enter(UploadState::sending);
  sender_.send(std::move(request));
}

void UploadRun::on_answer(Result<Answer> result) {
  if (is_over()) return;
  enter(UploadState::deciding);
  load_.answered(result);
  answered(std::move(result));
  leave_turn();
}

void UploadRun::on_unreadable(const Error& error) {
  file_error_ = error;
}

void UploadRun::on_too_large(std::uint64_t payload) {
  too_large(payload);
}

void UploadRun::on_pipelining_refused() {
  if (record_) record_->lookahead_refused();
}

void UploadRun::answered(Result<Answer> result) {
  const Request& request = this->request();
  const Request::Step step = request.step;
  if (result) connection_choice_.learn(*result);
  const bool in_doubt = registers(step) && register_answered(result);
  if (!result && setting_.protocol->is_registered()) {
    try_again();  // the failed request only asked for the name
    return;
  }
  if (!result) {
    if (file_error_)
      finish(Report::Status::failed, *file_error_);
    else if (cancelled_ || result.error().kind == ErrorKind::interrupted)
      finish(Report::Status::interrupted, explain({ErrorKind::interrupted, ""}));
    else if (sender_.front()->body->error())
      finish(Report::Status::failed, *sender_.front()->body->error());
    else
      failed(explain(std::move(result).error()), {});
    return;
  }
  if (Result<void> read = setting_.protocol->read_answer(*result); !read) {
    Error error = std::move(read).error();
    // Known only here: the server had the whole request and may have registered the file.
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
                    last_step(), result->status));
    next_step();
    return;
  }
  tokens_.succeed();
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
      // The chunk behind the setup request had to wait for it, so the rate so far is wrong.
      planner_.setup_ended();
      if (!record_) break;
      record_->upload_url(setting_.protocol->upload_url());
      // An upload of a single block cannot be resumed. Its journal entry is written with the
      // registration, which saves one write for each of thousands of small files.
      if (!setting_.protocol->keeps_parts_of_chunks() ||
          setting_.source->identity().size > setting_.block_bytes)
        record_->begin();
      break;
    case Request::Step::chunk:
      // Fewer bytes if the server kept a part of the chunk; none if the upload was gone.
      if (committed > request.payload.begin) chunk_committed(committed - request.payload.begin);
      break;
    case Request::Step::ask_committed:
      if (setting_.earlier && !setting_.preparation && resumed_from_ == 0 &&
          planner_.chunks() == 0 && committed > 0) {
        resumed_from_ = committed;
        say(LogLevel::info, fmt::format("resuming {} at offset {}", file_, committed));
      }
      break;
    case Request::Step::join:
      if (record_) record_->upload_url(setting_.protocol->upload_url());
      break;
    case Request::Step::whole:
      planner_.count_whole();
      committed_ = committed;
      break;
    case Request::Step::finish:
      break;
  }
  if (step == Request::Step::ask_committed) planner_.found_offset(committed);
  if (step == Request::Step::chunk || step == Request::Step::ask_committed || with_bytes) {
    committed_ = committed;
    recovery_.committed(committed);
    digest_.forget_before(committed, setting_.block_bytes);
    if (record_) record_->committed(committed);
  }
  if (!sender_.advance()) {
    next_step();
    return;
  }
  sent_any_ = true;
  enter(UploadState::sending);
}

void UploadRun::begin_interval() {
  planner_.begin_interval(steady_now(), times_.idle_s());
}

void UploadRun::chunk_committed(std::uint64_t bytes) {
  const std::optional<std::uint64_t> limit =
      planner_.committed(bytes, sender_.front()->was_ahead, steady_now(), times_.idle_s());
  if (limit && record_) record_->chunk_limit(*limit);
}

}  // namespace sluice
