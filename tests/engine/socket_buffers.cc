#include "tests/engine/socket_buffers.h"

#include <sys/socket.h>

#include <atomic>

namespace {

std::atomic<bool> small = false;

}  // namespace

extern "C" {

int __real_socket(int domain, int type, int protocol);

int __wrap_socket(int domain, int type, int protocol) {
  const int fd = __real_socket(domain, type, protocol);
  // The kernel doubles it, and lets a buffer that was set not grow (socket(7), tcp(7)).
  const int bytes = 64 * 1024;
  if (fd >= 0 && small && (type & 0xf) == SOCK_STREAM)
    ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
  return fd;
}

}  // extern "C"

namespace sluice::test {

SmallSendBuffers::SmallSendBuffers() {
  small = true;
}
SmallSendBuffers::~SmallSendBuffers() {
  small = false;
}

}  // namespace sluice::test
