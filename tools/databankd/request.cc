#include "tools/databankd/request.h"

#include <fmt/format.h>

#include <exception>
#include <utility>

#include "tools/databankd/log.h"

namespace sluice::databankd {
namespace {

// The form parser copies what a connection reads through a buffer of its own; http_server.cc has
// the measurements.
constexpr std::size_t form_buffer = std::size_t{256} << 10;

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

}  // namespace

Request::Request(HttpServer& server, MHD_Connection* connection, std::string_view path,
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

Request::~Request() {
  if (form_ != nullptr) MHD_destroy_post_processor(form_);
}

void Request::body(const char* data, std::size_t size) {
  body_size_ += size;
  if (form_ != nullptr && MHD_post_process(form_, data, size) != MHD_YES) malformed_form();
}

MHD_Result Request::finish() {
  const Answer answer = elsewhere_ ? *elsewhere_ : finish_call();
  log(answer);
  return send(answer);
}

MHD_Result Request::form_field(void* self, enum MHD_ValueKind, const char* key,
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

void Request::malformed_form() {
  call_->malformed();
  MHD_destroy_post_processor(std::exchange(form_, nullptr));
}

Answer Request::finish_call() {
  // The parser's end is where a form without its last boundary shows, and where the last
  // urlencoded field comes out.
  if (form_ != nullptr && MHD_destroy_post_processor(std::exchange(form_, nullptr)) != MHD_YES)
    call_->malformed();
  return call_->finish(server_.url());
}

MHD_Result Request::send(const Answer& answer) {
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

void Request::log(const Answer& answer) const {
  if (call_ && call_->registered() && server_.log() != HttpServer::Log::quiet) {
    const Registration& file = *call_->registered();
    log_line(fmt::format("registered {} in {}, {} bytes, xxh128 {}", quoted(file.name),
                         file.dataset, file.size, file.xxh128));
  }
  if (server_.log() != HttpServer::Log::requests) return;
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begun_;
  std::string what;
  if (call_) what = fmt::format(" {} {}", quoted(call_->phase()), quoted(call_->filename()));
  log_line(fmt::format("{} {}{}: {} bytes in {:.3f} s, {} {}", quoted(method_), quoted(path_), what,
                       body_size_, taken.count(), answer.status, quoted(answer.body)));
}

}  // namespace sluice::databankd
