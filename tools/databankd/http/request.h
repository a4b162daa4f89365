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

/// One request, from its headers to the end of its response, on the thread of its connection.
/// Parses the form in the body for a DatafileCall, or passes the body to a TusCall, and sends the
/// call's answer.
class Request {
 public:
  /// Call when the headers are complete. `server` and `connection` must outlive this object.
  Request(HttpServer& server, MHD_Connection* connection, std::string_view path,
          std::string_view method);
  ~Request();
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  /// Processes the next bytes of the body. Returns false if the connection was reset or ended.
  bool body(const char* data, std::size_t size);

  /// Processes the request after its body is complete, and passes the response to libmicrohttpd.
  /// MHD_NO closes the connection.
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
  Answer process();
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
  bool body_has_paused() const;
  std::uint64_t content_length() const;
  int socket() const;

  HttpServer& server_;
  MHD_Connection* const connection_;
  const std::string path_;
  const std::string method_;
  const Clock::time_point begun_ = Clock::now();
  BackEnds::Place back_end_;
  ServerThreads::Held thread_;  ///< one of the server's threads, if their number is limited
  std::uint64_t body_size_ = 0;
  bool decided_ = false;                ///< whether decide_on_fault() has decided
  std::optional<Strike> strike_;        ///< the fault that strikes, if any
  bool counted_ = false;                ///< whether the fault was counted
  std::uint64_t reset_at_ = 0;          ///< offset in the body, for FaultKind::reset_mid_body
  std::optional<Answer> other_answer_;  ///< the answer to a request outside the Data Bank's API
  std::optional<DatafileCall> datafile_;
  std::optional<TusCall> tus_;
  Call* call_ = nullptr;               ///< datafile_ or tus_, whichever is set; may be null
  MHD_PostProcessor* form_ = nullptr;  ///< passes fields to datafile_
};

}  // namespace sluice::databankd
