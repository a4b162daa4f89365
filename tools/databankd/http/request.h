#pragma once

#include <microhttpd.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tools/databankd/faults/faults.h"
#include "tools/databankd/http/http_server.h"
#include "tools/databankd/http/server_threads.h"
#include "tools/databankd/protocol/call.h"
#include "tools/databankd/protocol/datafile_call.h"
#include "tools/databankd/protocol/tus_call.h"
#include "tools/databankd/store/back_ends.h"

namespace sluice::databankd {

/// One request, from its headers to the end of its answer, on the thread of its connection: takes
/// the body's form apart for a DatafileCall, or hands the body to a TusCall, and sends what that
/// answers.
class Request {
 public:
  /// Once the headers are there. `server` and `connection` outlive this.
  Request(HttpServer& server, MHD_Connection* connection, std::string_view path,
          std::string_view method);
  ~Request();
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  /// The next bytes of the body. False once the connection has been reset or ended.
  bool body(const char* data, std::size_t size);

  /// The body is complete: carries the request out and hands the answer to libmicrohttpd. MHD_NO
  /// closes the connection.
  MHD_Result finish();

 private:
  using Clock = std::chrono::steady_clock;

  static MHD_Result form_field(void* self, enum MHD_ValueKind, const char* key,
                               const char* filename, const char*, const char*, const char* data,
                               std::uint64_t offset, std::size_t size);
  void field(std::string_view name, std::string_view data, std::uint64_t offset,
             std::string_view file);
  RequestHead head() const;
  void malformed_form();
  void end_form();
  Answer carry_out();
  MHD_Result send(const Answer& answer);
  MHD_Result send(const Answer& answer, MHD_Response* response);
  MHD_Result break_off(const Answer& answer);
  void log(const Answer& answer) const;

  void decide_on_fault(bool complete);
  bool struck_by(FaultKind kind) const { return strike_ && strike_->fault.kind == kind; }
  MHD_Result finish_struck();
  Answer status_answer(const Fault& fault) const;
  void count_strike();
  void keep_rate() const;
  bool pauses() const;
  std::uint64_t content_length() const;
  int socket() const;

  HttpServer& server_;
  MHD_Connection* const connection_;
  const std::string path_;
  const std::string method_;
  const Clock::time_point begun_ = Clock::now();
  BackEnds::Place back_end_;
  ServerThreads::Held thread_;  ///< of the server's, where they are limited
  std::uint64_t body_size_ = 0;
  bool decided_ = false;             ///< whether it is known which fault strikes
  std::optional<Strike> strike_;     ///< that fault, if any
  bool counted_ = false;             ///< whether it has struck
  std::uint64_t reset_at_ = 0;       ///< byte of the body, for FaultKind::reset_mid_body
  std::optional<Answer> elsewhere_;  ///< for a request that is none of the Data Bank's calls
  std::optional<DatafileCall> datafile_;
  std::optional<TusCall> tus_;
  Call* call_ = nullptr;               ///< the one of those two that there is, if any
  MHD_PostProcessor* form_ = nullptr;  ///< feeds datafile_
};

}  // namespace sluice::databankd
