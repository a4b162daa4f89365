#pragma once

#include <functional>
#include <string>

#include "engine/base/log.h"
#include "engine/http/messages.h"
#include "engine/policy/request_gate.h"
#include "io/result.h"

namespace sluice {

/// What one upload does about the load of its server: takes its turn at the request gate, and tells
/// the gate whether the server could take each request. The network thread's.
class ServerLoad {
 public:
  struct Setting {
    RequestGate* gate = nullptr;  ///< in front of the server; null for none; outlives this
    RequestGate::Rule rule = RequestGate::Rule::queues;
    RequestGate::Turn::Post post = {};
    std::string base_url;  ///< for messages
    Log log = {};
  };

  explicit ServerLoad(Setting setting)
      : setting_(std::move(setting)), turn_(setting_.gate, setting_.rule, setting_.post) {}

  /// RequestGate::Turn::take().
  bool take_turn(std::function<void()> on_turn) { return turn_.take(std::move(on_turn)); }
  bool is_waiting() const { return turn_.is_waiting(); }
  void leave_turn() { turn_.leave(); }
  /// A request goes out.
  void sent() { turn_.sent(); }
  /// A request ended with `result`.
  void answered(const Result<Answer>& result);
  /// When the last request was answered.
  const RequestGate::Moment& moment() const { return moment_; }
  /// The server answered 401 with that status to a token that is good, at `moment`: today's server
  /// does that without a free thread. A phased one needs no second thread to check a token.
  void refused_good_token(const RequestGate::Moment& moment, int status);

 private:
  /// `why`: what the server did.
  void overloaded(const RequestGate::Moment& moment, const std::string& why,
                  RequestLimit::Overload overload);

  const Setting setting_;
  RequestGate::Turn turn_;
  RequestGate::Moment moment_;
};

}  // namespace sluice
