#include "tools/sluice/display/output_channel.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "io/signals_blocked.h"
#include "io/sync.h"
#include "tools/sluice/display/terminal.h"
#include "tools/sluice/process/job_control.h"

namespace sluice::cli {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

bool writable_now(int fd) {
  pollfd entry{fd, POLLOUT, 0};
  return ::poll(&entry, 1, 0) > 0;
}

/// Writes a part of `text`; blocks. Returns the number of bytes written; nothing on an error, which
/// is in errno.
std::optional<std::size_t> write_some(int fd, std::string_view text) {
  while (true) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written >= 0) return static_cast<std::size_t>(written);
    if (errno == EINTR) continue;
    // Another process has set O_NONBLOCK on the shared file description.
    if (errno != EAGAIN) return {};
    pollfd entry{fd, POLLOUT, 0};
    ::poll(&entry, 1, -1);
  }
}

}  // namespace

struct OutputChannel::State {
  State(const Setting& channel_setting)
      : setting(channel_setting), queue(setting.most_bytes, setting.terminal, setting.dropped) {}

  /// Writes the next piece of output. Returns false if there is none. `only_if_writable`: does not
  /// block; returns false instead.
  bool write_next(bool only_if_writable) SLUICE_REQUIRES(mutex);
  /// The main function of the thread.
  void run();
  /// Makes the thread write after an addition to the queue. Without a thread, writes what does not
  /// block.
  void wake() SLUICE_REQUIRES(mutex);

  bool idle() const SLUICE_REQUIRES(mutex) { return queue.empty() && !writing; }

  const Setting setting;
  Mutex mutex;
  CondVar work;  ///< the queue is not empty, or `ending` is set
  CondVar done;  ///< output was written
  OutputQueue queue SLUICE_GUARDED_BY(mutex);
  /// The stream that is being written.
  std::optional<OutputQueue::Stream> writing SLUICE_GUARDED_BY(mutex);
  std::uint64_t written SLUICE_GUARDED_BY(mutex) = 0;  ///< bytes written plus failed writes; never
                                                       ///< decreases
  bool out_failed SLUICE_GUARDED_BY(mutex) = false;
  int first_error SLUICE_GUARDED_BY(mutex) = 0;           ///< of `err`
  bool incomplete_line SLUICE_GUARDED_BY(mutex) = false;  ///< the last line on `err` is incomplete
  std::optional<std::uint64_t> timed_out_at SLUICE_GUARDED_BY(mutex);  ///< the value of `written`
                                                                       ///< when drain() timed out
  bool stopping SLUICE_GUARDED_BY(mutex) = false;
  bool has_thread SLUICE_GUARDED_BY(mutex) = true;
  int continued SLUICE_GUARDED_BY(mutex) = times_continued();  ///< times_continued() at the last
                                                               ///< write
};

bool OutputChannel::State::write_next(bool only_if_writable) {
  if (writing) return false;
  if (only_if_writable && !(writable_now(setting.err) && writable_now(setting.out))) return false;
  // Check as late as possible: while the process is suspended, the shell writes to the terminal.
  const int continues = times_continued();
  if (std::exchange(continued, continues) != continues) queue.redraw_live();
  if (queue.empty()) return false;
  const std::optional<OutputQueue::Piece> piece = queue.next(terminal_size(setting.err).columns);
  if (!piece) return false;
  const bool result = piece->stream == OutputQueue::Stream::out;
  if (result && out_failed) return true;  // later results are useless without the lost one
  writing = piece->stream;
  // A full disk accepted a part of the last line: start a new line.
  const std::string text =
      !result && std::exchange(incomplete_line, false) ? '\n' + piece->text : piece->text;
  for (std::string_view left = text; !left.empty() && !stopping;) {
    mutex.unlock();
    const auto size = write_some(result ? setting.out : setting.err, left);
    const int code = errno;
    mutex.lock();
    written += size.value_or(1);
    if (!size && result) out_failed = true;
    if (!size && !result && first_error == 0) first_error = code;
    if (!size) break;  // later output may succeed, when a full disk has space again
    left.remove_prefix(*size);
    if (!result) incomplete_line = !left.empty();
  }
  writing.reset();
  done.notify_all();
  return true;
}

void OutputChannel::State::run() {
  MutexLock lock(mutex);
  while (!stopping)
    if (!write_next(/*only_if_writable=*/false)) work.wait(mutex);
}

void OutputChannel::State::wake() {
  if (has_thread)
    work.notify_all();
  else
    while (write_next(/*only_if_writable=*/true)) {
    }
}

OutputChannel::OutputChannel(const Setting& setting) : state_(std::make_shared<State>(setting)) {
  try {
    const SignalsBlocked blocked;
    thread_ = std::thread([state = state_] { state->run(); });
  } catch (const std::system_error&) {
    // The limit on threads is reached: push() then writes what does not block.
    const MutexLock lock(state_->mutex);
    state_->has_thread = false;
  }
}

OutputChannel::~OutputChannel() {
  if (!thread_.joinable()) return;
  bool stuck = false;
  {
    MutexLock lock(state_->mutex);
    state_->stopping = true;
    stuck = state_->writing.has_value();
    state_->work.notify_all();
  }
  if (stuck)
    thread_.detach();
  else
    thread_.join();
}

void OutputChannel::push(OutputQueue::Kind kind, std::string text) {
  MutexLock lock(state_->mutex);
  state_->queue.push(kind, std::move(text));
  state_->wake();
}

void OutputChannel::show_live(LiveArea::Lines lines) {
  MutexLock lock(state_->mutex);
  state_->queue.show_live(std::move(lines));
  state_->wake();
}

void OutputChannel::forget_live() {
  MutexLock lock(state_->mutex);
  state_->queue.forget_live();
}

void OutputChannel::drain(std::chrono::milliseconds timeout,
                          std::chrono::milliseconds timeout_after_stop,
                          const std::function<bool()>& stop) {
  constexpr auto tick = 50ms;
  MutexLock lock(state_->mutex);
  std::uint64_t written = state_->written;
  std::optional<Clock::time_point> stop_deadline;
  if (state_->timed_out_at == written) timeout = timeout_after_stop = 0ms;
  for (auto deadline = Clock::now() + timeout; !state_->idle();) {
    if (!state_->has_thread) state_->wake();
    const auto now = Clock::now();
    const bool results = state_->queue.has_results() || state_->writing == OutputQueue::Stream::out;
    // Extend the deadline whenever output was accepted.
    if (results || std::exchange(written, state_->written) != state_->written)
      deadline = now + timeout;
    if (!stop_deadline && stop()) stop_deadline = now + timeout_after_stop;
    if (now >= deadline || (stop_deadline && now >= *stop_deadline)) {
      state_->timed_out_at = written;
      return;
    }
    state_->done.wait_until(state_->mutex, now + tick);
  }
}

bool OutputChannel::results_written() const {
  const MutexLock lock(state_->mutex);
  return !state_->out_failed && !state_->queue.has_results() &&
         state_->writing != OutputQueue::Stream::out;
}

bool OutputChannel::all_written() const {
  const MutexLock lock(state_->mutex);
  return state_->idle();
}

int OutputChannel::first_error() const {
  const MutexLock lock(state_->mutex);
  return state_->first_error;
}

}  // namespace sluice::cli
