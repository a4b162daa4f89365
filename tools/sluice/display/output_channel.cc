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

/// Writes some of it, blocking. Returns the bytes that were written, or nothing at an error, which
/// is in errno.
std::optional<std::size_t> write_some(int fd, std::string_view text) {
  while (true) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written >= 0) return static_cast<std::size_t>(written);
    if (errno == EINTR) continue;
    // Somebody else has set O_NONBLOCK on what we share with them.
    if (errno != EAGAIN) return {};
    pollfd entry{fd, POLLOUT, 0};
    ::poll(&entry, 1, -1);
  }
}

}  // namespace

struct OutputChannel::State {
  State(const Setting& channel_setting)
      : setting(channel_setting), queue(setting.most_bytes, setting.terminal, setting.dropped) {}

  /// Takes the next piece and writes it; false where there is none. `only_if_writable`: does not
  /// block, and returns false where that would be needed.
  bool write_next(bool only_if_writable) SLUICE_REQUIRES(mutex);
  /// The thread.
  void run();
  /// Something was queued.
  void wake() SLUICE_REQUIRES(mutex);

  bool idle() const SLUICE_REQUIRES(mutex) { return queue.empty() && !writing; }

  const Setting setting;
  Mutex mutex;
  CondVar work;  ///< there is something to write, or the end has come
  CondVar done;  ///< something was written
  OutputQueue queue SLUICE_GUARDED_BY(mutex);
  /// What is being written at this moment.
  std::optional<OutputQueue::Stream> writing SLUICE_GUARDED_BY(mutex);
  std::uint64_t written SLUICE_GUARDED_BY(mutex) = 0;  ///< bytes, or failures: it grows
  bool out_failed SLUICE_GUARDED_BY(mutex) = false;
  int first_error SLUICE_GUARDED_BY(mutex) = 0;  ///< of `err`
  bool torn SLUICE_GUARDED_BY(mutex) = false;    ///< `err` has the beginning of a line
  std::optional<std::uint64_t> given_up_at SLUICE_GUARDED_BY(mutex);  ///< `written`, by drain()
  bool ending SLUICE_GUARDED_BY(mutex) = false;
  bool has_thread SLUICE_GUARDED_BY(mutex) = true;
  int continued SLUICE_GUARDED_BY(mutex) = times_continued();  ///< that the live area knows of
};

bool OutputChannel::State::write_next(bool only_if_writable) {
  if (writing) return false;
  if (only_if_writable && !(writable_now(setting.err) && writable_now(setting.out))) return false;
  // As late as can be: the shell writes to the terminal while this program is stopped.
  const int continues = times_continued();
  if (std::exchange(continued, continues) != continues) queue.redraw_live();
  if (queue.empty()) return false;
  const std::optional<OutputQueue::Piece> piece = queue.next(terminal_size(setting.err).columns);
  if (!piece) return false;
  const bool result = piece->stream == OutputQueue::Stream::out;
  if (result && out_failed) return true;  // what follows a gap is of no use
  writing = piece->stream;
  // A disk that was full took a part of the last line: the next one is readable all the same.
  const std::string text = !result && std::exchange(torn, false) ? '\n' + piece->text : piece->text;
  for (std::string_view left = text; !left.empty() && !ending;) {
    mutex.unlock();
    const auto size = write_some(result ? setting.out : setting.err, left);
    const int code = errno;
    mutex.lock();
    written += size.value_or(1);
    if (!size && result) out_failed = true;
    if (!size && !result && first_error == 0) first_error = code;
    if (!size) break;  // the next one may fit: a disk that was full
    left.remove_prefix(*size);
    if (!result) torn = !left.empty();
  }
  writing.reset();
  done.notify_all();
  return true;
}

void OutputChannel::State::run() {
  MutexLock lock(mutex);
  while (!ending)
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
    // A limit on threads: those who push write what is likely to be taken at once.
    const MutexLock lock(state_->mutex);
    state_->has_thread = false;
  }
}

OutputChannel::~OutputChannel() {
  if (!thread_.joinable()) return;
  bool stuck = false;
  {
    MutexLock lock(state_->mutex);
    state_->ending = true;
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

void OutputChannel::drain(std::chrono::milliseconds patience, std::chrono::milliseconds after_stop,
                          const std::function<bool()>& stop) {
  constexpr auto tick = 50ms;
  MutexLock lock(state_->mutex);
  std::uint64_t written = state_->written;
  std::optional<Clock::time_point> stop_deadline;
  if (state_->given_up_at == written) patience = after_stop = 0ms;
  for (auto deadline = Clock::now() + patience; !state_->idle();) {
    if (!state_->has_thread) state_->wake();
    const auto now = Clock::now();
    const bool results = state_->queue.has_results() || state_->writing == OutputQueue::Stream::out;
    // Everybody who takes something, however slowly, is waited for.
    if (results || std::exchange(written, state_->written) != state_->written)
      deadline = now + patience;
    if (!stop_deadline && stop()) stop_deadline = now + after_stop;
    if (now >= deadline || (stop_deadline && now >= *stop_deadline)) {
      state_->given_up_at = written;
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
