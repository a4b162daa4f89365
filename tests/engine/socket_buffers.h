#pragma once

/// What the kernel takes of a request before the peer reads it differs between hosts: 4 MiB with
/// Debian's tcp_wmem, 256 MiB on a host that is tuned for long links. A test of a request that
/// breaks off half-way must not depend on that.
///
/// Programs that link `socket_buffers` have their calls of socket() passed through this file.
namespace sluice::test {

/// While one exists, TCP sockets made by this process get a send buffer of some 128 KiB that does
/// not grow. Not nested; made and destroyed while no other thread makes sockets.
class SmallSendBuffers {
 public:
  SmallSendBuffers();
  ~SmallSendBuffers();
  SmallSendBuffers(const SmallSendBuffers&) = delete;
  SmallSendBuffers& operator=(const SmallSendBuffers&) = delete;
};

}  // namespace sluice::test
