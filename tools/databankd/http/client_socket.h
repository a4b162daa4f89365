#pragma once

#include <chrono>
#include <string_view>

/// Operations of faults on the TCP socket of a connection. Call on the connection's thread.
namespace sluice::databankd {

/// Aborts the connection with a RST: data in flight in both directions are lost. The descriptor
/// stays open but is unusable.
void reset(int socket);

/// Blocks until the client shuts down its side or disconnects, the server ends, or `deadline`.
void wait_until_gone(int socket, std::chrono::steady_clock::time_point deadline =
                                     std::chrono::steady_clock::time_point::max());

/// Returns whether data arrived or the connection ended before `limit` passed.
bool wait_until_readable(int socket, std::chrono::microseconds limit);

/// Sends `answer` in the middle of a request, bypassing libmicrohttpd, shuts down the sending side,
/// and waits until the client has closed the connection, at most 5 seconds; discards what the
/// client sends meanwhile.
void answer_and_end(int socket, std::string_view answer);

/// Sends `bytes`, at most a few hundred, bypassing libmicrohttpd.
void send_now(int socket, std::string_view bytes);

/// Blocks until the client's kernel has acknowledged everything sent, so that a reset cannot
/// overtake it. At most 5 seconds, and only while the client is connected.
void wait_until_received(int socket);

}  // namespace sluice::databankd
