#pragma once

#include <chrono>
#include <string_view>

/// What the faults do to a connection's TCP socket. On the connection's own thread.
namespace sluice::databankd {

/// Breaks the connection off with a RST: what was still under way, in either direction, is lost.
/// The descriptor stays open, and is of no further use.
void reset(int socket);

/// Waits until the client shuts down its side or is gone, or until the server ends, but not beyond
/// `deadline`.
void wait_until_gone(int socket, std::chrono::steady_clock::time_point deadline =
                                     std::chrono::steady_clock::time_point::max());

/// Whether more bytes have come, or the connection has ended in whatever way, before so much time
/// has passed.
bool wait_until_readable(int socket, std::chrono::microseconds limit);

/// Sends `answer` past libmicrohttpd, in the middle of a request, says that no more will come, and
/// waits until the client has seen it: 5 seconds at most, and what it still sends is dropped.
void answer_and_end(int socket, std::string_view answer);

/// Sends `bytes`, a few hundred at most, past libmicrohttpd.
void send_now(int socket, std::string_view bytes);

/// Waits until the client's machine has confirmed all that was sent, so that a reset cannot
/// overtake it; 5 seconds at most, and no longer than the client is there.
void wait_until_received(int socket);

}  // namespace sluice::databankd
