#include "engine/pipeline/pipeline.h"

#include <pthread.h>

#include <algorithm>
#include <exception>
#include <string>
#include <system_error>
#include <utility>

#include "io/signals_blocked.h"

namespace sluice {

Pipeline::Pipeline(const Setting& setting, std::uint64_t start, std::function<void()> on_ready)
    : setting_(setting),
      end_((std::min(setting.source.identity().size, setting.end) + setting.block_bytes - 1) /
           setting.block_bytes),
      readers_check_(setting.source.mode() != ReadMode::direct || !setting.workers.available()),
      own_order_thread_(setting.digest.has_extra() && setting.workers.executor() == nullptr),
      // The capacity of the window is the pool's number of buffers. A claim holds a buffer until
      // its block is taken, and buffers are claimed in order, so no more blocks than that are in
      // the pipeline. Batches of 1 with an order thread: its work takes long, so it must never wait
      // for a batch.
      window_(start / setting.block_bytes, end_, setting.pool.count(), std::move(on_ready),
              own_order_thread_ ? 1 : std::max<std::size_t>(1, setting.pool.count() / 4)),
      next_(start / setting.block_bytes) {
  const auto blocks = end_ - start / setting.block_bytes;
  const auto count = std::min<std::uint64_t>(blocks, static_cast<std::uint64_t>(setting.readers));
  if (setting_.workers.executor() != nullptr) {
    claims_.resize(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < claims_.size(); ++i) post_claim(i);
    return;
  }
  try {
    const SignalsBlocked signals_blocked;
    // Without a name of their own, the threads would have that of the network thread that starts
    // them.
    if (own_order_thread_)
      order_thread_ = std::thread([this] {
        ::pthread_setname_np(::pthread_self(), "digest");
        pass_until_end();
      });
    for (std::uint64_t i = 0; i < count; ++i)
      readers_.emplace_back([this] {
        ::pthread_setname_np(::pthread_self(), "reader");
        read_blocks();
      });
  } catch (const std::system_error& error) {
    // A limit on threads (ulimit -u, a container's limit) is an error only if not even one reader
    // runs.
    if (readers_.empty()) {
      Error failed = errno_error(ErrorKind::failed, error.code().value(),
                                 "cannot start a thread to read the file");
      failed.message += "; raise the limit on threads (ulimit -u)";
      window_.fail(std::move(failed));
    }
  }
}

Pipeline::~Pipeline() {
  cancel();
  for (std::thread& reader : readers_) reader.join();
  {
    MutexLock lock(tasks_mutex_);
    while (tasks_ > 0) tasks_done_.wait(tasks_mutex_);
  }
  if (order_thread_.joinable()) order_thread_.join();
}

void Pipeline::cancel() {
  stop_.request_stop();
  window_.close();
  if (own_order_thread_) wake_order_thread(/*to_end=*/true);
}

void Pipeline::read_blocks() {
  while (std::optional<Claim> claim = this->claim())
    if (!read_block(*std::move(claim))) return;
}

bool Pipeline::read_block(Claim claim) {
  const std::uint64_t offset = claim.number * setting_.block_bytes;
  const std::size_t length = static_cast<std::size_t>(
      std::min<std::uint64_t>(setting_.block_bytes, setting_.source.identity().size - offset));
  auto bytes = [&] {
    Inside reading(setting_.clocks.reading);
    return setting_.source.read(offset, length, claim.buffer.memory());
  }();
  if (!bytes) {
    // The block will never arrive, so no later block is of use.
    stop_.request_stop();
    window_.fail(std::move(bytes).error());
    return false;
  }
  window_.put({claim.number, offset, *bytes, 0, std::move(claim.buffer)});
  if (readers_check_)
    check_blocks();
  else
    call_checkers();
  return true;
}

void Pipeline::post_claim(std::size_t reader, bool is_blocked) {
  std::optional<Claim>& claim = claims_[reader];
  if (try_claim(claim, is_blocked)) {
    if (claim) post_read(reader);
    return;
  }
  setting_.workers.executor()->post(Executor::Work::no_buffer,
                                    [this, reader, alive = std::weak_ptr<bool>(alive_)] {
                                      if (!alive.expired() && !claims_[reader])
                                        post_claim(reader, /*is_blocked=*/true);
                                    });
}

void Pipeline::post_read(std::size_t reader) {
  setting_.workers.executor()->post(Executor::Work::read,
                                    [this, reader, alive = std::weak_ptr<bool>(alive_)] {
                                      if (alive.expired() || !claims_[reader]) return;
                                      Claim claim = *std::exchange(claims_[reader], {});
                                      // A callback of read_block() may destroy the pipeline.
                                      if (read_block(std::move(claim)) && !alive.expired())
                                        post_claim(reader);
                                    });
}

bool Pipeline::read_now() {
  for (std::size_t i = 0; i < claims_.size(); ++i) {
    if (!claims_[i] && (!try_claim(claims_[i]) || !claims_[i])) continue;
    if (!read_block(*std::exchange(claims_[i], {}))) return false;
    post_claim(i);
    return true;
  }
  return false;
}

bool Pipeline::try_claim(std::optional<Claim>& claim, bool is_blocked) {
  MutexLock lock(claim_mutex_);
  if (next_ == end_ || (stop_.stop_requested() && !is_blocked)) return true;
  Buffer buffer = setting_.pool.try_acquire();
  if (!buffer) return stop_.stop_requested();
  claim.emplace(Claim{next_++, std::move(buffer)});
  return true;
}

Window::Taken Pipeline::take() {
  Window::Taken taken = window_.take();
  if (!readers_check_) call_checkers();
  return taken;
}

void Pipeline::call_checkers() {
  if (!window_.wants_checker()) return;
  {
    MutexLock lock(tasks_mutex_);
    ++tasks_;
  }
  tsan_release(this);
  try {
    setting_.workers.run(CheckTask{this});
  } catch (const std::exception& error) {  // oneTBB cannot start a worker
    task_done();
    stop_.request_stop();
    window_.fail(
        Error{ErrorKind::failed, std::string("cannot start a thread to compute checksums: ") +
                                     error.what() + "; raise the limit on threads (ulimit -u)"});
  }
}

void Pipeline::task_done() {
  MutexLock lock(tasks_mutex_);
  if (--tasks_ == 0) tasks_done_.notify_all();
}

std::optional<Pipeline::Claim> Pipeline::claim() {
  MutexLock lock(claim_mutex_);
  if (next_ == end_ || stop_.stop_requested()) return {};
  Buffer buffer = setting_.pool.try_acquire();
  if (!buffer) {
    Inside waiting(setting_.clocks.no_buffer);
    buffer = setting_.pool.acquire(stop_.get_token());
  }
  if (!buffer) return {};
  return Claim{next_++, std::move(buffer)};
}

void Pipeline::CheckTask::operator()() const {
  Pipeline* const self = pipeline;
  tsan_acquire(self);
  self->check_blocks();
  self->task_done();
}

void Pipeline::check_blocks() noexcept {
  Inside checksumming(setting_.clocks.checksumming);
  while (Block* block = window_.next_to_check()) {
    block->checksum = block_checksum(block->bytes);
    window_.checked(block->number);
    if (own_order_thread_)
      wake_order_thread(/*to_end=*/false);
    else
      pass_in_order();
  }
}

void Pipeline::pass_in_order() {
  while (const Block* block = window_.next_in_order()) {
    Result<void> added = setting_.digest.add(*block);
    if (!added) {
      stop_.request_stop();  // otherwise the readers would read the rest in vain
      window_.fail(std::move(added).error());
    }
    window_.passed();
  }
}

void Pipeline::wake_order_thread(bool to_end) {
  MutexLock lock(order_mutex_);
  order_wanted_ = true;
  order_ends_ = order_ends_ || to_end;
  order_changed_.notify_one();
}

void Pipeline::pass_until_end() noexcept {
  while (true) {
    {
      MutexLock lock(order_mutex_);
      while (!order_wanted_) order_changed_.wait(order_mutex_);
      order_wanted_ = false;
      if (order_ends_) return;
    }
    Inside checksumming(setting_.clocks.checksumming);
    pass_in_order();
  }
}

}  // namespace sluice
