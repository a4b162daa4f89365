#pragma once

#include <functional>
#include <string>

#include "engine/base/log.h"
#include "engine/http/messages.h"
#include "engine/policy/request_gate.h"
#include "io/result.h"

namespace sluice {

/// The load control of one upload: waits for a turn at the request gate, and reports to the gate
/// whether the server handled each request. Network thread only.
class ServerLoad {
 public:
  struct Setting {
    RequestGate* gate = nullptr;  ///< gate of the server; null: none; outlives this
    RequestGate::Rule rule = RequestGate::Rule::queues;
    RequestGate::Turn::Post post = {};
    std::string base_url;  ///< for messages
    Log log = {};
  };

  explicit ServerLoad(Setting setting)
      : setting_(std::move(setting)), turn_(setting_.gate, setting_.rule, setting_.post) {}

  /// See RequestGate::Turn::take().
  bool take_turn(std::function<void()> on_turn) { return turn_.take(std::move(on_turn)); }
  bool is_waiting() const { return turn_.is_waiting(); }
  void leave_turn() { turn_.leave(); }
  /// Records that a request is sent.
  void sent() { turn_.sent(); }
  /// Records the result of a request, and lowers the limit if the server is overloaded.
  void answered(const Result<Answer>& result);
  /// The gate's round, and the requests in flight, at the last answer.
  const RequestGate::Moment& moment() const { return moment_; }
  /// Records that the server refused a valid token with HTTP `status` at `moment`. Today's server
  /// does so when it has no free thread, which counts as overload. No effect over the phased
  /// protocol, whose server needs no second thread to check a token.
  void refused_good_token(const RequestGate::Moment& moment, int status);

 private:
  /// Reports the overload to the gate, and logs a warning if the limit changed. `why`: the server's
  /// behaviour, for the warning.
  void overloaded(const RequestGate::Moment& moment, const std::string& why,
                  RequestLimit::Overload overload);

  const Setting setting_;
  RequestGate::Turn turn_;
  RequestGate::Moment moment_;
};

}  // namespace sluice
