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

/// One exchange on one curl easy handle: http_transfer.cc has how the handle is set up and what
/// curl calls while it runs, http_outcome.cc what came of it. CurlTransport's loop (http.cc) runs
/// any number side by side.
///
/// The network thread's. Curl keeps its address.
class HttpTransfer {
 public:
  using Clock = std::chrono::steady_clock;
  struct FreeEasy {
    void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
  };
  using Easy = std::unique_ptr<CURL, FreeEasy>;

  /// What all transfers of an CurlTransport have in common; outlives them.
  struct Common {
    const CurlTransport::Options options;
    std::vector<int> sockets = {};                ///< that are open; curl closes them
    const std::shared_ptr<NetworkLimits> limits;  ///< not null
    /// Some transfer is paused until the rate limit allows more, which is then.
    std::optional<Clock::time_point> throttled_until = {};
    /// Lets the body that said not_yet be asked again, soon: curl must not be called back from
    /// within.
    std::function<void(Transport::ExchangeId)> resume;
  };

  /// `origin`: of the exchange's URL; outlives it. `easy`: new, or reset.
  HttpTransfer(Common& common, HttpOrigin& origin, Transport::ExchangeId id,
               const Exchange& exchange, Easy easy);
  HttpTransfer(const HttpTransfer&) = delete;
  HttpTransfer& operator=(const HttpTransfer&) = delete;

  Transport::ExchangeId id() const { return id_; }
  CURL* easy() const { return easy_.get(); }
  /// The handle, for another transfer; not while it is curl's multi handle's.
  Easy release();

  /// Its body may have more now: no effect where it did not say not_yet.
  void resume();
  /// The rate limit allows more: no effect where it did not hold this one up.
  void unthrottle();

  /// Whether what curl ended with means that the kept connection was dead, and the server has seen
  /// nothing. curl tries again where it finds that out by reading, and not where it does by
  /// writing.
  bool met_a_dead_connection(CURLcode code) const;
  /// Whether what curl ended with means that this process has no file descriptor left for a
  /// connection. Nothing was sent.
  bool lacks_descriptor(CURLcode code) const {
    return code == CURLE_COULDNT_CONNECT && too_many_files_;
  }
  /// Readies the same exchange once more after lacks_descriptor().
  void connect_again() { try_ = {}; }
  /// Whether the body can be sent once more, which it is set to then.
  bool rewind() { return exchange_.body == nullptr || exchange_.body->rewind(); }
  /// Readies the same exchange once more, over a connection that is not a kept one.
  void start_over();

  /// What it came to, once curl has ended it with `code`. Once.
  Result<Answer> outcome(CURLcode code);
  /// What the kernel knows of its connection, while it is under way.
  std::optional<Answer::Network> network() const;
  /// The error to end it with, if nothing has moved for too long. To be asked again and again.
  std::optional<Error> stalled(Clock::time_point now);

 private:
  struct FreeList {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  };

  void set_up();
  void set_method();
  void add_header(const std::string& header);

  // What curl calls when it closes a socket, which may outlive the transfer; `common` is what all
  // have.
  static CURLcode on_tls(CURL* easy, void* context, void* transfer) noexcept;
  static int on_close_socket(void* common, curl_socket_t fd) noexcept;
  // And of the transfer, which `data` is.
  static curl_socket_t on_open_socket(void* data, curlsocktype type, curl_sockaddr* peer) noexcept;
  static std::size_t on_read(char* into, std::size_t size, std::size_t count, void* data) noexcept;
  static int on_seek(void* data, curl_off_t offset, int origin) noexcept;
  static std::size_t on_header(char* line, std::size_t size, std::size_t count,
                               void* data) noexcept;
  static std::size_t on_write(char* bytes, std::size_t size, std::size_t count,
                              void* data) noexcept;

  void keep_header(std::string_view line);

  /// What curl's error, which is no answer, means.
  Error failure(CURLcode code) const;

  Common& common_;
  HttpOrigin& origin_;
  const Transport::ExchangeId id_;
  const Exchange exchange_;
  Easy easy_;
  std::unique_ptr<curl_slist, FreeList> headers_;
  std::array<char, CURL_ERROR_SIZE> error_{};
  bool body_failed_ = false;
  bool too_many_files_ = false;  ///< for the last socket that was asked for

  /// Of one try; another one begins anew.
  struct Try {
    Answer answer;
    std::size_t header_bytes = 0;  ///< received
    bool head_ended = false;       ///< the answer's, so that its status is not all there is
    std::size_t answer_bytes = 0;  ///< received, kept or not
    std::uint64_t handed = 0;      ///< bytes of the body that curl has taken
    bool starved = false;          ///< paused until resume()
    bool throttled = false;        ///< paused until unthrottle()
    curl_off_t moved = 0;          ///< bytes that had gone out when last looked at
    Clock::time_point moved_at = steady_now();
  };
  Try try_;
};

}  // namespace sluice
