#include "tools/databankd/http/http_server.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <microhttpd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <exception>
#include <system_error>
#include <utility>

#include "tools/databankd/base/log.h"
#include "tools/databankd/http/request.h"

namespace sluice::databankd {
namespace {

// A connection reads up to half of its memory at once, and the form parser copies that through a
// buffer of its own (request.cc); together they should fit into a core's L2 cache. Of 256 KiB to 4
// MiB and 64 to 512 KiB, these took the least CPU time for a body of 4 GiB: 1.4 s, against 1.6 s
// with 1 MiB and 2 s with 4 MiB.
constexpr std::size_t connection_memory = std::size_t{512} << 10;

/// libmicrohttpd calls this once with the headers, then for each piece of the body, then at the
/// end. Like the Data Bank, sends the response after the whole body, even if the headers already
/// determine it.
MHD_Result on_request(void* server, MHD_Connection* connection, const char* path,
                      const char* method, const char*, const char* data, std::size_t* size,
                      void** slot) {
  try {
    if (*slot == nullptr) {
      *slot = new Request(*static_cast<HttpServer*>(server), connection, path, method);
      return MHD_YES;
    }
    Request& request = *static_cast<Request*>(*slot);
    if (*size == 0) return request.finish();
    if (!request.body(data, *size)) return MHD_NO;
    *size = 0;
    return MHD_YES;
  } catch (const std::exception& bug) {
    log_line(fmt::format("internal error: {}", bug.what()));
    return MHD_NO;  // closes the connection
  }
}

/// Called at the end of each request passed to on_request, completed or not.
void on_end(void*, MHD_Connection*, void** slot, enum MHD_RequestTerminationCode) {
  delete static_cast<Request*>(std::exchange(*slot, nullptr));
}

__attribute__((format(printf, 2, 0))) void on_library_message(void* server, const char* format,
                                                              va_list arguments) {
  if (static_cast<const HttpServer*>(server)->log() != HttpServer::Log::requests) return;
  char text[512];
  std::vsnprintf(text, sizeof text, format, arguments);
  log_line(quoted(text));
}

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::start(DataBank& bank, FaultPlan& faults,
                                                      Listener listener, Options options) {
  // libmicrohttpd closes its socket, but not in every case: give it a duplicate.
  const int socket = ::fcntl(listener.fd.get(), F_DUPFD_CLOEXEC, 0);
  if (socket < 0) {
    return Error{.kind = ErrorKind::failed,
                 .message = fmt::format("cannot start the HTTP server at {}: {}", listener.url,
                                        std::system_category().message(errno)),
                 .code = errno};
  }
  std::unique_ptr<HttpServer> server(
      new HttpServer(bank, faults, std::move(listener), std::move(options)));
  // NOLINTNEXTLINE: a C varargs interface
  server->daemon_ =
      MHD_start_daemon(MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD |
                           MHD_USE_POLL | MHD_USE_ITC | MHD_USE_ERROR_LOG,
                       0, nullptr, nullptr, &on_request, server.get(), MHD_OPTION_EXTERNAL_LOGGER,
                       &on_library_message, server.get(), MHD_OPTION_LISTEN_SOCKET, socket,
                       MHD_OPTION_CONNECTION_MEMORY_LIMIT, connection_memory,
                       MHD_OPTION_NOTIFY_COMPLETED, &on_end, nullptr, MHD_OPTION_END);
  if (server->daemon_ == nullptr) {
    return Error{.kind = ErrorKind::failed,
                 .message = fmt::format("cannot start the HTTP server at {}: {}", server->url(),
                                        std::system_category().message(errno)),
                 .code = errno};
  }
  return server;
}

HttpServer::~HttpServer() {
  threads_.end();
  if (daemon_ != nullptr) MHD_stop_daemon(daemon_);
}

}  // namespace sluice::databankd
