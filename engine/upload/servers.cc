#include "engine/upload/servers.h"

#include "engine/base/clock.h"
#include "engine/base/unix_time.h"
#include "engine/journal/journal_tables.h"

namespace sluice {

RequestGate& Servers::gate(const std::string& base_url, const ServerFacts& facts,
                           RequestGate::Rule rule) {
  const MutexLock lock(mutex_);
  std::unique_ptr<RequestGate>& gate = gates_[base_url];
  if (!gate) gate = make_gate(base_url, facts, rule);
  return *gate;
}

std::unique_ptr<RequestGate> Servers::make_gate(const std::string& base_url,
                                                const ServerFacts& facts,
                                                RequestGate::Rule rule) const {
  // If no upload waits at the gate, the gate must count all uploads that run.
  const unsigned asked =
      rule == RequestGate::Rule::never_waits ? RequestLimit::most : setting_.requests_at_a_time;
  const std::optional<unsigned> remembered = facts.request_limit(unix_s());
  return std::make_unique<RequestGate>(RequestGate::Setting{
      .limit =
          RequestLimit({.first = asked != 0 ? asked : remembered.value_or(RequestLimit::automatic),
                        .remembered = remembered,
                        .now = steady_now()}),
      .post_at = setting_.post_at,
      .on_change = [journal = setting_.journal, base_url](std::optional<unsigned> requests) {
        if (journal == nullptr) return;
        journal->post(
            [base_url, requests](JournalTables& tables) {
              return tables.set_requests(base_url, requests);
            },
            [](const Result<void>&) {});
      }});
}

CreationWithUpload& Servers::creation(const std::string& base_url) {
  const MutexLock lock(mutex_);
  return creations_[base_url];
}

std::optional<unsigned> Servers::request_limit(const std::string& base_url) const {
  const MutexLock lock(mutex_);
  const auto gate = gates_.find(base_url);
  return gate == gates_.end() ? std::nullopt : gate->second->known_limit();
}

}  // namespace sluice
