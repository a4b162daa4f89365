#include "tests/torture/directory_watch.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <system_error>

namespace sluice::torture {
namespace {

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

DirectoryWatch::DirectoryWatch(
    const std::map<std::filesystem::path, std::function<void()>>& directories)
    : inotify_(::inotify_init1(IN_CLOEXEC)), stop_(::eventfd(0, EFD_CLOEXEC)) {
  if (!inotify_ || !stop_) fail("inotify_init1");
  for (const auto& [directory, callback] : directories) {
    const int watch = ::inotify_add_watch(
        inotify_.get(), directory.c_str(),
        IN_OPEN | IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_CLOSE_WRITE);
    if (watch < 0) fail("inotify_add_watch");
    callbacks_[watch] = callback;
  }
  thread_ = std::thread([this] { watch(); });
}

DirectoryWatch::~DirectoryWatch() {
  const std::uint64_t one = 1;
  static_cast<void>(!::write(stop_.get(), &one, sizeof one));
  thread_.join();
}

void DirectoryWatch::watch() {
  alignas(inotify_event) std::array<char, 65536> buffer;
  while (true) {
    std::array<pollfd, 2> polled{{{inotify_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
    while (::poll(polled.data(), polled.size(), -1) < 0)
      if (errno != EINTR) fail("poll");
    if (polled[1].revents != 0) return;
    const ssize_t got = ::read(inotify_.get(), buffer.data(), buffer.size());
    if (got < 0) continue;
    for (std::size_t at = 0; at < static_cast<std::size_t>(got);) {
      inotify_event event;
      std::memcpy(&event, buffer.data() + at, sizeof event);
      if (const auto found = callbacks_.find(event.wd); found != callbacks_.end()) found->second();
      at += sizeof event + event.len;
    }
  }
}

}  // namespace sluice::torture
