#include "engine/journal/server_memory.h"

namespace sluice {
namespace {

std::optional<ServerProfile> profile_of(const ServerFacts& facts, std::int64_t now_s) {
  if (!facts.knows_protocol(now_s)) return {};
  const auto protocol = parse_protocol(*facts.protocol);
  if (!protocol || *protocol == ProtocolKind::automatic) return {};
  ServerProfile profile;
  profile.protocol = *protocol;
  profile.remembered = true;
  if (*protocol != ProtocolKind::tus) return profile;
  auto tus = parse_tus_server(facts.tus);
  if (!tus) return {};
  profile.tus = *std::move(tus);
  return profile;
}

}  // namespace

std::optional<ServerProfile> ServerMemory::find(Journal* journal, const std::string& base_url,
                                                std::int64_t now_s) const {
  {
    const MutexLock lock(mutex_);
    if (const auto found = kept_.find(base_url); found != kept_.end())
      if (auto known = profile_of(found->second, now_s)) return known;
  }
  if (journal == nullptr) return {};
  const Result<ServerFacts> facts = journal->facts(base_url);
  if (facts) return profile_of(*facts, now_s);
  if (log_) log_(LogLevel::warning, facts.error().message);
  return {};
}

ProtocolKind ServerMemory::known(Journal* journal, const std::string& base_url) const {
  const auto protocol_of = [](const std::optional<std::string>& name) {
    return name ? parse_protocol(*name).value_or(ProtocolKind::automatic) : ProtocolKind::automatic;
  };
  {
    const MutexLock lock(mutex_);
    if (const auto found = kept_.find(base_url); found != kept_.end())
      return protocol_of(found->second.protocol);
  }
  if (journal == nullptr) return ProtocolKind::automatic;
  if (const Result<ServerFacts> facts = journal->facts(base_url); facts && facts->protocol)
    return protocol_of(facts->protocol);
  if (const Result<Journal::Listing> all = journal->list(/*finished_too=*/false))
    for (const JournalEntry& entry : all->entries)
      if (entry.system == base_url) return protocol_of(entry.protocol);
  return ProtocolKind::automatic;
}

void ServerMemory::keep(Journal* journal, const std::string& base_url, const ServerProfile& profile,
                        std::int64_t now_s) {
  ServerFacts facts;
  facts.protocol = to_string(profile.protocol);
  facts.protocol_s = now_s;
  if (profile.protocol == ProtocolKind::tus) facts.tus = to_text(profile.tus);
  if (journal != nullptr)
    if (const Result<void> kept = journal->set_protocol(base_url, *facts.protocol, facts.tus);
        !kept && log_)
      log_(LogLevel::warning, kept.error().message);
  const MutexLock lock(mutex_);
  kept_[base_url] = std::move(facts);
}

}  // namespace sluice
