#include "engine/http/blocking_exchanges.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "engine/base/clock.h"
#include "io/sync.h"

namespace sluice {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// The interval between two calls of `stop`. Users expect an interrupted program to end within two
/// seconds.
constexpr auto ask_stop_every = 100ms;

/// The most concurrent exchanges. Today's Data Bank has 5 threads, and may need one of them to
/// respond.
constexpr std::size_t most_exchanges = 4;

/// One exchange of a batch.
struct Slot {
  Exchange exchange;
  Transport::ExchangeId id = 0;  ///< used on the network thread only
  std::chrono::system_clock::time_point asked{};
  std::optional<Reply> reply;
};

/// The exchanges that run at the same time. Shared with the network thread, which may hold its
/// reference longer than the caller.
struct Batch {
  Mutex mutex;
  CondVar changed;
  std::vector<Slot> all SLUICE_GUARDED_BY(mutex);
  std::size_t open SLUICE_GUARDED_BY(mutex) = 0;
};

/// Starts exchange number `which` of the batch on the network thread.
void start(Transport& http, const std::shared_ptr<Batch>& batch, std::size_t which) {
  http.post([&http, batch, which] {
    const MutexLock lock(batch->mutex);
    Slot& slot = batch->all[which];
    slot.asked = wall_now();
    slot.id = http.start(slot.exchange, [batch, which](Result<Answer> answer) {
      const auto now = wall_now();
      const MutexLock answered(batch->mutex);
      Slot& own = batch->all[which];
      own.reply = Reply{std::move(answer), own.asked, now};
      --batch->open;
      batch->changed.notify_all();
    });
  });
}

/// Cancels all exchanges of the batch that have not ended.
void cancel(Transport& http, const std::shared_ptr<Batch>& batch) {
  http.post([&http, batch] {
    std::vector<Transport::ExchangeId> ids;
    {
      const MutexLock lock(batch->mutex);
      for (const Slot& slot : batch->all) ids.push_back(slot.id);
    }
    for (const Transport::ExchangeId id : ids) http.cancel(id);
  });
}

/// Runs all `exchanges` concurrently and blocks until all have ended.
std::vector<Reply> run_at_once(Transport& http, std::span<Exchange> exchanges,
                               const std::function<bool()>& stop) {
  const auto batch = std::make_shared<Batch>();
  MutexLock lock(batch->mutex);
  for (Exchange& exchange : exchanges) batch->all.emplace_back().exchange = std::move(exchange);
  batch->open = batch->all.size();
  for (std::size_t i = 0; i < batch->all.size(); ++i) start(http, batch, i);

  bool cancelled = false;
  while (batch->open > 0) {
    const auto ask_stop_at = steady_now() + ask_stop_every;
    if (ScopedTimeSource::current() != nullptr) {
      lock.unlock();
      sleep_until(ask_stop_at);
      lock.lock();
    } else {
      batch->changed.wait_until(batch->mutex, ask_stop_at);
    }
    if (batch->open == 0 || cancelled || !stop) continue;
    lock.unlock();
    cancelled = stop();
    if (cancelled) cancel(http, batch);
    lock.lock();
  }
  std::vector<Reply> replies;
  for (Slot& slot : batch->all) replies.push_back(*std::move(slot.reply));
  return replies;
}

}  // namespace

std::vector<Reply> run_exchanges(Transport& http, std::vector<Exchange> exchanges,
                                 const std::function<bool()>& stop) {
  std::vector<Reply> replies;
  for (std::size_t i = 0; i < exchanges.size(); i += most_exchanges) {
    const std::size_t count = std::min(most_exchanges, exchanges.size() - i);
    const bool stopped = stop && i > 0 && stop();
    for (std::size_t left = stopped ? count : 0; left > 0; --left)
      replies.push_back({Error{ErrorKind::interrupted, "interrupted"}});
    if (stopped) continue;
    for (Reply& reply : run_at_once(http, std::span(exchanges).subspan(i, count), stop))
      replies.push_back(std::move(reply));
  }
  return replies;
}

bool wait_until(Clock::time_point when, const std::function<bool()>& stop) {
  while (true) {
    if (stop && stop()) return false;
    const auto now = steady_now();
    if (now >= when) return true;
    sleep_until(std::min<Clock::time_point>(when, now + ask_stop_every));
  }
}

}  // namespace sluice
