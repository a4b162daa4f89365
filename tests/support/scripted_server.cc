#include "tests/support/scripted_server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <system_error>
#include <thread>
#include <utility>

#include "io/sync.h"
#include "io/unique_fd.h"

namespace sluice::test {
namespace {

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

/// The text between `from` and `to`, from `at` on; nothing if they are not both there. `at` goes
/// behind.
std::optional<std::string> between(const std::string& text, std::string_view from,
                                   std::string_view to, std::size_t& at) {
  const std::size_t begin = text.find(from, at);
  if (begin == std::string::npos) return {};
  const std::size_t end = text.find(to, begin + from.size());
  if (end == std::string::npos) return {};
  at = end + to.size();
  return text.substr(begin + from.size(), end - begin - from.size());
}

/// A body of which the front has come.
struct Multipart {
  std::map<std::string, std::string> fields;
  std::optional<std::size_t> payload_at;  ///< where bytechunk's content begins
  std::string delimiter;                  ///< what ends it
};

Multipart parse_multipart(const std::string& content_type, const std::string& body) {
  Multipart result;
  const std::size_t boundary = content_type.find("boundary=");
  if (boundary == std::string::npos) return result;
  const std::string dashes = "--" + content_type.substr(boundary + 9);
  result.delimiter = "\r\n" + dashes;
  std::size_t at = 0;
  while (const auto headers = between(body, dashes + "\r\n", "\r\n\r\n", at)) {
    std::size_t in_headers = 0;
    const auto name = between(*headers, " name=\"", "\"", in_headers);
    if (!name) break;
    if (*name == "bytechunk") {
      result.payload_at = at;
      break;
    }
    const std::size_t end = body.find(result.delimiter, at);
    if (end == std::string::npos) break;
    result.fields[*name] = body.substr(at, end - at);
    at = end + 2;  // the next part's dashes
  }
  return result;
}

Phase phase_of(const std::string& method, const Multipart& body) {
  if (method == "OPTIONS") return Phase::options;
  const auto phase = body.fields.find("phase");
  if (phase == body.fields.end()) return Phase::other;
  if (phase->second == "setup") return body.fields.contains("filesize") ? Phase::setup : Phase::ask;
  if (phase->second == "verify") return Phase::verify;
  if (phase->second != "transfer") return Phase::other;
  const auto previous = body.fields.find("previous_size");
  return previous != body.fields.end() && previous->second == "-1" ? Phase::probe : Phase::transfer;
}

}  // namespace

std::string http_answer(int status, std::string_view body, std::string_view headers) {
  return fmt::format(
      "HTTP/1.1 {} Whatever\r\nContent-Type: application/json\r\n{}Content-Length: {}\r\n\r\n{}",
      status, headers, body.size(), body);
}

class ScriptedServer::Impl {
 public:
  explicit Impl(std::vector<Fault> faults)
      : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
        stop_(::eventfd(0, EFD_CLOEXEC)),
        release_(::eventfd(0, EFD_CLOEXEC)),
        faults_(std::move(faults)) {
    if (!listener_ || !stop_ || !release_) fail("socket");
    // Small, so that a client whose bytes are not read notices after some and not after megabytes.
    const int room = 64 * 1024;
    ::setsockopt(listener_.get(), SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    if (::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), length) != 0) fail("bind");
    if (::listen(listener_.get(), SOMAXCONN) != 0) fail("listen");
    if (::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0)
      fail("getsockname");
    port_ = ntohs(address.sin_port);
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
    registered_[name] = content;
  }

  void lose_staging() {
    const MutexLock lock(mutex_);
    staged_.clear();
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
    const auto found = registered_.find(name);
    if (found == registered_.end()) return {};
    return found->second;
  }
  int registrations() const {
    const MutexLock lock(mutex_);
    return registrations_;
  }

 private:
  static void signal(const UniqueFd& event) {
    const std::uint64_t one = 1;
    if (::write(event.get(), &one, sizeof one) != sizeof one) fail("write");
  }

  /// Waits for an event on `fd`, or for the end of the server (false), or for release() if that is
  /// asked.
  bool wait_on(int fd, short events, bool released_too = false) const {
    std::array<pollfd, 3> polled{
        {{fd, events, 0}, {stop_.get(), POLLIN, 0}, {release_.get(), POLLIN, 0}}};
    while (::poll(polled.data(), released_too ? 3 : 2, -1) < 0)
      if (errno != EINTR) fail("poll");
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

  /// Appends what has come to `text`; false at the end of the connection or of the server.
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

  /// One request and its answer; false when the connection is over.
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

    // The fields come first, and they tell what the request is.
    Multipart parsed = parse_multipart(request.headers["content-type"], body);
    while (!parsed.payload_at && body.size() < length) {
      if (!receive(fd, body)) return false;
      parsed = parse_multipart(request.headers["content-type"], body);
    }
    request.phase = phase_of(request.method, parsed);
    request.fields = parsed.fields;
    const std::size_t index = record(request);
    const std::optional<Fault> fault = fault_for(index);

    const auto receive_up_to = [&](std::size_t wanted) {
      bool open = true;
      while (open && body.size() < wanted) open = receive(fd, body);
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
    } else {
      if (!receive_up_to(length)) return false;
      if (fault && fault->before) fault->before();
    }
    return fault ? misbehave(fd, *fault, request, parsed, body, length)
                 : send(fd, carry_out(request, parsed, body, {}));
  }

  static void parse_head(const std::string& head, Seen& request) {
    std::size_t at = head.find("\r\n");
    const std::string line = head.substr(0, at);
    request.method = line.substr(0, line.find(' '));
    const std::size_t target = line.find(' ') + 1;
    request.target = line.substr(target, line.rfind(' ') - target);
    while ((at += 2) < head.size()) {
      const std::size_t end = head.find("\r\n", at);
      const std::string field = head.substr(at, end - at);
      const std::size_t colon = field.find(": ");
      if (colon != std::string::npos)
        request.headers[lower(field.substr(0, colon))] = field.substr(colon + 2);
      at = end;
    }
  }

  std::size_t record(const Seen& request) {
    const MutexLock lock(mutex_);
    seen_.push_back(request);
    changed_.notify_all();
    return seen_.size() - 1;
  }

  void note_body(std::size_t index, const std::string& body, const Multipart& parsed,
                 std::size_t length) {
    const MutexLock lock(mutex_);
    seen_[index].complete = body.size() == length;
    seen_[index].payload_size = payload(parsed, body).size();
  }

  static std::string_view payload(const Multipart& parsed, const std::string& body) {
    if (!parsed.payload_at) return {};
    const std::string_view rest = std::string_view(body).substr(*parsed.payload_at);
    return rest.substr(0, rest.rfind(parsed.delimiter));
  }

  int count_locked(Phase phase, std::size_t from) const SLUICE_REQUIRES(mutex_) {
    return static_cast<int>(std::count_if(
        seen_.begin() + static_cast<std::ptrdiff_t>(from), seen_.end(),
        [&](const Seen& seen) { return phase == Phase::any || seen.phase == phase; }));
  }

  std::optional<Fault> fault_for(std::size_t index) {
    const MutexLock lock(mutex_);
    for (const Fault& fault : faults_) {
      const auto meant = [&](const Seen& seen) {
        return (fault.phase == Phase::any || seen.phase == fault.phase) &&
               (!fault.offset || seen.field("previous_size") == std::to_string(*fault.offset));
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
      // A client that goes away makes the connection readable, and so does one that goes on
      // sending, which is not what a held request's client does once its whole request is out;
      // before that, its bytes are to stay where they are.
      wait_on(fd.get(), body.size() < length ? short{POLLRDHUP} : short{POLLIN | POLLRDHUP}, true);
      if (!released()) return false;
      return send(fd, carry_out(request, parsed, body, {}));
    }
    if (fault.carried_out && body.size() == length)
      answer = carry_out(request, parsed, body, fault.keeps);
    if (fault.answer) {
      answer = *fault.answer;
      const std::string mark = "{token}";
      if (const std::size_t at = answer.find(mark); at != std::string::npos) {
        const auto header = request.headers.find("authorization");
        answer.replace(at, mark.size(), header == request.headers.end() ? "" : header->second);
      }
    }
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
        // Shut down first: a close() with unread bytes would be a reset, which may overtake the
        // answer.
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

  /// The phased protocol as it should be: protocol section 1.
  std::string carry_out(const Seen& request, const Multipart& parsed, const std::string& body,
                        std::optional<std::size_t> keeps) {
    const MutexLock lock(mutex_);
    const std::string name = request.field("filename");
    const auto missing = [] {
      return http_answer(500, "No such file or directory @ rb_file_s_size - /staging\n");
    };
    switch (request.phase) {
      case Phase::ask:
      case Phase::setup:
        if (registered_.contains(name))
          return http_answer(
              500, fmt::format("File with the name {} already exists in this dataset.\n", name));
        if (request.phase == Phase::ask) return http_answer(500, "missing paramter: filesize\n");
        staged_.erase(request.target);
        staged_[request.target] = {name, {}};
        return http_answer(200, "successfully set up " + name);
      case Phase::transfer:
      case Phase::probe: {
        const auto staged = staged_.find(request.target);
        if (staged == staged_.end() || staged->second.first != name) return missing();
        std::string& held = staged->second.second;
        const std::string previous = request.field("previous_size");
        if (previous != std::to_string(held.size()))
          return http_answer(
              200,
              fmt::format(
                  R"({{"error":"Unexpected previous_size value.  Expected: {}, Recieved: {}\n",)"
                  R"("progress":{},"status":500}})",
                  held.size(), previous, held.size()));
        held += payload(parsed, body).substr(0, keeps.value_or(std::string::npos));
        return http_answer(200, "successfully added chunk to " + name);
      }
      case Phase::verify: {
        const auto staged = staged_.find(request.target);
        if (staged == staged_.end() || staged->second.first != name) return missing();
        registered_[name] = staged->second.second;
        ++registrations_;
        staged_.erase(staged);
        return http_answer(
            200, name +
                     " successfully uploaded.  Refresh dataset page to see newly uploaded "
                     "file. http://localhost/datasets/KEY/edit");
      }
      case Phase::options:
      case Phase::other:
      case Phase::any:
        break;
    }
    return http_answer(500, "invalid request");
  }

  const UniqueFd listener_;
  const UniqueFd stop_;     ///< readable once the server is to end
  const UniqueFd release_;  ///< readable once what is held is to go on
  std::uint16_t port_ = 0;

  mutable Mutex mutex_;
  CondVar changed_;
  std::vector<Fault> faults_ SLUICE_GUARDED_BY(mutex_);
  std::size_t counted_from_ SLUICE_GUARDED_BY(mutex_) = 0;  ///< occurrences, in seen_
  std::vector<Seen> seen_ SLUICE_GUARDED_BY(mutex_);
  int connections_ SLUICE_GUARDED_BY(mutex_) = 0;
  /// By the request's target: the name and the bytes.
  std::map<std::string, std::pair<std::string, std::string>> staged_ SLUICE_GUARDED_BY(mutex_);
  std::map<std::string, std::string> registered_ SLUICE_GUARDED_BY(mutex_);
  int registrations_ SLUICE_GUARDED_BY(mutex_) = 0;

  std::vector<std::thread> threads_;  ///< the acceptor's, then the destructor's
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
void ScriptedServer::lose_staging() {
  impl_->lose_staging();
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
