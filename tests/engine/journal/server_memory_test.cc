#include "engine/journal/server_memory.h"

#include <gtest/gtest.h>

#include "engine/base/unix_time.h"
#include "tests/engine/journal/journal_sample.h"
#include "tests/support/temp_dir.h"

namespace sluice::server_memory_test {
namespace {

constexpr const char* url = "https://databank.example";
constexpr std::int64_t day = 86400;

ServerProfile a_tus_server() {
  ServerProfile profile;
  profile.protocol = ProtocolKind::tus;
  profile.tus.extensions = {"checksum"};
  profile.clock_ahead = std::chrono::seconds(90);
  profile.token_taken = true;
  return profile;
}

void expect_known_for_a_day(ServerMemory& memory, Journal* journal) {
  const std::int64_t now = unix_s();
  EXPECT_FALSE(memory.find(journal, url, now));
  memory.keep(journal, url, a_tus_server(), now);
  const auto known = memory.find(journal, url, now + 60);
  ASSERT_TRUE(known);
  EXPECT_EQ(known->protocol, ProtocolKind::tus);
  EXPECT_TRUE(known->tus.has("checksum"));
  EXPECT_TRUE(known->remembered);
  EXPECT_FALSE(known->clock_ahead) << "measurements are not remembered";
  EXPECT_FALSE(known->token_taken) << "another dataset has another token";
  EXPECT_TRUE(memory.find(journal, url, now + day - 60));
  EXPECT_FALSE(memory.find(journal, url, now + day + 60));
  EXPECT_FALSE(memory.find(journal, "https://other.example", now));
}

TEST(ServerMemory, RemembersForADayWithoutAJournal) {
  ServerMemory memory({});
  expect_known_for_a_day(memory, nullptr);
}

TEST(ServerMemory, SharesFactsThroughTheJournal) {
  const test::TempDir directory;
  const auto journal = Journal::open(directory.path());
  ASSERT_TRUE(journal);
  ServerMemory memory({});
  expect_known_for_a_day(memory, journal->get());
  const ServerMemory next({});
  EXPECT_TRUE(next.find(journal->get(), url, unix_s()));
}

/// For longer than a day: a server that does not tell its protocol now keeps the earlier one.
TEST(ServerMemory, KnownReturnsAnExpiredProtocol) {
  const test::TempDir directory;
  const auto journal = Journal::open(directory.path());
  ASSERT_TRUE(journal);
  for (Journal* const kept : {static_cast<Journal*>(nullptr), journal->get()}) {
    ServerMemory memory({});
    EXPECT_EQ(memory.known(kept, url), ProtocolKind::automatic);
    memory.keep(kept, url, a_tus_server(), unix_s() - 100 * day);
    EXPECT_EQ(memory.known(kept, url), ProtocolKind::tus);
  }
  EXPECT_EQ(ServerMemory({}).known(journal->get(), url), ProtocolKind::tus);
  // The journal of an earlier version has only the unfinished upload.
  JournalEntry entry = test::sample_entry();
  entry.system = "https://another.example";
  entry.protocol = "phased";
  ASSERT_TRUE((*journal)->begin(entry));
  EXPECT_EQ(ServerMemory({}).known(journal->get(), entry.system), ProtocolKind::phased);
}

/// A header can be longer than the journal accepts; memory keeps it.
TEST(ServerMemory, KeepsAndLogsFactsTheJournalRejects) {
  const test::TempDir directory;
  const auto journal = Journal::open(directory.path());
  ASSERT_TRUE(journal);
  int warnings = 0;
  ServerMemory memory([&](LogLevel, const std::string&) { ++warnings; });
  ServerProfile profile = a_tus_server();
  profile.tus.extensions = {std::string(max_tus_facts, 'x')};
  memory.keep(journal->get(), url, profile, unix_s());
  EXPECT_EQ(warnings, 1);
  EXPECT_TRUE(memory.find(journal->get(), url, unix_s()));
  EXPECT_FALSE(ServerMemory({}).find(journal->get(), url, unix_s()));
}

}  // namespace
}  // namespace sluice::server_memory_test
