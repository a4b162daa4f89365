#include "engine/http/curl_transport.h"

#include <curl/curl.h>
#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <ctime>
#include <deque>
#include <map>
#include <mutex>
#include <new>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "engine/base/clock.h"
#include "engine/base/mailbox.h"
#include "engine/http/http_transfer.h"
#include "io/signals_blocked.h"

namespace sluice {
namespace {

using Clock = std::chrono::steady_clock;

/// The number of idle easy handles that are kept for reuse, with their buffers.
constexpr std::size_t kept_handles = 16;

/// The longest sleep of the loop. Stalls are detected at most this late.
constexpr auto longest_wait = std::chrono::milliseconds(250);

/// The longest time that an exchange waits for other exchanges to release a file descriptor.
constexpr auto longest_queue = std::chrono::seconds(5);

/// Initialises libcurl once per process. Throws std::runtime_error.
void initialise_curl() {
  static std::once_flag once;
  std::call_once(once, [] {
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
      throw std::runtime_error("curl_global_init failed");
  });
}

struct FreeMulti {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};

}  // namespace

/// The state of the network thread. Only the mailbox may be used by any thread.
class CurlTransport::Loop {
 public:
  explicit Loop(const Options& options)
      : common_{.options = options,
                .limits = options.limits
                              ? options.limits
                              : std::make_shared<NetworkLimits>(options.bytes_per_second, 1),
                .resume = [this](ExchangeId id) { resume(id); }} {
    initialise_curl();
    multi_.reset(curl_multi_init());
    if (!multi_) throw std::bad_alloc();
    curl_multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS, common_.limits->kept_connections);
    const SignalsBlocked blocked;
    thread_ = std::thread([this] { run(); });
    handle_ = thread_.native_handle();
    thread_id_ = thread_.get_id();
  }

  ~Loop() {
    stop();
    drain();
  }

  void stop() {
    if (!thread_.joinable()) return;
    post([this] { stopping_ = true; });
    thread_.join();
  }

  bool drain() {
    bool did_any = false;
    // The remaining work may start exchanges, which end at once.
    do {
      while (!entries_.empty()) cancel(entries_.begin()->first);
      if (mailbox_.run_all()) did_any = true;
    } while (!entries_.empty());
    idle_.clear();
    return did_any;
  }

  bool is_own_thread() const { return std::this_thread::get_id() == thread_id_; }

  std::chrono::nanoseconds cpu_time() const {
    clockid_t clock{};
    std::timespec used{};
    if (::pthread_getcpuclockid(handle_, &clock) != 0 || ::clock_gettime(clock, &used) != 0)
      return std::chrono::nanoseconds(0);
    return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
  }

  void post(std::function<void()> work) {
    mailbox_.post(std::move(work));
    curl_multi_wakeup(multi_.get());
  }

  void post_at(Clock::time_point when, std::function<void()> work) {
    mailbox_.post_at(when, std::move(work));
    curl_multi_wakeup(multi_.get());
  }

  void resume(ExchangeId id) {
    post([this, id] {
      if (const auto found = entries_.find(id); found != entries_.end())
        found->second.transfer->resume();
    });
  }

  ExchangeId start(const Exchange& exchange, OnAnswer on_answer) {
    const ExchangeId id = next_id_++;
    HttpOrigin& origin = origin_of(exchange.url);
    auto transfer = std::make_unique<HttpTransfer>(common_, origin, id, exchange, idle_easy());
    const HttpTransfer& added = *transfer;
    entries_.emplace(id, Entry{std::move(transfer), std::move(on_answer), {}});
    ++common_.limits->exchanges;
    if (origin.error)
      post([this, id, error = *origin.error] { finish(id, error); });
    else
      add(added);
    return id;
  }

  void cancel(ExchangeId id) { finish(id, Error{ErrorKind::interrupted, "interrupted"}); }

  std::optional<Answer::Network> network_of(ExchangeId id) const {
    const auto found = entries_.find(id);
    return found == entries_.end() ? std::nullopt : found->second.transfer->network();
  }

 private:
  struct Entry {
    std::unique_ptr<HttpTransfer> transfer;
    OnAnswer on_answer;
    std::optional<Clock::time_point> waits_since = {};  ///< start of the wait for a file descriptor
  };

  /// The network thread's loop: mailbox, transfers, timeouts, poll.
  void run() {
    if (const std::string& name = common_.options.name; !name.empty())
      ::pthread_setname_np(::pthread_self(), name.c_str());
    while (!stopping_) {
      const auto now = steady_now();
      mailbox_.run_due(now);
      if (common_.throttled_until && now >= *common_.throttled_until) unthrottle();
      int running = 0;
      curl_multi_perform(multi_.get(), &running);
      reap();
      if (now >= next_stall_check_) {
        end_stalled(now);
        connect_next();
        next_stall_check_ = now + longest_wait;
      }
      if (!stopping_) wait();
    }
    drain();
  }

  /// Polls the sockets until the next event or deadline.
  void wait() {
    auto until = steady_now() + longest_wait;
    if (common_.throttled_until) until = std::min(until, *common_.throttled_until);
    if (const auto due = mailbox_.next_due()) until = std::min(until, *due);
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - steady_now());
    curl_multi_poll(multi_.get(), nullptr, 0, std::max(0, static_cast<int>(left.count())), nullptr);
  }

  /// Continues all transfers that the rate limit paused.
  void unthrottle() {
    common_.throttled_until.reset();
    for (auto& [id, entry] : entries_) entry.transfer->unthrottle();
  }

  /// Returns the origin of `url`. Creates it on the first call and logs its proxy.
  HttpOrigin& origin_of(const std::string& url) {
    const auto [found, is_new] = origins_.try_emplace(origin_address(url));
    HttpOrigin& origin = found->second;
    if (!is_new) return origin;
    origin = make_origin(url, common_.options.network);
    const Log& log = common_.options.log;
    if (!log || origin.proxy.source.empty() || !common_.limits->is_first(origin.address))
      return origin;
    log(LogLevel::info,
        origin.proxy.exempt
            ? fmt::format("connecting to {} without the proxy in {}: no_proxy "
                          "names the host, or the host is this machine",
                          origin.address, origin.proxy.source)
            : fmt::format("connecting to {} through {}", origin.address, origin.proxy.name()));
    return origin;
  }

  /// Returns an idle handle, reset, or a new one.
  HttpTransfer::Easy idle_easy() {
    if (idle_.empty()) {
      HttpTransfer::Easy easy(curl_easy_init());
      if (!easy) throw std::bad_alloc();
      return easy;
    }
    auto easy = std::move(idle_.back());
    idle_.pop_back();
    curl_easy_reset(easy.get());
    return easy;
  }

  void add(const HttpTransfer& transfer) {
    if (const CURLMcode code = curl_multi_add_handle(multi_.get(), transfer.easy());
        code != CURLM_OK)
      throw std::runtime_error(curl_multi_strerror(code));
  }

  /// Handles the transfers that curl has completed: retries those on a dead connection, queues
  /// those without a file descriptor, finishes the others.
  void reap() {
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      const CURLcode code = message->data.result;
      HttpTransfer* transfer = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
      if (transfer->met_a_dead_connection(code) && transfer->rewind()) {
        curl_multi_remove_handle(multi_.get(), transfer->easy());
        transfer->start_over();
        add(*transfer);
      } else if (transfer->lacks_descriptor(code) && may_wait(transfer->id())) {
        curl_multi_remove_handle(multi_.get(), transfer->easy());
        waiting_.push_back(transfer->id());
        ++common_.limits->waiting;
      } else {
        finish(transfer->id(), transfer->outcome(code));
        connect_next();
      }
    }
  }

  /// Whether an exchange without a file descriptor may wait: others are in flight, here or on other
  /// network threads, and will release a descriptor or a connection. The wait is bounded, because
  /// the waiting exchange holds resources that they may need (buffers).
  bool may_wait(ExchangeId id) {
    Entry& entry = entries_.at(id);
    const auto now = steady_now();
    if (!entry.waits_since) entry.waits_since = now;
    const NetworkLimits& limits = *common_.limits;
    return limits.exchanges > limits.waiting + 1 && now - *entry.waits_since < longest_queue;
  }

  /// Retries the first exchange that waits for a descriptor.
  void connect_next() {
    if (waiting_.empty()) return;
    HttpTransfer& transfer = *entries_.at(waiting_.front()).transfer;
    waiting_.pop_front();
    --common_.limits->waiting;
    transfer.connect_again();
    add(transfer);
  }

  /// Whether the exchange waits for a file descriptor.
  bool waits(ExchangeId id) const {
    return std::find(waiting_.begin(), waiting_.end(), id) != waiting_.end();
  }

  /// Ends all exchanges that have timed out.
  void end_stalled(Clock::time_point now) {
    std::vector<std::pair<ExchangeId, Error>> stalled;
    for (auto& [id, entry] : entries_)
      if (auto error = waits(id) ? std::nullopt : entry.transfer->stalled(now))
        stalled.emplace_back(id, *std::move(error));
    for (auto& [id, error] : stalled) finish(id, std::move(error));
  }

  /// Ends the exchange with `result`: removes it, keeps its handle for reuse, calls its callback.
  /// No effect on an exchange that has ended.
  void finish(ExchangeId id, Result<Answer> result) {
    const auto found = entries_.find(id);
    if (found == entries_.end()) return;
    const Entry entry = std::move(found->second);
    entries_.erase(found);
    common_.limits->waiting -= std::erase(waiting_, id);
    --common_.limits->exchanges;
    curl_multi_remove_handle(multi_.get(), entry.transfer->easy());
    HttpTransfer::Easy easy = entry.transfer->release();
    if (idle_.size() < kept_handles) idle_.push_back(std::move(easy));
    entry.on_answer(std::move(result));
  }

  // Used on the network thread only.
  HttpTransfer::Common common_;                ///< outlives multi_, which closes its sockets
  std::map<std::string, HttpOrigin> origins_;  ///< by address; outlive the handles
  std::unique_ptr<CURLM, FreeMulti> multi_;    ///< set before the thread starts
  std::vector<HttpTransfer::Easy> idle_;
  std::map<ExchangeId, Entry> entries_;
  /// The exchanges that wait for a file descriptor, in order of arrival. Meanwhile they are not in
  /// the multi handle.
  std::deque<ExchangeId> waiting_;
  ExchangeId next_id_ = 1;
  Clock::time_point next_stall_check_{};

  bool stopping_ = false;

  Mailbox mailbox_;
  std::thread thread_;
  pthread_t handle_{};         ///< of thread_, as thread_id_
  std::thread::id thread_id_;  ///< stays valid while stop() joins thread_
};

CurlTransport::CurlTransport(const Options& options) : loop_(std::make_unique<Loop>(options)) {}
CurlTransport::~CurlTransport() = default;
void CurlTransport::post(std::function<void()> work) {
  loop_->post(std::move(work));
}
void CurlTransport::post_at(std::chrono::steady_clock::time_point when,
                            std::function<void()> work) {
  loop_->post_at(when, std::move(work));
}
CurlTransport::ExchangeId CurlTransport::start(const Exchange& exchange, OnAnswer on_answer) {
  return loop_->start(exchange, std::move(on_answer));
}
void CurlTransport::cancel(ExchangeId id) {
  loop_->cancel(id);
}
std::optional<Answer::Network> CurlTransport::network_of(ExchangeId id) const {
  return loop_->network_of(id);
}
void CurlTransport::stop() {
  loop_->stop();
}
bool CurlTransport::drain() {
  return loop_->drain();
}
bool CurlTransport::is_network_thread() const {
  return loop_->is_own_thread();
}
std::chrono::nanoseconds CurlTransport::cpu_time() const {
  return loop_->cpu_time();
}
void CurlTransport::resume(ExchangeId id) {
  loop_->resume(id);
}

MakeTransport curl_transports(CurlTransport::Options options) {
  return [options = std::move(options)](unsigned number,
                                        const std::shared_ptr<NetworkLimits>& limits) {
    CurlTransport::Options own = options;
    own.name = fmt::format("network-{}", number);
    own.limits = limits;
    return std::make_unique<CurlTransport>(own);
  };
}

}  // namespace sluice
