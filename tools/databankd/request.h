#pragma once

#include <microhttpd.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tools/databankd/http_server.h"
#include "tools/databankd/phased.h"

namespace sluice::databankd {

/// One request, from its headers to the end of its answer, on the thread of its connection: takes
/// the body's form apart for a PhasedCall and sends what that answers.
class Request {
 public:
  /// Once the headers are there. `server` and `connection` outlive this.
  Request(HttpServer& server, MHD_Connection* connection, std::string_view path,
          std::string_view method);
  ~Request();
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  /// The next bytes of the body.
  void body(const char* data, std::size_t size);

  /// The body is complete: carries the request out and hands the answer to libmicrohttpd. MHD_NO
  /// closes the connection.
  MHD_Result finish();

 private:
  static MHD_Result form_field(void* self, enum MHD_ValueKind, const char* key,
                               const char* filename, const char*, const char*, const char* data,
                               std::uint64_t offset, std::size_t size);
  void malformed_form();
  Answer finish_call();
  MHD_Result send(const Answer& answer);
  void log(const Answer& answer) const;

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

}  // namespace sluice::databankd
