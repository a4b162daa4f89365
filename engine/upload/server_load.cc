#include "engine/upload/server_load.h"

#include <fmt/format.h>

#include "engine/http/transport.h"

namespace sluice {

void ServerLoad::answered(const Result<Answer>& result) {
  moment_ = turn_.answered();
  if (!result) {
    // A request that was not sent completely, or that had no connection, says nothing about the
    // server's threads. Neither does a phased request, which may wait for the server's storage.
    if (result.error().code == Transport::unanswered && setting_.rule == RequestGate::Rule::queues)
      overloaded(moment_, "timed out", RequestLimit::Overload::unanswered);
    return;
  }
  const int status = result->status;
  if (status == 429 || (status == 503 && result->retry_after))
    overloaded(moment_, fmt::format("HTTP {}", status), RequestLimit::Overload::refused);
  else if (status < 400)
    turn_.succeeded();
}

void ServerLoad::refused_good_token(const RequestGate::Moment& moment, int status) {
  if (setting_.rule == RequestGate::Rule::queues)
    overloaded(moment, fmt::format("HTTP {}", status), RequestLimit::Overload::refused);
}

void ServerLoad::overloaded(const RequestGate::Moment& moment, const std::string& why,
                            RequestLimit::Overload overload) {
  if (!turn_.overloaded(moment, overload) || !setting_.log) return;
  setting_.log(
      LogLevel::warning,
      setting_.rule == RequestGate::Rule::queues
          ? fmt::format("{} is overloaded by {} requests at a time ({}); sending at most {} at a "
                        "time from now on",
                        setting_.base_url, moment.in_flight, why, turn_.limit())
          : fmt::format("{} is overloaded by {} uploads at a time ({}); run at most {} at a time "
                        "(--transfers)",
                        setting_.base_url, moment.in_flight, why, turn_.limit()));
}

}  // namespace sluice
