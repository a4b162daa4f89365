#include "engine/http.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <utility>

#include "engine/mailbox.h"
#include "engine/rate_limiter.h"
#include "engine/tcp_info.h"
#include "engine/tcp_options.h"
#include "engine/text.h"
#include "io/signals_blocked.h"
#include "io/sync.h"

namespace sluice {
namespace {

using Clock = std::chrono::steady_clock;

/// What curl collects from a RequestBody before it writes to the socket. 64 KiB is its default and
/// costs a poll() and a send() each; 2 MiB is its maximum and falls out of a 1 MiB second-level
/// cache.
constexpr long upload_buffer_bytes = 512 * 1024;
/// TLS encrypts 16 KiB at a time out of it: 1.16 CPU seconds a GiB with this, 1.33 with 512 KiB.
constexpr long tls_upload_buffer_bytes = 64 * 1024;
/// curl's minimum, for bodies that fit.
constexpr long least_upload_buffer_bytes = 16 * 1024;

/// Connections that are kept for the next request, all servers together; curl keeps 4 for each
/// request under way, and none of those that the last ones leave.
constexpr long kept_connections = 64;
/// What a connection may have been idle for if its request must not be repeated: servers keep them
/// for 5 s and more.
constexpr long recent_s = 1;
/// Handles that are kept for the next request, with their buffers.
constexpr std::size_t kept_handles = 16;

/// The longest the loop sleeps: stalls are noticed this late at most.
constexpr auto longest_wait = std::chrono::milliseconds(250);

void initialise_curl() {
  static std::once_flag once;
  std::call_once(once, [] {
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
      throw std::runtime_error("curl_global_init failed");
  });
}

/// A proxy from the environment never sees what is meant for this machine.
std::string no_proxy() {
  std::string list = "localhost,127.0.0.0/8,::1";
  for (const char* name : {"no_proxy", "NO_PROXY"})
    if (const char* value = std::getenv(name); value != nullptr && *value != '\0') {
      // "*" means every host only where it stands alone.
      const std::string own(value);
      return own == "*" ? own : own + "," + list;
    }
  return list;
}

template <class Value>
void set(CURL* easy, CURLoption option, Value value) {
  // Fails only for an option this libcurl was built without, or without memory: both are bugs here.
  if (const CURLcode code = curl_easy_setopt(easy, option, value); code != CURLE_OK)
    throw std::runtime_error(fmt::format("curl_easy_setopt({}): {}", static_cast<int>(option),
                                         curl_easy_strerror(code)));
}

curl_off_t get_offset(CURL* easy, CURLINFO info) {
  curl_off_t value = 0;
  curl_easy_getinfo(easy, info, &value);
  return value;
}

long get_long(CURL* easy, CURLINFO info) {
  long value = 0;
  curl_easy_getinfo(easy, info, &value);
  return value;
}

char to_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

struct FreeEasy {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
struct FreeShare {
  void operator()(CURLSH* share) const { curl_share_cleanup(share); }
};
struct FreeMulti {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};

}  // namespace

/// What belongs to the network thread, but for the mailbox, which is everyone's.
class Http::Loop {
 public:
  explicit Loop(const Options& options)
      : options_(options), limiter_(options.bytes_per_second), no_proxy_(no_proxy()) {
    initialise_curl();
    multi_.reset(curl_multi_init());
    share_.reset(curl_share_init());
    if (!multi_ || !share_) throw std::bad_alloc();
    curl_multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS, kept_connections);
    // Else each handle has its own, and a new connection pays for a whole handshake.
    curl_share_setopt(share_.get(), CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    const SignalsBlocked blocked;
    thread_ = std::thread([this] { run(); });
  }

  ~Loop() {
    post([this] { stopping_ = true; });
    thread_.join();
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
      if (const auto found = transfers_.find(id);
          found != transfers_.end() && std::exchange(found->second->starved, false))
        curl_easy_pause(found->second->easy.get(), CURLPAUSE_CONT);
    });
  }

  ExchangeId start(const Exchange& exchange, OnAnswer on_answer) {
    auto transfer = std::make_unique<Transfer>();
    transfer->loop = this;
    transfer->exchange = exchange;
    transfer->on_answer = std::move(on_answer);
    transfer->moved_at = Clock::now();
    transfer->easy = idle_easy();
    set_up(*transfer);
    const ExchangeId id = transfer->id = next_id_++;
    CURL* const easy = transfer->easy.get();
    transfers_.emplace(id, std::move(transfer));
    if (const CURLMcode code = curl_multi_add_handle(multi_.get(), easy); code != CURLM_OK)
      throw std::runtime_error(curl_multi_strerror(code));
    return id;
  }

  void cancel(ExchangeId id) {
    if (const auto found = transfers_.find(id); found != transfers_.end())
      finish(found, Error{ErrorKind::interrupted, "interrupted"});
  }

 private:
  struct Transfer {
    Loop* loop = nullptr;
    ExchangeId id = 0;
    Exchange exchange;
    OnAnswer on_answer;
    std::unique_ptr<CURL, FreeEasy> easy;
    std::unique_ptr<curl_slist, FreeList> headers;
    std::array<char, CURL_ERROR_SIZE> error{};
    Answer answer;
    std::size_t header_bytes = 0;  ///< received
    bool head_ended = false;       ///< the answer's, so that its status is not all there is
    std::size_t answer_bytes = 0;  ///< received, kept or not
    std::uint64_t handed = 0;      ///< bytes of the body that curl has taken
    bool starved = false;          ///< paused until resume()
    bool throttled = false;        ///< paused until the rate limit allows more
    bool body_failed = false;
    curl_off_t moved = 0;  ///< bytes that had gone out when last looked at
    Clock::time_point moved_at{};
  };
  using Transfers = std::map<ExchangeId, std::unique_ptr<Transfer>>;

  void run() {
    while (!stopping_) {
      const auto now = Clock::now();
      mailbox_.run_due(now);
      if (throttled_ && now >= throttled_until_) unthrottle();
      int running = 0;
      curl_multi_perform(multi_.get(), &running);
      reap();
      if (now >= next_stall_check_) {
        end_stalled(now);
        next_stall_check_ = now + longest_wait;
      }
      if (!stopping_) wait();
    }
    // What is left may start exchanges, which end as soon.
    do {
      while (!transfers_.empty()) cancel(transfers_.begin()->first);
      mailbox_.run_all();
    } while (!transfers_.empty());
    idle_.clear();
  }

  void wait() {
    auto until = Clock::now() + longest_wait;
    if (throttled_) until = std::min(until, throttled_until_);
    if (const auto due = mailbox_.next_due()) until = std::min(until, *due);
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
    curl_multi_poll(multi_.get(), nullptr, 0, std::max(0, static_cast<int>(left.count())), nullptr);
  }

  void unthrottle() {
    throttled_ = false;
    for (auto& [id, transfer] : transfers_)
      if (std::exchange(transfer->throttled, false))
        curl_easy_pause(transfer->easy.get(), CURLPAUSE_CONT);
  }

  std::unique_ptr<CURL, FreeEasy> idle_easy() {
    if (idle_.empty()) {
      std::unique_ptr<CURL, FreeEasy> easy(curl_easy_init());
      if (!easy) throw std::bad_alloc();
      return easy;
    }
    auto easy = std::move(idle_.back());
    idle_.pop_back();
    curl_easy_reset(easy.get());
    return easy;
  }

  void set_up(Transfer& transfer) {
    CURL* const easy = transfer.easy.get();
    const Exchange& exchange = transfer.exchange;
    for (const std::string& header : exchange.headers) add_header(transfer, header);
    // Empty: without it curl asks leave to send (100-continue) and waits up to a second for it.
    add_header(transfer, "Expect:");

    set(easy, CURLOPT_URL, exchange.url.c_str());
    set(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    set(easy, CURLOPT_FOLLOWLOCATION, 0L);
    set(easy, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    set(easy, CURLOPT_NOPROXY, no_proxy_.c_str());
    // HTTP/2 uploads busy-loop in 7.88.
    set(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(easy, CURLOPT_NOSIGNAL, 1L);
    set(easy, CURLOPT_CONNECTTIMEOUT, static_cast<long>(options_.connect_timeout.count()));
    set(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    set(easy, CURLOPT_FRESH_CONNECT, exchange.connection == Request::Connection::own ? 1L : 0L);
    if (exchange.connection == Request::Connection::recent)
      set(easy, CURLOPT_MAXAGE_CONN, recent_s);
    set(easy, CURLOPT_SHARE, share_.get());
    set(easy, CURLOPT_OPENSOCKETFUNCTION, &Loop::on_open_socket);
    const long most =
        exchange.url.starts_with("https:") ? tls_upload_buffer_bytes : upload_buffer_bytes;
    set(easy, CURLOPT_UPLOAD_BUFFERSIZE,
        exchange.body_size < static_cast<std::uint64_t>(most) ? least_upload_buffer_bytes : most);
    set(easy, CURLOPT_USERAGENT, "sluice");
    set(easy, CURLOPT_HTTPHEADER, transfer.headers.get());
    set(easy, CURLOPT_ERRORBUFFER, transfer.error.data());
    set(easy, CURLOPT_PRIVATE, &transfer);

    set_method(transfer);
    set(easy, CURLOPT_WRITEFUNCTION, &Loop::on_write);
    set(easy, CURLOPT_WRITEDATA, &transfer);
    set(easy, CURLOPT_HEADERFUNCTION, &Loop::on_header);
    set(easy, CURLOPT_HEADERDATA, &transfer);
  }

  static void set_method(Transfer& transfer) {
    using Method = Request::Method;
    CURL* const easy = transfer.easy.get();
    const Exchange& exchange = transfer.exchange;
    switch (exchange.method) {
      case Method::head:
        set(easy, CURLOPT_NOBODY, 1L);
        return;
      case Method::options:
        set(easy, CURLOPT_CUSTOMREQUEST, "OPTIONS");
        return;
      case Method::del:
        set(easy, CURLOPT_CUSTOMREQUEST, "DELETE");
        return;
      case Method::patch:
        set(easy, CURLOPT_CUSTOMREQUEST, "PATCH");
        break;
      case Method::post:
        break;
    }
    set(easy, CURLOPT_POST, 1L);
    set(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(exchange.body_size));
    if (exchange.body == nullptr) {
      set(easy, CURLOPT_POSTFIELDS, "");
      return;
    }
    set(easy, CURLOPT_READFUNCTION, &Loop::on_read);
    set(easy, CURLOPT_READDATA, &transfer);
    set(easy, CURLOPT_SEEKFUNCTION, &Loop::on_seek);
    set(easy, CURLOPT_SEEKDATA, &transfer);
  }

  static void add_header(Transfer& transfer, const std::string& header) {
    curl_slist* const longer = curl_slist_append(transfer.headers.get(), header.c_str());
    if (longer == nullptr) throw std::bad_alloc();
    transfer.headers.release();
    transfer.headers.reset(longer);
  }

  static curl_socket_t on_open_socket(void*, curlsocktype, curl_sockaddr* peer) noexcept {
    const int fd = ::socket(peer->family, peer->socktype | SOCK_CLOEXEC, peer->protocol);
    if (fd < 0) return CURL_SOCKET_BAD;
    prepare_to_send_much(fd, peer->addr);
    return fd;
  }

  static std::size_t on_read(char* into, std::size_t size, std::size_t count, void* data) noexcept {
    Transfer& transfer = *static_cast<Transfer*>(data);
    Loop& loop = *transfer.loop;
    const std::uint64_t left = transfer.exchange.body_size - transfer.handed;
    const std::size_t room = static_cast<std::size_t>(std::min<std::uint64_t>(size * count, left));
    if (room == 0) return 0;
    const auto now = Clock::now();
    const std::size_t allowed = loop.limiter_.take(room, now);
    if (allowed == 0) {
      transfer.throttled = true;
      const auto until = loop.limiter_.next(room, now);
      loop.throttled_until_ = loop.throttled_ ? std::min(loop.throttled_until_, until) : until;
      loop.throttled_ = true;
      return CURL_READFUNC_PAUSE;
    }
    const RequestBody::Piece piece =
        transfer.exchange.body->read({reinterpret_cast<std::byte*>(into), allowed});
    switch (piece.next) {
      case RequestBody::Next::bytes:
        loop.limiter_.give_back(allowed - piece.size);
        transfer.handed += piece.size;
        return piece.size;
      case RequestBody::Next::not_yet:
        loop.limiter_.give_back(allowed);
        transfer.starved = true;
        return CURL_READFUNC_PAUSE;
      case RequestBody::Next::failed:
        break;
    }
    transfer.body_failed = true;
    return CURL_READFUNC_ABORT;
  }

  static int on_seek(void* data, curl_off_t offset, int origin) noexcept {
    Transfer& transfer = *static_cast<Transfer*>(data);
    if (offset != 0 || origin != SEEK_SET || !transfer.exchange.body->rewind())
      return CURL_SEEKFUNC_FAIL;
    transfer.handed = 0;
    return CURL_SEEKFUNC_OK;
  }

  /// Counts, as curl itself ends a single line of 100 KB, but not a server that sends lines for
  /// ever; and looks for the empty line, without which curl takes a status for an answer.
  static std::size_t on_header(char* line, std::size_t size, std::size_t count,
                               void* data) noexcept {
    Transfer& transfer = *static_cast<Transfer*>(data);
    const std::size_t length = size * count;
    transfer.header_bytes += length;
    const std::string_view text(line, length);
    // Behind an interim answer another head begins; behind a chunked body lines may follow.
    if (text.starts_with("HTTP/")) {
      transfer.head_ended = false;
      transfer.answer.headers.clear();
    } else if (length > 0 && (line[0] == '\r' || line[0] == '\n')) {
      transfer.head_ended = true;
    } else if (transfer.header_bytes <= kept_header_bytes) {
      keep_header(text, transfer.answer);
    }
    // curl does not end a transfer whose body is paused, whatever the answer.
    if (transfer.head_ended && transfer.starved) transfer.loop->resume(transfer.id);
    return transfer.header_bytes > most_header_bytes ? 0 : length;
  }

  static void keep_header(std::string_view line, Answer& answer) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return;
    const auto trimmed = [](std::string_view text) {
      constexpr std::string_view blank = " \t\r\n";
      const std::size_t begin = text.find_first_not_of(blank);
      if (begin == std::string_view::npos) return std::string();
      return std::string(text.substr(begin, text.find_last_not_of(blank) - begin + 1));
    };
    std::string name = trimmed(line.substr(0, colon));
    std::transform(name.begin(), name.end(), name.begin(), to_lower);
    answer.headers.emplace_back(std::move(name), trimmed(line.substr(colon + 1)));
  }

  static std::size_t on_write(char* bytes, std::size_t size, std::size_t count,
                              void* data) noexcept {
    Transfer& transfer = *static_cast<Transfer*>(data);
    const std::size_t length = size * count;
    transfer.answer_bytes += length;
    if (transfer.answer_bytes > most_body_bytes) return 0;
    Answer& answer = transfer.answer;
    const std::size_t kept = std::min(length, kept_body_bytes - answer.body.size());
    answer.body.append(bytes, kept);
    if (kept < length) answer.truncated = true;
    return length;
  }

  void reap() {
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      const CURLcode code = message->data.result;
      Transfer* transfer = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
      const auto found = std::find_if(transfers_.begin(), transfers_.end(), [&](const auto& entry) {
        return entry.second.get() == transfer;
      });
      if (found == transfers_.end()) continue;
      if (met_a_dead_connection(*transfer, code) &&
          (transfer->exchange.body == nullptr || transfer->exchange.body->rewind()))
        start_over(*transfer);
      else
        finish(found, result_of(*transfer, code));
    }
  }

  /// A server may close a kept connection while the next request is on its way into it. curl tries
  /// again where it finds that out by reading, and not where it does by writing.
  static bool met_a_dead_connection(const Transfer& transfer, CURLcode code) {
    CURL* const easy = transfer.easy.get();
    return (code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR || code == CURLE_GOT_NOTHING) &&
           !transfer.body_failed && get_long(easy, CURLINFO_NUM_CONNECTS) == 0 &&
           get_long(easy, CURLINFO_RESPONSE_CODE) == 0;
  }

  /// The same exchange once more, over a connection that is not a kept one.
  void start_over(Transfer& transfer) {
    CURL* const easy = transfer.easy.get();
    curl_multi_remove_handle(multi_.get(), easy);
    transfer.handed = 0;
    transfer.header_bytes = 0;
    transfer.head_ended = false;
    transfer.answer = {};
    transfer.answer_bytes = 0;
    transfer.starved = transfer.throttled = false;
    transfer.moved = 0;
    transfer.moved_at = Clock::now();
    set(easy, CURLOPT_FRESH_CONNECT, 1L);
    if (const CURLMcode added = curl_multi_add_handle(multi_.get(), easy); added != CURLM_OK)
      throw std::runtime_error(curl_multi_strerror(added));
  }

  Result<Answer> result_of(Transfer& transfer, CURLcode code) const {
    CURL* const easy = transfer.easy.get();
    Answer& answer = transfer.answer;
    answer.status = static_cast<int>(get_long(easy, CURLINFO_RESPONSE_CODE));
    if (transfer.body_failed)
      return Error{ErrorKind::failed, "the body could not be produced", code};
    if (code == CURLE_WRITE_ERROR && transfer.answer_bytes > most_body_bytes)
      return Error{
          ErrorKind::failed,
          fmt::format("the server's answer ({}) is longer than {} bytes, which no answer of a "
                      "Data Bank is; check the address",
                      answer.status, most_body_bytes),
          answer.status, true};
    if (code == CURLE_WRITE_ERROR && transfer.header_bytes > most_header_bytes)
      return Error{ErrorKind::failed,
                   fmt::format("the headers of the server's answer are longer than {} bytes, which "
                               "those of a Data Bank are not; check the address",
                               most_header_bytes),
                   answer.status, true};
    answer.retry_after = retry_after(easy);
    answer.network = network(easy);
    const bool broke_off = code == CURLE_OK && answer.status >= 200 && !transfer.head_ended;
    if (code != CURLE_OK || broke_off) {
      // A refusal counts even if the connection broke behind it: servers that refuse a body close.
      if (answer.status >= 400) {
        answer.truncated = true;
        return std::move(answer);
      }
      if (broke_off)
        return Error{ErrorKind::unreachable, "the server's answer broke off within its headers",
                     CURLE_PARTIAL_FILE, true};
      return Error{ErrorKind::unreachable, describe(transfer, code), code, may_pass(code)};
    }
    // curl says OK for a reused connection that died without a response.
    if (answer.status < 200)
      return Error{ErrorKind::unreachable, "the server closed the connection without an answer",
                   CURLE_GOT_NOTHING, true};
    if (answer.status < 300 && transfer.handed < transfer.exchange.body_size)
      return Error{
          ErrorKind::unreachable,
          fmt::format("the server answered {} before it had the whole request", answer.status),
          CURLE_SEND_ERROR, true};
    return std::move(answer);
  }

  /// Nothing for a connection that is closed already.
  static std::optional<Answer::Network> network(CURL* easy) {
    curl_socket_t socket = CURL_SOCKET_BAD;
    if (curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &socket) != CURLE_OK) return {};
    return network_of(socket);
  }

  /// In seconds or as a date, curl reads both; 0 stands for none, and for a date that is over.
  static std::optional<std::chrono::seconds> retry_after(CURL* easy) {
    const curl_off_t seconds = get_offset(easy, CURLINFO_RETRY_AFTER);
    if (seconds <= 0) return {};
    return std::chrono::seconds(std::min<curl_off_t>(seconds, 86400 * 365));
  }

  /// Whether the same might work later: all that happens on a network, but not what is wrong with
  /// the address, with a certificate, or with this machine.
  static bool may_pass(CURLcode code) {
    switch (code) {
      case CURLE_UNSUPPORTED_PROTOCOL:
      case CURLE_URL_MALFORMAT:
      case CURLE_FAILED_INIT:
      case CURLE_OUT_OF_MEMORY:
      case CURLE_PEER_FAILED_VERIFICATION:
      case CURLE_SSL_CERTPROBLEM:
      case CURLE_SSL_CACERT_BADFILE:
      case CURLE_SSL_ISSUER_ERROR:
        return false;
      default:
        return true;
    }
  }

  std::string describe(const Transfer& transfer, CURLcode code) const {
    switch (code) {
      case CURLE_SEND_FAIL_REWIND:
        return "a kept connection was dead, and what went into it may have arrived";
      case CURLE_OUT_OF_MEMORY:  // also its word for a header line over 100 KB
        return "the headers of the answer are too long, or memory is exhausted";
      case CURLE_GOT_NOTHING:
        return "the server closed the connection without an answer";
      default:
        break;
    }
    const std::string detail(transfer.error.data());
    return printable(detail.empty() ? curl_easy_strerror(code) : detail);
  }

  void end_stalled(Clock::time_point now) {
    std::vector<std::pair<ExchangeId, std::string>> stalled;
    for (auto& [id, entry] : transfers_) {
      Transfer& transfer = *entry;
      CURL* const easy = transfer.easy.get();
      const curl_off_t sent = get_offset(easy, CURLINFO_SIZE_UPLOAD_T);
      // Only what goes out counts: a server that trickles its answer is one that does not answer.
      const curl_off_t moved = sent + get_long(easy, CURLINFO_REQUEST_SIZE);
      if (moved != transfer.moved || transfer.starved || transfer.throttled) {
        transfer.moved = moved;
        transfer.moved_at = now;
        continue;
      }
      const bool all_sent = static_cast<std::uint64_t>(sent) >= transfer.exchange.body_size;
      const auto limit = all_sent ? transfer.exchange.patience : options_.stall_timeout;
      if (now - transfer.moved_at < limit) continue;
      stalled.emplace_back(
          id, all_sent ? fmt::format("the server has not answered for {} s", limit.count())
                       : fmt::format("no byte could be sent for {} s", limit.count()));
    }
    for (auto& [id, message] : stalled)
      if (const auto found = transfers_.find(id); found != transfers_.end())
        finish(found, Error{ErrorKind::unreachable, message, CURLE_OPERATION_TIMEDOUT, true});
  }

  void finish(Transfers::iterator found, Result<Answer> result) {
    const std::unique_ptr<Transfer> transfer = std::move(found->second);
    transfers_.erase(found);
    curl_multi_remove_handle(multi_.get(), transfer->easy.get());
    curl_easy_setopt(transfer->easy.get(), CURLOPT_HTTPHEADER, nullptr);
    if (idle_.size() < kept_handles) idle_.push_back(std::move(transfer->easy));
    transfer->on_answer(std::move(result));
  }

  const Options options_;

  // The network thread's.
  std::unique_ptr<CURLSH, FreeShare> share_;  ///< outlives the handles
  std::unique_ptr<CURLM, FreeMulti> multi_;   ///< set before the thread starts
  std::vector<std::unique_ptr<CURL, FreeEasy>> idle_;
  Transfers transfers_;
  ExchangeId next_id_ = 1;
  RateLimiter limiter_;
  const std::string no_proxy_;
  bool throttled_ = false;  ///< some transfer is
  Clock::time_point throttled_until_{};
  Clock::time_point next_stall_check_{};

  bool stopping_ = false;

  Mailbox mailbox_;
  std::thread thread_;
};

Http::Http(const Options& options) : loop_(std::make_unique<Loop>(options)) {}
Http::~Http() = default;
void Http::post(std::function<void()> work) {
  loop_->post(std::move(work));
}
void Http::post_at(std::chrono::steady_clock::time_point when, std::function<void()> work) {
  loop_->post_at(when, std::move(work));
}
Http::ExchangeId Http::start(const Exchange& exchange, OnAnswer on_answer) {
  return loop_->start(exchange, std::move(on_answer));
}
void Http::cancel(ExchangeId id) {
  loop_->cancel(id);
}
void Http::resume(ExchangeId id) {
  loop_->resume(id);
}

namespace {

using Url = std::unique_ptr<CURLU, void (*)(CURLU*)>;

Result<UrlParts> parts_of(const Url& handle) {
  const auto part = [&](CURLUPart which, unsigned flags = 0) {
    char* text = nullptr;
    if (curl_url_get(handle.get(), which, &text, flags) != CURLUE_OK) return std::string();
    std::string result(text);
    curl_free(text);
    return result;
  };
  UrlParts parts;
  parts.scheme = part(CURLUPART_SCHEME);
  parts.host = part(CURLUPART_HOST);
  parts.port = part(CURLUPART_PORT, CURLU_DEFAULT_PORT);
  std::string host = parts.host;
  std::transform(host.begin(), host.end(), host.begin(), to_lower);
  curl_url_set(handle.get(), CURLUPART_HOST, host.c_str(), 0);
  parts.normal = part(CURLUPART_URL, CURLU_NO_DEFAULT_PORT);
  return parts;
}

Error not_a_url(const std::string& url, CURLUcode code) {
  return {ErrorKind::usage, fmt::format("'{}' is not an absolute URL: {}",
                                        printable(url.substr(0, 300)), curl_url_strerror(code))};
}

}  // namespace

Result<UrlParts> split_url(const std::string& url) {
  const Url handle(curl_url(), curl_url_cleanup);
  if (!handle) throw std::bad_alloc();
  if (const CURLUcode code = curl_url_set(handle.get(), CURLUPART_URL, url.c_str(), 0);
      code != CURLUE_OK)
    return not_a_url(url, code);
  return parts_of(handle);
}

Result<UrlParts> resolve_url(const std::string& base, const std::string& reference) {
  const Url handle(curl_url(), curl_url_cleanup);
  if (!handle) throw std::bad_alloc();
  // The second one is taken as a reference from the first one.
  for (const std::string* url : {&base, &reference})
    if (const CURLUcode code =
            curl_url_set(handle.get(), CURLUPART_URL, url->c_str(), CURLU_DISALLOW_USER);
        code != CURLUE_OK)
      return not_a_url(*url, code);
  curl_url_set(handle.get(), CURLUPART_FRAGMENT, nullptr, 0);
  TRY_ASSIGN(UrlParts parts, parts_of(handle));
  if (parts.scheme != "http" && parts.scheme != "https")
    return Error{ErrorKind::usage,
                 fmt::format("'{}' is no http address", printable(reference.substr(0, 300)))};
  return parts;
}

}  // namespace sluice
