#include "tests/torture/killer.h"

#include <fmt/format.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace sluice::torture {
namespace {

/// The field in the body of the request that registers the file.
constexpr std::string_view verify_field = "name=\"phase\"\r\n\r\nverify";
constexpr std::string_view register_field = "name=\"tus_url\"";
/// The end of a multipart body.
constexpr std::string_view body_end = "--\r\n";

}  // namespace

std::string to_string(const Instant& instant) {
  const char* const events[] = {"bytes sent", "bytes received", "changes of the state directory",
                                "changes of the receipts"};
  const char* const moments[] = {"", " after the start of verify", " after the end of verify",
                                 " after the response to verify"};
  return fmt::format("{} {}{}", instant.count, events[static_cast<int>(instant.event)],
                     moments[static_cast<int>(instant.from)]);
}

void Killer::arm(pid_t pid, int signal, std::vector<Instant> instants) {
  const MutexLock lock(mutex_);
  // A pidfd, not the pid, which may belong to another process later.
  process_ = UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!process_) throw std::system_error(errno, std::generic_category(), "pidfd_open");
  signal_ = signal;
  armed_.clear();
  for (const Instant& instant : instants) armed_.push_back({instant});
  struck_ = false;
  reached_ = Instant::From::start;
  verify_connection_ = -1;
  tails_.clear();
}

bool Killer::disarm() {
  const MutexLock lock(mutex_);
  process_.reset();
  return std::exchange(struck_, false);
}

void Killer::passing(int connection, test::Way way, std::string_view bytes) {
  const MutexLock lock(mutex_);
  if (!process_) return;
  if (way == test::Way::up) {
    std::string& tail = tails_[connection];
    tail += bytes;
    if (tail.find(verify_field) != std::string::npos ||
        tail.find(register_field) != std::string::npos) {
      reached_ = Instant::From::verify;
      verify_connection_ = connection;
    }
    if (connection == verify_connection_ && reached_ == Instant::From::verify &&
        tail.ends_with(body_end))
      reached_ = Instant::From::verify_complete;
    if (tail.size() >= verify_field.size()) tail.erase(0, tail.size() - (verify_field.size() - 1));
    count(Instant::Event::bytes_up, bytes.size());
  } else {
    if (connection == verify_connection_) reached_ = Instant::From::verify_answer;
    count(Instant::Event::bytes_down, bytes.size());
  }
}

void Killer::happened(Instant::Event event) {
  const MutexLock lock(mutex_);
  if (process_) count(event, 1);
}

void Killer::count(Instant::Event event, std::uint64_t times) {
  for (Armed& armed : armed_) {
    if (struck_ || armed.instant.event != event || armed.instant.from > reached_) continue;
    armed.seen += times;
    if (armed.seen < armed.instant.count) continue;
    // The process may have ended by itself, which its parent notices.
    struck_ = ::syscall(SYS_pidfd_send_signal, process_.get(), signal_, nullptr, 0) == 0;
  }
}

}  // namespace sluice::torture
