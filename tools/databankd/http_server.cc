#include "tools/databankd/http_server.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <microhttpd.h>

#include <cerrno>
#include <chrono>
#include <cstdarg>
#include <cstring>
#include <exception>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <utility>

#include "tools/databankd/files.h"
#include "tools/databankd/phased.h"

namespace sluice::databankd {
namespace {

// A connection reads up to half of its memory at once, and the form parser copies that through a
// buffer of its own; together they should stay in a core's L2 cache. Of 256 KiB to 4 MiB and 64 to
// 512 KiB these took the least CPU time for a 4 GiB body: 1.4 s, against 1.6 s with 1 MiB and 2 s
// with 4 MiB.
constexpr std::size_t connection_memory = std::size_t{512} << 10;
constexpr std::size_t form_buffer = std::size_t{256} << 10;

void log_line(const std::string& text) {
  const std::string line = "databankd: " + text + "\n";
  // stderr is all there is to complain to.
  (void)write_all(2, std::as_bytes(std::span(line)));
}

/// In quotes, with everything escaped that a terminal would act upon.
std::string quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

/// The KEY of `/api/dataset/KEY/datafile`; empty for any other path.
std::string_view dataset_key(std::string_view path) {
  constexpr std::string_view before = "/api/dataset/";
  constexpr std::string_view after = "/datafile";
  if (path.size() <= before.size() + after.size() || !path.starts_with(before) ||
      !path.ends_with(after))
    return {};
  path.remove_prefix(before.size());
  path.remove_suffix(after.size());
  return path.find('/') == std::string_view::npos ? path : std::string_view();
}

/// One request, from its headers to the end of its answer, on the thread of its connection.
class Request {
 public:
  Request(HttpServer& server, MHD_Connection* connection, std::string_view path,
          std::string_view method)
      : server_(server), connection_(connection), path_(path), method_(method) {
    const std::string_view key = dataset_key(path);
    if (key.empty()) {
      elsewhere_ = Answer{404, "Not Found\n"};
    } else if (method != MHD_HTTP_METHOD_POST) {
      elsewhere_ = Answer{405, "Method Not Allowed\n"};
    } else {
      const char* authorization =
          MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION);
      call_.emplace(
          server.bank(), key,
          authorization != nullptr ? std::optional<std::string_view>(authorization) : std::nullopt);
      // Null where the body is no form: then the call just has no fields.
      form_ = MHD_create_post_processor(connection, form_buffer, &Request::form_field, this);
    }
  }
  ~Request() {
    if (form_ != nullptr) MHD_destroy_post_processor(form_);
  }
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  void body(const char* data, std::size_t size) {
    body_size_ += size;
    if (form_ != nullptr && MHD_post_process(form_, data, size) != MHD_YES) malformed_form();
  }

  MHD_Result finish() {
    const Answer answer = elsewhere_ ? *elsewhere_ : finish_call();
    log(answer);
    MHD_Response* response = MHD_create_response_from_buffer(
        answer.body.size(), const_cast<char*>(answer.body.data()), MHD_RESPMEM_MUST_COPY);
    if (response == nullptr) return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
                            call_ ? "application/json; charset=utf-8" : "text/plain");
    if (answer.status == 401)
      MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE,
                              "Token realm=\"Application\"");
    if (answer.status == 405)
      MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, MHD_HTTP_METHOD_POST);
    const MHD_Result queued = MHD_queue_response(connection_, answer.status, response);
    MHD_destroy_response(response);
    return queued;
  }

 private:
  static MHD_Result form_field(void* self, enum MHD_ValueKind, const char* key,
                               const char* filename, const char*, const char*, const char* data,
                               std::uint64_t offset, std::size_t size) {
    try {
      if (key != nullptr)
        static_cast<Request*>(self)->call_->field(key, {data, size}, offset,
                                                  filename != nullptr && *filename != '\0');
      return MHD_YES;
    } catch (const std::exception& bug) {
      log_line(fmt::format("bug: {}", bug.what()));
      return MHD_NO;
    }
  }

  void malformed_form() {
    call_->malformed();
    MHD_destroy_post_processor(std::exchange(form_, nullptr));
  }

  Answer finish_call() {
    // The parser's end is where a form without its last boundary shows, and where the last
    // urlencoded field comes out.
    if (form_ != nullptr && MHD_destroy_post_processor(std::exchange(form_, nullptr)) != MHD_YES)
      call_->malformed();
    return call_->finish(server_.url());
  }

  void log(const Answer& answer) const {
    if (call_ && call_->registered() && server_.log() != HttpServer::Log::quiet) {
      const Registration& file = *call_->registered();
      log_line(fmt::format("registered {} in {}, {} bytes, xxh128 {}", quoted(file.name),
                           file.dataset, file.size, file.xxh128));
    }
    if (server_.log() != HttpServer::Log::requests) return;
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begun_;
    std::string what;
    if (call_) what = fmt::format(" {} {}", quoted(call_->phase()), quoted(call_->filename()));
    log_line(fmt::format("{} {}{}: {} bytes in {:.3f} s, {} {}", quoted(method_), quoted(path_),
                         what, body_size_, taken.count(), answer.status, quoted(answer.body)));
  }

  HttpServer& server_;
  MHD_Connection* const connection_;
  const std::string path_;
  const std::string method_;
  const std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
  std::uint64_t body_size_ = 0;
  std::optional<Answer> elsewhere_;    ///< for a request that is none of the Data Bank's calls
  std::optional<PhasedCall> call_;     ///< for the others
  MHD_PostProcessor* form_ = nullptr;  ///< feeds call_
};

/// libmicrohttpd calls this once with the headers, then for each piece of the body, then once more.
/// The answer waits for the whole body even if the headers already decide it, as it does at the
/// Data Bank.
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
    request.body(data, *size);
    *size = 0;
    return MHD_YES;
  } catch (const std::exception& bug) {
    log_line(fmt::format("bug: {}", bug.what()));
    return MHD_NO;  // closes the connection
  }
}

/// Called for each request that on_request saw, whether it was answered or broke off.
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

Result<std::unique_ptr<HttpServer>> HttpServer::start(DataBank& bank, Listener listener, Log log) {
  // The library closes the socket that it is given, though not on every way out: it gets one of its
  // own.
  const int socket = ::fcntl(listener.fd.get(), F_DUPFD_CLOEXEC, 0);
  if (socket < 0) {
    return Error{.kind = ErrorKind::failed,
                 .message = fmt::format("cannot serve {}: {}", listener.url, std::strerror(errno)),
                 .code = errno};
  }
  std::unique_ptr<HttpServer> server(new HttpServer(bank, std::move(listener), log));
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
                 .message = fmt::format("cannot serve {}: {}", server->url(), std::strerror(errno)),
                 .code = errno};
  }
  return server;
}

HttpServer::~HttpServer() {
  if (daemon_ != nullptr) MHD_stop_daemon(daemon_);
}

}  // namespace sluice::databankd
