#pragma once

#include <curl/curl.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/clock.h"
#include "engine/http/curl_transport.h"
#include "engine/http/http_origin.h"
#include "engine/http/network_limits.h"

namespace sluice {

/// One exchange on one curl easy handle. http_transfer.cc sets up the handle and implements curl's
/// callbacks; http_outcome.cc evaluates the result. The loop of CurlTransport (curl_transport.cc)
/// runs any number of transfers concurrently.
///
/// Network thread only. Not movable, because curl keeps the object's address.
class HttpTransfer {
 public:
  using Clock = std::chrono::steady_clock;
  struct FreeEasy {
    void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
  };
  using Easy = std::unique_ptr<CURL, FreeEasy>;

  /// The state that all transfers of one CurlTransport share; outlives the transfers.
  struct Common {
    /// The options of the CurlTransport.
    const CurlTransport::Options options;
    std::vector<int> sockets = {};                ///< open sockets; curl closes them
    const std::shared_ptr<NetworkLimits> limits;  ///< not null
    /// Set while a transfer is paused by the rate limit: the time at which sending can continue.
    std::optional<Clock::time_point> throttled_until = {};
    /// Schedules a later resume() of a transfer whose body returned not_yet, because curl must not
    /// be called from within a callback.
    std::function<void(Transport::ExchangeId)> resume;
  };

  /// `origin`: that of the exchange's URL; outlives the transfer. `easy`: a new or reset handle.
  HttpTransfer(Common& common, HttpOrigin& origin, Transport::ExchangeId id,
               const Exchange& exchange, Easy easy);
  HttpTransfer(const HttpTransfer&) = delete;
  HttpTransfer& operator=(const HttpTransfer&) = delete;

  Transport::ExchangeId id() const { return id_; }
  CURL* easy() const { return easy_.get(); }
  /// Returns the handle for reuse. The handle must not be in curl's multi handle.
  Easy release();

  /// Continues a body that returned not_yet; no effect otherwise.
  void resume();
  /// Continues a transfer that the rate limit paused; no effect otherwise.
  void unthrottle();

  /// Whether `code` means that the kept connection was dead: sending or receiving failed before a
  /// response arrived. rewind() decides whether the exchange is safe to retry. curl itself retries
  /// if it detects a dead connection by reading, but not if it does so by writing.
  bool met_a_dead_connection(CURLcode code) const;
  /// Whether `code` means that this process has no file descriptor left for a connection. No byte
  /// was sent.
  bool lacks_descriptor(CURLcode code) const {
    return code == CURLE_COULDNT_CONNECT && too_many_files_;
  }
  /// Prepares the same exchange for another try after lacks_descriptor().
  void connect_again() { try_ = {}; }
  /// Restarts the body from its first byte. Returns false if that is impossible or the request is
  /// not safe to retry; true for a request without a body.
  bool rewind() { return exchange_.body == nullptr || exchange_.body->rewind(); }
  /// Prepares the same exchange for another try on a new connection.
  void start_over();

  /// Returns the result of the exchange after curl has ended it with `code`. Call once.
  Result<Answer> outcome(CURLcode code);
  /// Returns the kernel's data about the connection while the exchange is in flight; nullopt
  /// without a connection.
  std::optional<Answer::Network> network() const;
  /// Returns a timeout error if the exchange has made no progress for too long, else nullopt. Call
  /// it periodically.
  std::optional<Error> stalled(Clock::time_point now);

 private:
  struct FreeList {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  };

  /// Sets all options of the handle. Throws std::runtime_error or std::bad_alloc.
  void set_up();
  /// Sets the HTTP method and the source of the body.
  void set_method();
  /// Appends a header line to headers_. Throws std::bad_alloc.
  void add_header(const std::string& header);

  // Callbacks for sockets. curl may call on_close_socket() after the transfer has ended, so its
  // context is Common.
  /// Watches the issuer of rejected certificates on a new TLS context.
  static CURLcode on_tls(CURL* easy, void* context, void* transfer) noexcept;
  /// Closes `fd` and removes it from Common::sockets.
  static int on_close_socket(void* common, curl_socket_t fd) noexcept;
  // Callbacks of one transfer; `data` is the HttpTransfer.
  /// Creates a socket and sets its options; CURL_SOCKET_BAD without a descriptor.
  static curl_socket_t on_open_socket(void* data, curlsocktype type, curl_sockaddr* peer) noexcept;
  /// Reads the body within the rate limit; pauses the transfer if the limit or the body has no
  /// bytes.
  static std::size_t on_read(char* into, std::size_t size, std::size_t count, void* data) noexcept;
  /// Restarts the body; supports offset 0 only.
  static int on_seek(void* data, curl_off_t offset, int origin) noexcept;
  /// Receives one header line.
  static std::size_t on_header(char* line, std::size_t size, std::size_t count,
                               void* data) noexcept;
  /// Receives a piece of the response body.
  static std::size_t on_write(char* bytes, std::size_t size, std::size_t count,
                              void* data) noexcept;

  /// Adds the header in `line` to the Answer; ignores a line without a colon.
  void keep_header(std::string_view line);

  /// Returns the error for a curl error `code` without a usable response.
  Error failure(CURLcode code) const;

  Common& common_;
  HttpOrigin& origin_;
  const Transport::ExchangeId id_;
  const Exchange exchange_;
  Easy easy_;
  std::unique_ptr<curl_slist, FreeList> headers_;
  std::array<char, CURL_ERROR_SIZE> error_{};  ///< curl's message
  bool body_failed_ = false;                   ///< the body returned Next::failed
  bool too_many_files_ = false;                ///< the last socket() failed for lack of descriptors

  /// The state of one try; a retry starts with a new one.
  struct Try {
    Answer answer;
    std::size_t header_bytes = 0;      ///< header bytes received
    bool head_ended = false;           ///< the response's header section is complete
    std::size_t answer_bytes = 0;      ///< body bytes received, kept or dropped
    std::uint64_t passed_to_curl = 0;  ///< body bytes passed to curl
    bool starved = false;              ///< paused until resume()
    bool throttled = false;            ///< paused until unthrottle()
    curl_off_t moved = 0;              ///< bytes sent at the last call of stalled()
    Clock::time_point moved_at = steady_now();
  };
  Try try_;
};

}  // namespace sluice
