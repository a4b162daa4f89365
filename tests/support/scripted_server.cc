#include "tests/support/scripted_server.h"

#include <fmt/format.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <system_error>
#include <thread>
#include <utility>

#include "io/sync.h"
#include "io/unique_fd.h"
#include "tests/support/loopback.h"
#include "tests/support/scripted_bank.h"

namespace sluice::test {
namespace {

[[noreturn]] void fail_errno(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

class ScriptedServer::Impl {
 public:
  explicit Impl(std::vector<Fault> faults)
      : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
        stop_(::eventfd(0, EFD_CLOEXEC)),
        release_(::eventfd(0, EFD_CLOEXEC)),
        port_(listen(listener_.get())),
        faults_(std::move(faults)),
        bank_(url()) {
    if (!stop_ || !release_) fail_errno("eventfd");
    acceptor_ = std::thread([this] { accept_all(); });
  }

  ~Impl() {
    signal(stop_);
    acceptor_.join();
    for (std::thread& thread : threads_) thread.join();
  }

  std::string url() const { return fmt::format("http://127.0.0.1:{}", port_); }

  void set_faults(std::vector<Fault> faults) {
    const MutexLock lock(mutex_);
    faults_ = std::move(faults);
    counted_from_ = seen_.size();
  }

  void add_file(const std::string& name, const std::string& content) {
    const MutexLock lock(mutex_);
    bank_.add_file(name, content);
  }

  void store_as(const std::string& name, const std::string& stored) {
    const MutexLock lock(mutex_);
    bank_.store_as(name, stored);
  }

  void lose_staging() {
    const MutexLock lock(mutex_);
    bank_.lose_staging();
  }

  void set_tus_rules(const TusRules& rules) {
    const MutexLock lock(mutex_);
    bank_.tus().set_rules(rules);
  }
  void watch_patches(std::function<void(std::uint64_t)> watch) { watch_ = std::move(watch); }
  std::size_t tus_uploads() const {
    const MutexLock lock(mutex_);
    return bank_.tus().count();
  }

  void release() { signal(release_); }

  bool wait_for(Phase phase, int count) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    const MutexLock lock(mutex_);
    while (count_locked(phase, 0) < count)
      if (!changed_.wait_until(mutex_, deadline)) return count_locked(phase, 0) >= count;
    return true;
  }

  std::vector<Seen> seen() const {
    const MutexLock lock(mutex_);
    return seen_;
  }
  int count(Phase phase) const {
    const MutexLock lock(mutex_);
    return count_locked(phase, 0);
  }
  int connections() const {
    const MutexLock lock(mutex_);
    return connections_;
  }
  std::optional<std::string> registered(const std::string& name) const {
    const MutexLock lock(mutex_);
    return bank_.registered(name);
  }
  int registrations() const {
    const MutexLock lock(mutex_);
    return bank_.registrations();
  }

 private:
  static std::uint16_t listen(int socket) {
    // Small, so that a client notices after few bytes if they are not read.
    const int room = 64 * 1024;
    ::setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    return listen_on_loopback(socket);
  }

  static void signal(const UniqueFd& event) {
    const std::uint64_t one = 1;
    if (::write(event.get(), &one, sizeof one) != sizeof one) fail_errno("write");
  }

  /// Waits for an event on `fd`; with `released_too`, also for release(). Returns false at the end
  /// of the server.
  bool wait_on(int fd, short events, bool released_too = false) const {
    std::array<pollfd, 3> polled{
        {{fd, events, 0}, {stop_.get(), POLLIN, 0}, {release_.get(), POLLIN, 0}}};
    while (::poll(polled.data(), released_too ? 3 : 2, -1) < 0)
      if (errno != EINTR) fail_errno("poll");
    return polled[1].revents == 0;
  }

  void accept_all() {
    while (wait_on(listener_.get(), POLLIN)) {
      UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (!fd) continue;
      const int on = 1;
      ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      int number;
      {
        const MutexLock lock(mutex_);
        number = connections_++;
      }
      threads_.emplace_back(
          [this, number, owned = std::move(fd)]() mutable { serve(std::move(owned), number); });
    }
  }

  /// Appends received bytes to `text`. Returns false at the end of the connection or of the server.
  bool receive(const UniqueFd& fd, std::string& text) const {
    std::array<char, 65536> buffer{};
    while (true) {
      const ssize_t got = ::recv(fd.get(), buffer.data(), buffer.size(), 0);
      if (got > 0) {
        text.append(buffer.data(), static_cast<std::size_t>(got));
        return true;
      }
      if (got == 0 || (errno != EAGAIN && errno != EINTR)) return false;
      if (!wait_on(fd.get(), POLLIN)) return false;
    }
  }

  bool send(const UniqueFd& fd, std::string_view text) const {
    while (!text.empty()) {
      const ssize_t sent = ::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL);
      if (sent >= 0)
        text.remove_prefix(static_cast<std::size_t>(sent));
      else if (errno != EAGAIN && errno != EINTR)
        return false;
      else if (!wait_on(fd.get(), POLLOUT))
        return false;
    }
    return true;
  }

  void serve(UniqueFd fd, int connection) {
    std::string input;
    while (serve_request(fd, connection, input)) {
    }
  }

  /// Receives a request and responds. Returns false at the end of the connection.
  bool serve_request(UniqueFd& fd, int connection, std::string& input) {
    Seen request;
    request.connection = connection;
    std::size_t body_at;
    while ((body_at = input.find("\r\n\r\n")) == std::string::npos)
      if (!receive(fd, input)) return false;
    body_at += 4;
    parse_head(input.substr(0, body_at), request);
    const std::size_t length = std::stoull("0" + request.headers["content-length"]);
    std::string body = input.substr(body_at);
    input.clear();

    // The fields come first, and determine the phase.
    Multipart parsed;
    if (request.method == "PATCH")
      parsed.payload_at = 0;
    else
      parsed = parse_multipart(request.headers["content-type"], body);
    while (!parsed.payload_at && body.size() < length) {
      if (!receive(fd, body)) return false;
      parsed = parse_multipart(request.headers["content-type"], body);
    }
    request.phase = phase_of(request, parsed);
    request.fields = parsed.fields;
    const std::pair<std::size_t, std::optional<Fault>> recorded = record(request);
    const std::size_t index = recorded.first;
    const std::optional<Fault>& fault = recorded.second;

    const auto receive_up_to = [&](std::size_t wanted) {
      bool open = true;
      watch(request, std::min(body.size(), length));
      while (open && body.size() < wanted) {
        open = receive(fd, body);
        watch(request, std::min(body.size(), length));
      }
      if (body.size() > length) {
        input = body.substr(length);
        body.resize(length);
      }
      note_body(index, body, parsed, length);
      return open;
    };
    std::optional<std::size_t> after = fault ? fault->after_body_bytes : std::nullopt;
    if (fault && fault->after_payload_bytes)
      after = parsed.payload_at.value_or(0) + *fault->after_payload_bytes;
    if (after) {
      if (!receive_up_to(std::min(length, *after))) return false;
      if (fault->before) fault->before();
      const bool early = fault->answer || fault->then != Fault::Then::keep_open;
      if (!early && !receive_up_to(length)) return false;
    } else if (!receive_up_to(length)) {
      // Keep the received bytes of an incomplete chunk.
      if (!fault && request.phase == Phase::patch) carry_out(request, parsed, body, {});
      return false;
    } else if (fault && fault->before) {
      fault->before();
    }
    return fault ? misbehave(fd, *fault, request, parsed, body, length)
                 : send(fd, carry_out(request, parsed, body, {}));
  }

  void watch(const Seen& request, std::size_t came) const {
    if (request.phase == Phase::patch && watch_) watch_(std::stoull("0" + request.offset()) + came);
  }

  /// Records a request. Returns its index and its fault, under one lock: a test that sees the
  /// request may replace the faults at once, and the new ones must not apply to it.
  std::pair<std::size_t, std::optional<Fault>> record(const Seen& request) {
    const MutexLock lock(mutex_);
    seen_.push_back(request);
    changed_.notify_all();
    const std::size_t index = seen_.size() - 1;
    return {index, fault_for(index)};
  }

  void note_body(std::size_t index, const std::string& body, const Multipart& parsed,
                 std::size_t length) {
    const MutexLock lock(mutex_);
    seen_[index].complete = body.size() == length;
    seen_[index].payload_size = payload_of(parsed, body).size();
  }

  std::string carry_out(const Seen& request, const Multipart& parsed, const std::string& body,
                        std::optional<std::size_t> keeps) {
    const MutexLock lock(mutex_);
    return bank_.carry_out(request, parsed, body, keeps);
  }

  int count_locked(Phase phase, std::size_t from) const SLUICE_REQUIRES(mutex_) {
    return static_cast<int>(std::count_if(
        seen_.begin() + static_cast<std::ptrdiff_t>(from), seen_.end(),
        [&](const Seen& seen) { return phase == Phase::any || seen.phase == phase; }));
  }

  std::optional<Fault> fault_for(std::size_t index) const SLUICE_REQUIRES(mutex_) {
    for (const Fault& fault : faults_) {
      const auto meant = [&](const Seen& seen) {
        return (fault.phase == Phase::any || seen.phase == fault.phase) &&
               (!fault.offset || seen.offset() == std::to_string(*fault.offset));
      };
      if (!meant(seen_[index])) continue;
      int before = 0;
      for (std::size_t i = counted_from_; i < index; ++i)
        if (meant(seen_[i])) ++before;
      if (fault.occurrence < 0 || fault.occurrence == before) return fault;
    }
    return {};
  }

  bool misbehave(UniqueFd& fd, const Fault& fault, const Seen& request, const Multipart& parsed,
                 const std::string& body, std::size_t length) {
    std::string answer;
    if (fault.then == Fault::Then::hold) {
      // POLLRDHUP reports that the client has disconnected. After a complete request, more bytes
      // also end the wait; before that, they must stay unread.
      wait_on(fd.get(), body.size() < length ? short{POLLRDHUP} : short{POLLIN | POLLRDHUP}, true);
      if (!released()) return false;
      return send(fd, carry_out(request, parsed, body, {}));
    }
    if (fault.carried_out && (body.size() == length || request.phase == Phase::patch))
      answer = carry_out(request, parsed, body, fault.keeps);
    if (fault.answer) {
      answer = *fault.answer;
      const std::string mark = "{token}";
      if (const std::size_t at = answer.find(mark); at != std::string::npos) {
        const auto header = request.headers.find("authorization");
        answer.replace(at, mark.size(), header == request.headers.end() ? "" : header->second);
      }
    }
    // No client reads a body after a response to HEAD.
    if (request.phase == Phase::head && !fault.endless)
      answer.resize(std::min(answer.size(), answer.find("\r\n\r\n") + 4));
    bool open = true;
    if (fault.byte_by_byte) {
      for (std::size_t i = 0; i < answer.size() && open; ++i) open = send(fd, answer.substr(i, 1));
    } else {
      open = send(fd, answer);
    }
    if (fault.endless && !answer.empty()) {
      const std::string more(4096, answer.back());
      while (open) open = send(fd, more);
    }
    if (fault.trickles)
      while (open) {
        pollfd pace{release_.get(), POLLIN, 0};
        ::poll(&pace, 1, 20);
        open = send(fd, answer.substr(answer.size() - 1));
      }
    switch (fault.then) {
      case Fault::Then::keep_open:
      case Fault::Then::hold:
        return open && body.size() == length;
      case Fault::Then::close:
        // Shut down instead of closing: close() with unread bytes sends a reset, which may arrive
        // before the response.
        ::shutdown(fd.get(), SHUT_WR);
        if (body.size() < length) {
          std::string dropped;
          while (receive(fd, dropped)) dropped.clear();
        }
        return false;
      case Fault::Then::reset: {
        const linger now{1, 0};
        ::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
        return false;
      }
    }
    return false;
  }

  bool released() const {
    pollfd polled{release_.get(), POLLIN, 0};
    return ::poll(&polled, 1, 0) == 1;
  }

  const UniqueFd listener_;
  const UniqueFd stop_;     ///< readable at the end of the server
  const UniqueFd release_;  ///< readable after release()
  const std::uint16_t port_;

  mutable Mutex mutex_;
  CondVar changed_;
  std::vector<Fault> faults_ SLUICE_GUARDED_BY(mutex_);
  std::size_t counted_from_ SLUICE_GUARDED_BY(mutex_) = 0;  ///< index in seen_ from which
                                                            ///< occurrences count
  std::vector<Seen> seen_ SLUICE_GUARDED_BY(mutex_);
  int connections_ SLUICE_GUARDED_BY(mutex_) = 0;
  ScriptedBank bank_ SLUICE_GUARDED_BY(mutex_);
  std::function<void(std::uint64_t)> watch_;  ///< set before the first connection

  std::vector<std::thread> threads_;  ///< the acceptor's; joined by the destructor
  std::thread acceptor_;
};

ScriptedServer::ScriptedServer(std::vector<Fault> faults)
    : impl_(std::make_unique<Impl>(std::move(faults))) {}
ScriptedServer::~ScriptedServer() = default;
std::string ScriptedServer::url() const {
  return impl_->url();
}
void ScriptedServer::set_faults(std::vector<Fault> faults) {
  impl_->set_faults(std::move(faults));
}
void ScriptedServer::add_file(const std::string& name, const std::string& content) {
  impl_->add_file(name, content);
}
void ScriptedServer::store_as(const std::string& name, const std::string& stored) {
  impl_->store_as(name, stored);
}
void ScriptedServer::lose_staging() {
  impl_->lose_staging();
}
void ScriptedServer::set_tus_rules(const TusRules& rules) {
  impl_->set_tus_rules(rules);
}
void ScriptedServer::watch_patches(std::function<void(std::uint64_t)> watch) {
  impl_->watch_patches(std::move(watch));
}
std::size_t ScriptedServer::tus_uploads() const {
  return impl_->tus_uploads();
}
void ScriptedServer::release() {
  impl_->release();
}
bool ScriptedServer::wait_for(Phase phase, int count) {
  return impl_->wait_for(phase, count);
}
std::vector<Seen> ScriptedServer::seen() const {
  return impl_->seen();
}
int ScriptedServer::count(Phase phase) const {
  return impl_->count(phase);
}
int ScriptedServer::connections() const {
  return impl_->connections();
}
std::optional<std::string> ScriptedServer::registered(const std::string& name) const {
  return impl_->registered(name);
}
int ScriptedServer::registrations() const {
  return impl_->registrations();
}

}  // namespace sluice::test
