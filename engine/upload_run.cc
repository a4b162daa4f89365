#include "engine/upload_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "engine/answer_text.h"
#include "engine/seconds.h"
#include "engine/text.h"
#include "engine/units.h"

namespace sluice {
namespace {

using namespace std::chrono_literals;

std::int64_t unix_s() {
  return std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
}

/// Bytes of the first chunk where the server keeps them as they come: what breaks is not lost then.
constexpr std::uint64_t first_streamed = std::uint64_t{64} << 20;

/// Reads in flight. O_DIRECT waits for the disk, and a disk is only full with several reads: 8 of 4
/// MiB reach what 16 do. Through the page cache a read is a copy, and two keep ahead of any
/// network.
int readers_for(ReadMode mode) {
  return mode == ReadMode::direct ? 8 : 2;
}

}  // namespace

UploadRun::UploadRun(Setting setting)
    : setting_(std::move(setting)),
      file_(printable(setting_.source->path()) +
            (setting_.part ? fmt::format(" (its part at {})", setting_.part->begin) : "")),
      digest_(setting_.part ? file_ : setting_.source->path(), setting_.source->identity().size,
              setting_.request.digests),
      committed_(setting_.earlier ? setting_.earlier->entry.committed : 0),
      payload_({*setting_.source, setting_.part ? *setting_.part->share : setting_.pool,
                setting_.workers, digest_, clocks_, setting_.block_bytes,
                readers_for(setting_.source->mode())},
               [this] { wake(); }),
      chunk_sizer_({.asked = setting_.request.chunk_bytes,
                    .bound = setting_.server.chunk_limit.value_or(0),
                    .remembered = setting_.server.chunk_bytes.value_or(0),
                    .block_bytes = setting_.block_bytes,
                    .first = setting_.protocol->keeps_parts_of_chunks() ? first_streamed
                                                                        : ChunkSizer::moderate,
                    .most = setting_.protocol->keeps_parts_of_chunks()
                                ? std::numeric_limits<std::uint64_t>::max()
                                : ChunkSizer::most_alone,
                    .alone = setting_.protocol->keeps_parts_of_chunks()}),
      tokens_{setting_.request.token},
      lookahead_({setting_.request.lookahead,
                  !setting_.request.lookahead && setting_.server.refuses_lookahead(unix_s()),
                  setting_.pool.count() * setting_.pool.buffer_size()}) {
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
        UploadRecord::Setting{*setting_.journal, digest_, std::move(entry),
                              setting_.part ? setting_.part->share->count() : setting_.pool.count(),
                              setting_.log},
        [this] { wake(); });
  }
}

UploadRun::~UploadRun() {
  if (record_) record_->wait();
}

void UploadRun::start() {
  Result<void> checking;
  if (in_parts()) {
    // The digest of a file is made in its order, which the parts have no part in.
    checking = check_file(setting_.source->identity().size);
  } else if (setting_.earlier && !setting_.part) {
    const Earlier& earlier = *setting_.earlier;
    // OpenSSL's digests cannot be saved, so those of a resumed upload take a reading of their own.
    if (!setting_.request.digests.empty())
      checking = check_file(setting_.source->identity().size);
    else if (setting_.request.verify_prefix || earlier.doubtful)
      // What an earlier run has joined was hashed in its parts.
      checking = check_file(
          std::max<std::uint64_t>(earlier.sent(), earlier.checksums.size() * setting_.block_bytes));
  }
  setting_.http.post([self = shared_from_this(), checking = std::move(checking)] {
    self->started_ = std::chrono::system_clock::now();
    self->times_.begin();
    self->running_ = true;
    self->drop_abandoned();
    if (checking && self->in_parts())
      self->start_parts();
    else if (checking)
      self->next_step();
    else
      self->finish(Report::Status::failed, checking.error());
    self->checked();  // it may have been over before
  });
}

Result<void> UploadRun::check_file(std::uint64_t end) {
  FileCheck::Setting check{
      .source = *setting_.source, .workers = setting_.workers, .block_bytes = setting_.block_bytes};
  // Two are the least; more than 64 MiB of them are of no use.
  check.pool_blocks = std::clamp<std::size_t>((std::size_t{64} << 20) / setting_.block_bytes, 2, 4);
  check.end = end;
  if (setting_.earlier) check.expected = setting_.earlier->checksums;
  check.extra = setting_.request.digests;
  check.keep_checksums = in_parts();
  check.on_done = [this, weak = weak_from_this()] {
    setting_.http.post([weak] {
      if (const auto self = weak.lock()) self->checked();
    });
  };
  TRY_ASSIGN(check_, FileCheck::start(std::move(check)));
  return {};
}

void UploadRun::cancel() {
  setting_.http.post([self = shared_from_this()] {
    if (self->over_) return;
    self->cancelled_ = true;
    if (self->lanes_ && self->lanes_->under_way())
      self->lanes_->cancel();
    else if (self->registered_)  // only the receipt's digests are missing
      self->finish(Report::Status::registered, {});
    else if (self->flight_ && self->flight_->out)
      self->setting_.http.cancel(self->flight_->exchange);
    else
      self->finish(Report::Status::interrupted, self->explain({ErrorKind::interrupted, ""}));
  });
}

Progress UploadRun::progress() const {
  if (in_parts()) {
    Progress all{.total = setting_.source->identity().size};
    for (const auto& part : setting_.parts) {
      const Progress progress = part->progress();
      all.sent += progress.sent;
      all.committed += progress.committed;
    }
    return all;
  }
  return {setting_.source->identity().size, payload_.passed(), committed_};
}

bool UploadRun::wait_until(Clock::time_point deadline) {
  MutexLock lock(mutex_);
  while (!done_)
    if (!done_changed_.wait_until(mutex_, deadline)) return done_;
  return true;
}

Report UploadRun::report_now() const {
  MutexLock lock(mutex_);
  return report_;
}

Report UploadRun::wait() {
  MutexLock lock(mutex_);
  while (!done_) done_changed_.wait(mutex_);
  Report report = report_;
  lock.unlock();
  // The network thread is through with it. What follows may wait for a disk, which is this caller's
  // time and not the network thread's.
  MutexLock stopping(stop_mutex_);
  if (record_) {
    record_->wait();
    report.resumable = report.status != Report::Status::registered && record_->resumable();
  }
  for (const auto& part : setting_.parts) part->settle();
  setting_.lock.reset();
  payload_.stop();
  check_.reset();
  return report;
}

void UploadRun::settle() {
  if (record_) record_->wait();
  MutexLock stopping(stop_mutex_);
  payload_.stop();
  check_.reset();
}

void UploadRun::next_step() {
  if (over_) return;
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
  // A verify may be under way at the server: whatever would come now, and the staged file that is
  // gone may be gone into it, waits until that is settled.
  if (request->step != Request::Step::ask_name && settled_ &&
      request->step != Request::Step::ask_committed) {
    const auto now = Clock::now();
    if (now < *settled_) {
      const auto pause = std::max<Clock::duration>(1s, register_wait() / 30);
      later(std::min(*settled_, now + pause), &UploadRun::ask_registered);
      return;
    }
    // It may have ended between the last answer that the name is free and now.
    if (name_asked_ < *settled_) {
      ask_registered();
      return;
    }
    settled_.reset();
    finish_sent_ = false;
  }
  switch (request->step) {
    case Request::Step::ask_name:
    case Request::Step::ask_committed:
    case Request::Step::join:
      break;
    case Request::Step::whole:
      if (!payload_.stands_at(0)) payload_.seek(0);
      break;
    case Request::Step::begin:
      if (!begin_anew()) return;
      break;
    case Request::Step::chunk:
      if (payload_.stands_at(request->payload.begin)) break;
      if (!digest_.knows(request->payload.begin / setting_.block_bytes)) {
        // The server has lost more than can be compared with what it was.
        setting_.protocol->start_over();
        next_step();
        return;
      }
      payload_.seek(request->payload.begin);
      break;
    case Request::Step::finish: {
      Result<bool> ready = ready_to_finish();
      if (!ready) {
        finish(Report::Status::failed, std::move(ready).error());
        return;
      }
      if (!*ready) return;
      break;
    }
  }
  if (request->step == Request::Step::chunk && !checksummed(*request)) {
    unhashed_ = std::move(request);
    send_checksummed();
    return;
  }
  send(*std::move(request));
}

void UploadRun::checked() {
  // Before that, check_ may still be the starting thread's.
  if (!running_ || over_ || !check_ || !check_->done()) return;
  if (const auto result = check_->result(); !result && !registered_) {
    // The terabytes that are left need not be sent.
    file_error_ = result.error();
    if (lanes_ && lanes_->under_way())
      lanes_->cancel();
    else if (flight_ && flight_->out)
      setting_.http.cancel(flight_->exchange);
    else
      finish(Report::Status::failed, *file_error_);
    return;
  }
  if (std::exchange(waits_for_check_, false)) next_step();
}

Result<bool> UploadRun::digests_known() {
  if (!check_ && digest_.xxh128().empty()) TRY(check_file(setting_.source->identity().size));
  if (!check_ || check_->done()) return true;
  waits_for_check_ = true;
  return false;
}

Result<bool> UploadRun::ready_to_finish() {
  TRY(check_unchanged());
  TRY_ASSIGN(const bool known, digests_known());
  if (!known) return false;
  if (check_) {
    TRY_ASSIGN(const FileCheck::Digests checked, check_->result());
    if (in_parts()) TRY(compare_parts(checked));
    const std::string sent = digest_.xxh128();
    if (!sent.empty() && !checked.xxh128.empty() && checked.xxh128 != sent)
      return Error{ErrorKind::local_file,
                   fmt::format("{} changed while it was being uploaded: read again, it is not what "
                               "was sent; nothing was registered, --restart sends it anew",
                               file_)};
  }
  if (record_) record_->verifying();
  return true;
}

void UploadRun::send(Request request) {
  switch (request.step) {
    case Request::Step::ask_name:
      name_asked_ = Clock::now();
      break;
    case Request::Step::finish:
      finish_sent_ = true;
      break;
    case Request::Step::whole:
    case Request::Step::chunk:
      sent_any_ = true;
      commit_at_ = Clock::now();
      idle_at_commit_ = times_.idle_s();
      break;
    case Request::Step::begin:
    case Request::Step::ask_committed:
    case Request::Step::join:
      break;
  }
  flight_ = take_off(std::move(request));
}

std::shared_ptr<Flight> UploadRun::take_off(Request what) {
  const auto flight = std::make_shared<Flight>(std::move(what));
  Flight* const raw = flight.get();
  flight->body.emplace(
      flight->request, payload_,
      StreamedRequest::Hooks{
          .on_read = [this, raw](StreamedRequest::Gave gave) { body_was_read(*raw, gave); },
          .cleared = [this](std::uint64_t offset) { return cleared(offset); },
          .may_end = [this, raw] { return may_end(*raw); },
          .may_rewind =
              [this, raw] {
                if (flight_.get() != raw) return false;
                // It may have kept some of them: asking is cheaper than to be refused at the end.
                if (setting_.protocol->keeps_parts_of_chunks()) return false;
                if (raw->was_held) blame_lookahead(Error{ErrorKind::unreachable, "closed"}, true);
                abandon_ahead();  // they lose what they have taken already
                return true;
              }});
  const Request& request = flight->request;
  if (request.payload.size() > 0) payload_.claim(request.payload.end);
  Exchange exchange;
  exchange.method = request.method;
  exchange.url = request.url.empty() ? setting_.request.base_url + request.path : request.url;
  exchange.headers = request.headers;
  exchange.headers.push_back("Authorization: Token token=" + tokens_.back().reveal());
  exchange.body_size = request.body_size();
  if (request.body_size() > 0) exchange.body = &*flight->body;
  exchange.connection = request.connection;
  exchange.patience =
      setting_.response_timeout.count() > 0 ? setting_.response_timeout : request.patience;
  times_.change(flight->at, TransferTimes::At::sending);
  flight->at = TransferTimes::At::sending;
  flight->out = true;
  flight->exchange =
      setting_.http.start(exchange, [self = shared_from_this(), flight](Result<Answer> result) {
        self->landed(flight, std::move(result));
      });
  return flight;
}

void UploadRun::body_was_read(Flight& flight, StreamedRequest::Gave gave) {
  using At = TransferTimes::At;
  At at = At::sending;
  switch (gave) {
    case StreamedRequest::Gave::bytes:
      break;
    case StreamedRequest::Gave::nothing:
      at = payload_.waiting_for() == Window::Waiting::check ? At::checksum : At::read;
      break;
    case StreamedRequest::Gave::gated:
      at = At::checksum;
      break;
    case StreamedRequest::Gave::all:
      flight.handed_at = Clock::now();
      flight.answered_before = times_.answer_s();
      [[fallthrough]];
    case StreamedRequest::Gave::held:
      at = At::answer;
      break;
  }
  times_.change(flight.at, at);
  flight.at = at;
  if (record_) record_->blocks_passed();
  if (!look_ahead_posted_ && may_look_ahead()) {
    look_ahead_posted_ = true;  // curl calls this, and must not be called back
    setting_.http.post([self = shared_from_this()] {
      self->look_ahead_posted_ = false;
      self->look_ahead();
    });
  }
}

void UploadRun::wake() {
  if (woken_.exchange(true)) return;
  setting_.http.post([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    self->woken_ = false;
    if (self->flight_) self->setting_.http.resume(self->flight_->exchange);
    for (const auto& flight : self->ahead_) self->setting_.http.resume(flight->exchange);
    self->look_ahead();
    self->send_checksummed();
    self->hash_ahead();
  });
}

std::uint64_t UploadRun::cleared(std::uint64_t offset) {
  if (!record_ || !setting_.protocol->keeps_parts_of_chunks()) return ~std::uint64_t{0};
  const std::uint64_t arrived = payload_.arrived();
  // What is not there yet is for read() to say.
  return arrived <= offset ? ~std::uint64_t{0} : record_->durable_up_to(offset, arrived);
}

bool UploadRun::may_end(const Flight& flight) {
  if (&flight != flight_.get()) return false;  // the one in front of it is not confirmed yet
  if (flight.request.step == Request::Step::whole && !std::exchange(verifying_noted_, true)) {
    if (const Result<void> same = check_unchanged(); !same) {
      file_error_ = same.error();
      setting_.http.post([&http = setting_.http, id = flight.exchange] { http.cancel(id); });
      return false;
    }
    if (record_) record_->verifying();
  }
  if (file_error_) return false;
  if (!record_) return true;
  switch (flight.request.step) {
    case Request::Step::chunk:
      return record_->durable(flight.request.payload.end);
    case Request::Step::whole:
      return record_->durable(flight.request.payload.end) && record_->written();
    case Request::Step::finish:
      return record_->written();
    default:
      return true;
  }
}

void UploadRun::landed(const std::shared_ptr<Flight>& flight, Result<Answer> result) {
  flight->out = false;
  times_.change(flight->at, TransferTimes::At::nothing);
  flight->at = TransferTimes::At::nothing;
  if (flight->abandoned || over_) return;
  if (flight != flight_) {
    ended_early(flight, result);
    return;
  }
  if (result) {
    lookahead_.answered(*result);
    if (flight->handed_at) times_.answered(flight->answered_before, *result);
  }
  answered(std::move(result));
}

void UploadRun::answered(Result<Answer> result) {
  const Request& request = flight_->request;
  const Request::Step step = request.step;
  if (registers(step)) register_answered(result);
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
    if (registers(step) && finish_sent_ && !setting_.protocol->can_ask_registered() &&
        error.kind != ErrorKind::token_refused) {
      error.retryable = false;
      error.message += "; " + setting_.protocol->doubt();
    }
    failed(std::move(error), result->retry_after);
    return;
  }
  token_deadline_.reset();
  const std::uint64_t committed = setting_.protocol->committed();
  switch (step) {
    case Request::Step::ask_name:
      break;
    case Request::Step::begin:
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
        say(LogLevel::info, fmt::format("going on with {} at byte {}", file_, committed));
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
  if (step == Request::Step::chunk || step == Request::Step::ask_committed) {
    committed_ = committed;
    budget_.committed(committed);
    digest_.forget_before(committed, setting_.block_bytes);
    if (record_) record_->committed(committed);
  }
  if (!follow()) next_step();
}

bool UploadRun::registers(Request::Step step) const {
  return step == Request::Step::finish || step == Request::Step::whole;
}

void UploadRun::register_answered(const Result<Answer>& result) {
  // No server acts on a part of a request, and some refusals come before anything is done: those of
  // the token and the dataset, and where the protocol says so, all but 408.
  const int status = result ? result->status : 0;
  const bool refused = setting_.protocol->can_ask_registered()
                           ? status == 401 || status == 404
                           : (status >= 400 && status < 500 && status != 408) ||
                                 (result && fits_no_protocol(*result));
  finish_sent_ = (flight_->handed_at && !refused) || began_in_doubt_;
  verifying_noted_ = false;
  if (!setting_.protocol->can_ask_registered()) return;
  if (refused)
    settled_.reset();
  else if (flight_->handed_at)
    settled_ = std::max(*flight_->handed_at + register_wait(),
                        Clock::now() + std::min<std::chrono::seconds>(30s, register_wait()));
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
  const auto now = Clock::now();
  const double seconds = in_seconds(now - commit_at_);
  const double idle_s = times_.idle_s();
  const double idle = std::max(0.0, idle_s - idle_at_commit_);
  commit_at_ = now;
  idle_at_commit_ = idle_s;
  lookahead_.committed(bytes, seconds, idle);
  chunk_sizer_.committed(
      {.bytes = bytes,
       .seconds = seconds,
       .waited_s = idle,
       .ahead = lookahead_.depth() > 0 && !setting_.protocol->keeps_parts_of_chunks()});
}

Result<void> UploadRun::check_unchanged() const {
  TRY_ASSIGN(const FileIdentity now, setting_.source->identity_now());
  const FileIdentity& then = setting_.source->identity();
  if (now == then) return {};
  return Error{
      ErrorKind::local_file,
      fmt::format("{} changed while it was being uploaded ({}); nothing was registered, --restart "
                  "sends it anew once nothing writes to it",
                  file_,
                  now.size != then.size ? fmt::format("from {} to {} bytes", then.size, now.size)
                                        : "its modification time is another")};
}

}  // namespace sluice
