#pragma once

/// How many bytes the kernel accepts before the peer reads differs between hosts: 4 MiB with
/// Debian's tcp_wmem, 256 MiB on a host that is tuned for long links. A test of a request that
/// fails half-way must not depend on that.
///
/// In programs that link `socket_buffers`, calls of socket() go through socket_buffers.cc.
namespace sluice::test {

/// While an object exists, new TCP sockets of this process get a send buffer of about 128 KiB that
/// does not grow. Not nested. Created and destroyed while no other thread creates sockets.
class SmallSendBuffers {
 public:
  SmallSendBuffers();
  ~SmallSendBuffers();
  SmallSendBuffers(const SmallSendBuffers&) = delete;
  SmallSendBuffers& operator=(const SmallSendBuffers&) = delete;
};

}  // namespace sluice::test
