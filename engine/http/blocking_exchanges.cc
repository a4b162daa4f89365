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

/// People expect an end within two seconds.
constexpr auto ask_stop_every = 100ms;

/// Today's Data Bank has 5 threads, and may need one more to answer.
constexpr std::size_t most_exchanges = 4;

struct Out {
  Exchange exchange;
  Transport::ExchangeId id = 0;  ///< the network thread's
  std::chrono::system_clock::time_point asked{};
  std::optional<Reply> reply;
};

/// Shared with the network thread, which may hold it longer than the caller.
struct Carrying {
  Mutex mutex;
  CondVar changed;
  std::vector<Out> all SLUICE_GUARDED_BY(mutex);
  std::size_t open SLUICE_GUARDED_BY(mutex) = 0;
};

void start(Transport& http, const std::shared_ptr<Carrying>& carrying, std::size_t which) {
  http.post([&http, carrying, which] {
    const MutexLock lock(carrying->mutex);
    Out& out = carrying->all[which];
    out.asked = wall_now();
    out.id = http.start(out.exchange, [carrying, which](Result<Answer> answer) {
      const auto now = wall_now();
      const MutexLock answered(carrying->mutex);
      Out& own = carrying->all[which];
      own.reply = Reply{std::move(answer), own.asked, now};
      --carrying->open;
      carrying->changed.notify_all();
    });
  });
}

void cancel(Transport& http, const std::shared_ptr<Carrying>& carrying) {
  http.post([&http, carrying] {
    std::vector<Transport::ExchangeId> ids;
    {
      const MutexLock lock(carrying->mutex);
      for (const Out& out : carrying->all) ids.push_back(out.id);
    }
    for (const Transport::ExchangeId id : ids) http.cancel(id);
  });
}

std::vector<Reply> run_at_once(Transport& http, std::span<Exchange> exchanges,
                               const std::function<bool()>& stop) {
  const auto carrying = std::make_shared<Carrying>();
  MutexLock lock(carrying->mutex);
  for (Exchange& exchange : exchanges) carrying->all.emplace_back().exchange = std::move(exchange);
  carrying->open = carrying->all.size();
  for (std::size_t i = 0; i < carrying->all.size(); ++i) start(http, carrying, i);

  bool cancelled = false;
  while (carrying->open > 0) {
    const auto ask_stop_at = steady_now() + ask_stop_every;
    if (ScopedTimeSource::current() != nullptr) {
      lock.unlock();
      sleep_until(ask_stop_at);
      lock.lock();
    } else {
      carrying->changed.wait_until(carrying->mutex, ask_stop_at);
    }
    if (carrying->open == 0 || cancelled || !stop) continue;
    lock.unlock();
    cancelled = stop();
    if (cancelled) cancel(http, carrying);
    lock.lock();
  }
  std::vector<Reply> replies;
  for (Out& out : carrying->all) replies.push_back(*std::move(out.reply));
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
