#include "engine/journal/journal.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "engine/base/unix_time.h"
#include "engine/protocol/deposit.h"
#include "tests/engine/journal/journal_sample.h"
#include "tests/support/temp_dir.h"

namespace sluice::journal_test {
namespace {

using State = JournalEntry::State;
using test::checksums_of;
using test::sample_entry;

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// Runs every test in both SQLite modes.
class JournalTest : public testing::TestWithParam<JournalMode> {
 protected:
  std::int64_t begin(const JournalEntry& entry) {
    const auto id = journal_->begin(entry);
    EXPECT_TRUE(id) << id.error().message;
    return id.value_or(0);
  }
  void record(std::int64_t id, const Journal::Step& step) {
    const auto recorded = journal_->record(id, step);
    EXPECT_TRUE(recorded) << recorded.error().message;
  }
  void hash(std::int64_t id, std::uint64_t first, const std::vector<std::uint64_t>& checksums,
            const std::string& state = "state") {
    record(id, {.hashed = Journal::Step::Hashed{
                    .first_block = first, .checksums = checksums, .digest_state = state}});
  }
  JournalEntry get(std::int64_t id) {
    const auto entry = journal_->get(id);
    EXPECT_TRUE(entry) << entry.error().message;
    EXPECT_TRUE(*entry);
    return entry && *entry ? **entry : JournalEntry{};
  }
  std::vector<std::string> names(bool finished_too) {
    const auto listing = journal_->list(finished_too);
    EXPECT_TRUE(listing) << listing.error().message;
    std::vector<std::string> names;
    for (const JournalEntry& entry : listing->entries) names.push_back(entry.name);
    return names;
  }
  std::int64_t count(const std::string& table) {
    SqlDatabase database = test::raw_journal(dir_.path());
    return database.integer("SELECT count(*) FROM " + table).value_or(-1);
  }
  /// Returns the error of record() for a step.
  std::string refusal(std::int64_t id, const Journal::Step& step) {
    const auto recorded = journal_->record(id, step);
    EXPECT_FALSE(recorded);
    if (recorded) return "";
    EXPECT_EQ(recorded.error().kind, ErrorKind::failed);
    EXPECT_TRUE(holds(recorded.error().message, journal_->path()));
    return recorded.error().message;
  }

  test::TempDir dir_;
  std::unique_ptr<Journal> journal_ = test::open_journal(dir_.path(), GetParam());
};

INSTANTIATE_TEST_SUITE_P(Modes, JournalTest,
                         testing::Values(JournalMode::wal, JournalMode::truncate),
                         [](const auto& mode) {
                           return mode.param == JournalMode::wal ? "wal" : "truncate";
                         });

TEST_P(JournalTest, BeginStoresAnEmptyUpload) {
  JournalEntry entry = sample_entry();
  entry.path = "/data/\xFF not utf-8";
  entry.token_file = "/home/ada/token";
  entry.digests = "md5";
  entry.protocol = "tus";
  entry.upload_url = "https://databank.example/files/1";
  // Members that begin() must ignore.
  entry.id = 99;
  entry.committed = 5;
  entry.hashed_blocks = 1;
  entry.state = State::registered;
  entry.receipt = "{}";
  entry.started_s = 1;
  const std::int64_t before = unix_s();
  const std::int64_t id = begin(entry);
  const JournalEntry now = get(id);
  EXPECT_EQ(now.id, id);
  EXPECT_EQ(now.system, entry.system);
  EXPECT_EQ(now.dataset, entry.dataset);
  EXPECT_EQ(now.name, entry.name);
  EXPECT_EQ(now.path, entry.path);
  EXPECT_EQ(now.file, entry.file);
  EXPECT_EQ(now.token_file, entry.token_file);
  EXPECT_EQ(now.digests, entry.digests);
  EXPECT_EQ(now.protocol, "tus");
  EXPECT_EQ(now.upload_url, entry.upload_url);
  EXPECT_EQ(now.part_of, 0);
  EXPECT_EQ(now.block_bytes, entry.block_bytes);
  EXPECT_EQ(now.committed, 0U);
  EXPECT_EQ(now.hashed_blocks, 0U);
  EXPECT_EQ(now.digest_state, "");
  EXPECT_EQ(now.state, State::unfinished);
  EXPECT_FALSE(now.error);
  EXPECT_EQ(now.receipt, "");
  EXPECT_GE(now.started_s, before);
  EXPECT_EQ(now.updated_s, now.started_s);
}

TEST_P(JournalTest, BeginRejectsInvalidEntries) {
  JournalEntry entry = sample_entry();
  entry.path = "relative";
  EXPECT_FALSE(journal_->begin(entry));
  entry = sample_entry();
  entry.block_bytes = 0;
  EXPECT_FALSE(journal_->begin(entry));
  entry = sample_entry();
  entry.file.size = max_file_size + 1;
  const auto refused = journal_->begin(entry);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::failed);
  EXPECT_TRUE(holds(refused.error().message, "/data/scan.h5"));
  EXPECT_EQ(count("uploads"), 0);
}

TEST_P(JournalTest, FindsTheUnfinishedUpload) {
  const JournalEntry entry = sample_entry();
  const auto find = [&](const char* system, const char* dataset, const char* name) {
    const auto found = journal_->find(system, dataset, name);
    EXPECT_TRUE(found) << found.error().message;
    return found && *found ? (*found)->id : 0;
  };
  EXPECT_EQ(find("https://databank.example", "IDB-1", "scan.h5"), 0);
  const std::int64_t id = begin(entry);
  EXPECT_EQ(find("https://databank.example", "IDB-1", "scan.h5"), id);
  EXPECT_EQ(find("https://databank.example", "IDB-1", "scan.h"), 0);
  EXPECT_EQ(find("https://databank.example", "IDB-2", "scan.h5"), 0);
  EXPECT_EQ(find("https://other.example", "IDB-1", "scan.h5"), 0);
  record(id, {.state = State::verifying});
  EXPECT_EQ(find("https://databank.example", "IDB-1", "scan.h5"), id);
  record(id, {.state = State::registered});
  EXPECT_EQ(find("https://databank.example", "IDB-1", "scan.h5"), 0);
}

TEST_P(JournalTest, BeginReplacesTheUnfinishedUpload) {
  const std::int64_t finished = begin(sample_entry());
  record(finished, {.state = State::registered});
  const std::int64_t first = begin(sample_entry());
  hash(first, 0, checksums_of(0, 3));
  const std::int64_t other = begin(sample_entry("notes.txt"));
  const std::int64_t second = begin(sample_entry());
  EXPECT_NE(first, second);
  EXPECT_EQ(get(finished).state, State::registered);
  EXPECT_EQ(get(first).state, State::abandoned);
  EXPECT_EQ(get(first).hashed_blocks, 0U);
  EXPECT_EQ(count("checksums"), 0);
  EXPECT_EQ(get(other).state, State::unfinished);
  const auto found = journal_->find(sample_entry().system, "IDB-1", "scan.h5");
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->id, second);

  record(second, {.state = State::verifying});
  begin(sample_entry());
  EXPECT_EQ(get(second).state, State::abandoned);
}

TEST_P(JournalTest, ListsTheNewestFirst) {
  begin(sample_entry("a"));
  const std::int64_t done = begin(sample_entry("b"));
  record(begin(sample_entry("c")), {.state = State::verifying});
  record(begin(sample_entry("d")), {.state = State::abandoned});
  record(done, {.state = State::registered});
  EXPECT_EQ(names(false), (std::vector<std::string>{"c", "a"}));
  EXPECT_EQ(names(true), (std::vector<std::string>{"d", "c", "b", "a"}));
}

TEST_P(JournalTest, ReturnsTheNamesOfADataset) {
  JournalEntry other = test::sample_entry("other-dataset.h5");
  other.dataset = "IDB-2";
  begin(other);
  record(begin(test::sample_entry("a")), {.state = JournalEntry::State::registered});
  begin(test::sample_entry("a"));
  record(begin(test::sample_entry("gone")), {.state = JournalEntry::State::abandoned});
  begin(test::sample_entry("caf\u00e9"));
  const JournalEntry sample = test::sample_entry();
  auto names = journal_->names(sample.system, sample.dataset);
  ASSERT_TRUE(names) << names.error().message;
  std::sort(names->begin(), names->end());
  EXPECT_EQ(*names, (std::vector<std::string>{"a", "caf\u00e9"}));
}

TEST_P(JournalTest, NoteFileChangesTimeAndInodeButNotSize) {
  const std::int64_t id = begin(test::sample_entry());
  const FileIdentity was = get(id).file;
  record(id, {.file = FileIdentity{1, {32'503'680'000, 7}, 8, 9}});
  EXPECT_EQ(get(id).file, (FileIdentity{was.size, {32'503'680'000, 7}, 8, 9}));
}

TEST_P(JournalTest, RecordChangesOnlyTheGivenMembers) {
  const std::int64_t id = begin(sample_entry());
  test::spoil(dir_.path(), "UPDATE uploads SET updated_s = 5");
  record(id, {.committed = 4096});
  EXPECT_EQ(get(id).committed, 4096U);
  EXPECT_GT(get(id).updated_s, 5);
  hash(id, 0, checksums_of(0, 2), std::string("\0digest", 7));
  record(id, {.error = Error{.kind = ErrorKind::token_refused, .message = "expired"}});
  record(id, {.committed = 100'000'000});
  record(id, {.state = State::verifying});
  JournalEntry entry = get(id);
  EXPECT_EQ(entry.committed, 100'000'000U);
  EXPECT_EQ(entry.hashed_blocks, 2U);
  EXPECT_EQ(entry.digest_state, std::string("\0digest", 7));
  EXPECT_EQ(entry.state, State::verifying);
  ASSERT_TRUE(entry.error);
  EXPECT_EQ(entry.error->kind, ErrorKind::token_refused);
  EXPECT_EQ(entry.error->message, "expired");

  // The upload URL may become known late, and may change: a tus upload that is joined from parts.
  test::spoil(dir_.path(), "UPDATE uploads SET protocol = 'tus'");
  record(id, {.upload_url = "https://databank.example/files/2"});
  record(id, {.committed = 100'000'000});
  EXPECT_EQ(get(id).upload_url, "https://databank.example/files/2");

  // The committed bytes may decrease: the server has lost some.
  record(id, {.committed = 7, .state = State::unfinished});
  entry = get(id);
  EXPECT_EQ(entry.committed, 7U);
  EXPECT_EQ(entry.state, State::unfinished);
  EXPECT_EQ(entry.hashed_blocks, 2U);
}

TEST_P(JournalTest, RecordRejectsInvalidSteps) {
  const std::int64_t id = begin(sample_entry());
  hash(id, 0, checksums_of(0, 10));
  const std::vector<std::uint64_t> more = checksums_of(11, 2);
  EXPECT_TRUE(
      holds(refusal(id, {.committed = 4096,
                         .hashed = Journal::Step::Hashed{.first_block = 11, .checksums = more}}),
            "gap"));
  refusal(id, {.committed = 100'000'001});
  const std::vector<std::uint64_t> too_many = checksums_of(5, 20);
  refusal(id, {.hashed = Journal::Step::Hashed{.first_block = 5, .checksums = too_many}});
  const std::string long_text(max_journal_text + 1, 'x');
  refusal(id, {.committed = 4096, .receipt = long_text});
  refusal(id + 1, {.committed = 4096});
  const JournalEntry entry = get(id);
  EXPECT_EQ(entry.committed, 0U);
  EXPECT_EQ(entry.hashed_blocks, 10U);
  const auto checksums = journal_->checksums(id, 0, 10);
  ASSERT_TRUE(checksums) << checksums.error().message;
  EXPECT_EQ(*checksums, checksums_of(0, 10));
}

TEST_P(JournalTest, KeepsErrorsOfAnyLength) {
  const std::int64_t id = begin(sample_entry());
  record(id, {.error = Error{.kind = ErrorKind::failed,
                             .message = std::string(max_journal_text + 1, 'x')}});
  EXPECT_EQ(get(id).error->message.size(), max_journal_text);
}

TEST_P(JournalTest, ChecksumsContinueOverlapAndCrossSegments) {
  JournalEntry entry = sample_entry();
  entry.block_bytes = 4096;  // 24,415 blocks
  const std::int64_t id = begin(entry);
  std::vector<std::uint64_t> expected;
  const auto put = [&](std::uint64_t first, std::vector<std::uint64_t> checksums) {
    hash(id, first, checksums, std::to_string(first + checksums.size()));
    expected.resize(static_cast<std::size_t>(first));
    expected.insert(expected.end(), checksums.begin(), checksums.end());
    EXPECT_EQ(get(id).hashed_blocks, expected.size());
    EXPECT_EQ(get(id).digest_state, std::to_string(expected.size()));
    const auto all = journal_->checksums(id, 0, expected.size());
    ASSERT_TRUE(all) << all.error().message;
    EXPECT_EQ(*all, expected);
  };
  // A segment has 256 checksums.
  put(0, checksums_of(0, 255));
  put(255, checksums_of(255, 1));
  put(256, checksums_of(256, 1));
  put(257, checksums_of(257, 1000));
  put(1257, {});
  put(700, checksums_of(9000, 20));   // in the middle of a segment; later ones are deleted
  put(512, checksums_of(8000, 300));  // at the beginning of a segment
  put(811, checksums_of(1, 2));       // the last one again, and one more
  put(256, {});
  put(100, {});
  put(0, checksums_of(3, 700));
  put(0, {});
}

TEST_P(JournalTest, ReturnsAnyRangeOfChecksums) {
  JournalEntry entry = sample_entry();
  entry.block_bytes = 4096;
  const std::int64_t id = begin(entry);
  hash(id, 0, checksums_of(0, 600));
  for (const auto& [first, count] : std::vector<std::pair<std::uint64_t, std::uint64_t>>{
           {0, 0}, {0, 1}, {255, 1}, {255, 2}, {256, 256}, {100, 500}, {599, 1}, {600, 0}}) {
    const auto checksums = journal_->checksums(id, first, count);
    ASSERT_TRUE(checksums) << checksums.error().message;
    EXPECT_EQ(*checksums, checksums_of(first, count)) << first << "+" << count;
  }
  for (const auto& [first, count] : std::vector<std::pair<std::uint64_t, std::uint64_t>>{
           {600, 1}, {0, 601}, {601, 0}, {1, UINT64_MAX}, {UINT64_MAX, 1}})
    EXPECT_FALSE(journal_->checksums(id, first, count)) << first << "+" << count;
  EXPECT_FALSE(journal_->checksums(id + 1, 0, 1));
}

TEST_P(JournalTest, RejectsDamagedChecksums) {
  const std::int64_t id = begin(sample_entry());
  for (const char* sql : {"UPDATE checksums SET bytes = zeroblob(72)",
                          "UPDATE checksums SET bytes = zeroblob(81)", "DELETE FROM checksums"}) {
    hash(id, 0, checksums_of(0, 10));
    test::spoil(dir_.path(), sql);
    const auto checksums = journal_->checksums(id, 0, 1);
    ASSERT_FALSE(checksums) << sql;
    EXPECT_TRUE(holds(checksums.error().message, "--restart")) << checksums.error().message;
  }
}

TEST_P(JournalTest, RegistrationKeepsTheReceiptAndDropsChecksums) {
  const std::int64_t id = begin(sample_entry());
  hash(id, 0, checksums_of(0, 24));
  record(id, {.committed = 100'000'000,
              .error = Error{.kind = ErrorKind::unreachable, .message = "lost"}});
  record(id, {.state = State::registered, .receipt = R"({"xxh128": "00"})"});
  const JournalEntry entry = get(id);
  EXPECT_EQ(entry.state, State::registered);
  EXPECT_EQ(entry.receipt, R"({"xxh128": "00"})");
  EXPECT_EQ(entry.committed, 100'000'000U);
  EXPECT_EQ(entry.digest_state, "");
  EXPECT_EQ(entry.hashed_blocks, 0U);
  EXPECT_FALSE(entry.error);
  EXPECT_EQ(count("checksums"), 0);
  // The upload has ended: a late step must not make it unfinished again.
  EXPECT_TRUE(holds(refusal(id, {.committed = 5}), "registered"));
  EXPECT_TRUE(holds(refusal(id, {.state = State::unfinished}), "registered"));
  EXPECT_FALSE(journal_->start_over(id));
  EXPECT_EQ(get(id).receipt, R"({"xxh128": "00"})");
}

TEST_P(JournalTest, StartOverClearsTheProgress) {
  const std::int64_t other = begin(sample_entry("other"));
  hash(other, 0, checksums_of(0, 1));
  JournalEntry sample = sample_entry();
  sample.protocol = "tus";
  sample.upload_url = "https://databank.example/files/1";
  const std::int64_t id = begin(sample);
  hash(id, 0, checksums_of(0, 10));
  record(id, {.committed = 40'000'000, .state = State::verifying});
  const auto done = journal_->start_over(id);
  ASSERT_TRUE(done) << done.error().message;
  const JournalEntry entry = get(id);
  EXPECT_EQ(entry.committed, 0U);
  EXPECT_EQ(entry.hashed_blocks, 0U);
  EXPECT_EQ(entry.digest_state, "");
  EXPECT_EQ(entry.upload_url, "");
  EXPECT_EQ(entry.state, State::unfinished);
  EXPECT_EQ(entry.file, sample_entry().file);
  EXPECT_EQ(count("checksums"), 1);
  hash(id, 0, checksums_of(50, 2));
  EXPECT_EQ(*journal_->checksums(id, 0, 2), checksums_of(50, 2));
}

TEST_P(JournalTest, InvalidEntryHidesNoOther) {
  begin(sample_entry("first"));
  const std::int64_t bad = begin(sample_entry("bad"));
  begin(sample_entry("last"));
  for (const char* sql : {"UPDATE uploads SET size = -1 WHERE name = 'bad'",
                          "UPDATE uploads SET size = 1, state = 77 WHERE name = 'bad'"}) {
    test::spoil(dir_.path(), sql);
    const auto listing = journal_->list(false);
    ASSERT_TRUE(listing) << listing.error().message;
    EXPECT_EQ(names(false), (std::vector<std::string>{"last", "first"}));
    ASSERT_EQ(listing->unreadable.size(), 1U) << sql;
    for (const std::string& part :
         {"upload " + std::to_string(bad), journal_->path(), std::string("--restart")})
      EXPECT_TRUE(holds(listing->unreadable[0], part)) << listing->unreadable[0];
  }
  EXPECT_FALSE(journal_->get(bad));
  EXPECT_FALSE(journal_->record(bad, {.committed = 0}));
  const auto found = journal_->find(sample_entry().system, "IDB-1", "bad");
  ASSERT_FALSE(found);
  EXPECT_TRUE(holds(found.error().message, "--restart"));

  // As the message advises.
  begin(sample_entry("bad"));
  const auto listing = journal_->list(false);
  ASSERT_TRUE(listing);
  EXPECT_TRUE(listing->unreadable.empty());
  EXPECT_EQ(names(false), (std::vector<std::string>{"bad", "last", "first"}));
}

TEST_P(JournalTest, RemembersFactsAboutAServer) {
  const auto facts = [&](const char* system) {
    const auto known = journal_->facts(system);
    EXPECT_TRUE(known) << known.error().message;
    return known.value_or(ServerFacts());
  };
  EXPECT_EQ(facts("https://a.example").chunk_limit, std::nullopt);
  ASSERT_TRUE(journal_->set_chunk_limit("https://a.example", 1 << 20));
  ASSERT_TRUE(journal_->set_chunk_bytes("https://b.example", 5));
  ASSERT_TRUE(journal_->set_chunk_limit("https://a.example", 1 << 19));
  ASSERT_TRUE(journal_->set_chunk_bytes("https://a.example", 1 << 18));
  const std::int64_t before = unix_s();
  ASSERT_TRUE(journal_->set_lookahead_refused("https://a.example"));
  const ServerFacts a = facts("https://a.example");
  EXPECT_EQ(a.chunk_limit, 1U << 19);
  EXPECT_EQ(a.chunk_bytes, 1U << 18);
  ASSERT_TRUE(a.lookahead_refused_s);
  EXPECT_GE(*a.lookahead_refused_s, before);
  EXPECT_TRUE(a.refuses_lookahead(unix_s()));
  const ServerFacts b = facts("https://b.example");
  EXPECT_EQ(b.chunk_limit, std::nullopt);
  EXPECT_EQ(b.chunk_bytes, 5U);
  EXPECT_EQ(b.lookahead_refused_s, std::nullopt);
  ASSERT_TRUE(journal_->set_chunk_limit("https://b.example", UINT64_MAX));
  EXPECT_EQ(facts("https://b.example").chunk_limit, max_file_size);
  for (const char* nonsense : {"0", "-1", "NULL"}) {
    test::spoil(dir_.path(), fmt::format("UPDATE servers SET chunk_limit = {0}, chunk_bytes = {0}, "
                                         "lookahead_refused_s = {0}",
                                         nonsense));
    const ServerFacts none = facts("https://a.example");
    EXPECT_EQ(none.chunk_limit, std::nullopt) << nonsense;
    EXPECT_EQ(none.chunk_bytes, std::nullopt) << nonsense;
    EXPECT_EQ(none.lookahead_refused_s, std::nullopt) << nonsense;
  }
}

TEST_P(JournalTest, RemembersTheRequestLimit) {
  const auto facts = [&] { return journal_->facts("https://a.example").value_or(ServerFacts()); };
  ASSERT_TRUE(journal_->set_requests("https://a.example", std::nullopt)) << "of no known server";
  EXPECT_EQ(facts().requests, std::nullopt);
  ASSERT_TRUE(journal_->set_chunk_limit("https://a.example", 7));
  const std::int64_t before = unix_s();
  ASSERT_TRUE(journal_->set_requests("https://a.example", 4));
  ASSERT_TRUE(journal_->set_requests("https://a.example", 2));
  EXPECT_EQ(facts().requests, 2U);
  ASSERT_TRUE(facts().requests_s);
  EXPECT_GE(*facts().requests_s, before);
  EXPECT_EQ(facts().chunk_limit, 7U);
  EXPECT_EQ(journal_->facts("https://b.example")->requests, std::nullopt);
  for (const char* nonsense : {"0", "-1", "257", "NULL"}) {
    test::spoil(dir_.path(), fmt::format("UPDATE servers SET requests = {}", nonsense));
    EXPECT_EQ(facts().requests, std::nullopt) << nonsense;
  }
  ASSERT_TRUE(journal_->set_requests("https://a.example", 3));
  ASSERT_TRUE(journal_->set_requests("https://a.example", std::nullopt));
  EXPECT_EQ(facts().requests, std::nullopt);
  EXPECT_EQ(facts().requests_s, std::nullopt);
  EXPECT_EQ(facts().chunk_limit, 7U);
}

TEST_P(JournalTest, RemembersTheProtocol) {
  const auto facts = [&] { return journal_->facts("https://a.example").value_or(ServerFacts()); };
  ASSERT_TRUE(journal_->set_chunk_limit("https://a.example", 7));
  EXPECT_EQ(facts().protocol, std::nullopt);
  const std::int64_t before = unix_s();
  ASSERT_TRUE(journal_->set_protocol("https://a.example", "binary", ""));
  ASSERT_TRUE(journal_->set_protocol("https://a.example", "tus", "creation,checksum; 5"));
  EXPECT_EQ(facts().protocol, "tus");
  EXPECT_EQ(facts().tus, "creation,checksum; 5");
  ASSERT_TRUE(facts().protocol_s);
  EXPECT_GE(*facts().protocol_s, before);
  EXPECT_EQ(facts().chunk_limit, 7U);

  const std::string longest(max_tus_facts, '~');
  for (const std::string& tus : {longest + "~", std::string("a\n"), std::string("\xC3\xA9")}) {
    const auto refused = journal_->set_protocol("https://a.example", "tus", tus);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::failed);
    EXPECT_TRUE(holds(refused.error().message, journal_->path()));
  }
  EXPECT_FALSE(journal_->set_protocol("https://a.example", "gopher", ""));
  EXPECT_EQ(facts().tus, "creation,checksum; 5") << "what is refused changes nothing";
  ASSERT_TRUE(journal_->set_protocol("https://a.example", "tus", longest));
  EXPECT_EQ(facts().tus, longest);

  for (const char* nonsense : {"protocol = 'gopher'", "protocol_s = -1", "tus = char(27)"}) {
    ASSERT_TRUE(journal_->set_protocol("https://a.example", "tus", "x"));
    test::spoil(dir_.path(), std::string("UPDATE servers SET ") + nonsense);
    EXPECT_EQ(facts().protocol, std::nullopt) << nonsense;
    EXPECT_EQ(facts().tus, "") << nonsense;
  }

  ASSERT_TRUE(journal_->set_protocol("https://a.example", "phased", ""));
  EXPECT_EQ(facts().protocol, "phased");
  EXPECT_EQ(facts().chunk_limit, 7U);
}

TEST_P(JournalTest, KeepsEverythingAfterReopening) {
  const std::int64_t id = begin(sample_entry());
  hash(id, 0, checksums_of(0, 20), "after 20");
  record(id, {.committed = 80'000'000});
  journal_.reset();
  journal_ = test::open_journal(dir_.path());
  EXPECT_EQ(get(id).committed, 80'000'000U);
  EXPECT_EQ(get(id).digest_state, "after 20");
  EXPECT_EQ(*journal_->checksums(id, 0, 20), checksums_of(0, 20));
  EXPECT_EQ(test::integrity(dir_.path()), "ok");
}

TEST_P(JournalTest, ThreadsAndConnectionsWriteConcurrently) {
  // Two connections with two threads each: the threads of one process must not drop each other's
  // locks.
  const auto second = test::open_journal(dir_.path());
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      Journal& journal = t % 2 == 0 ? *journal_ : *second;
      const auto id = journal.begin(sample_entry("file " + std::to_string(t)));
      ASSERT_TRUE(id) << id.error().message;
      for (std::uint64_t block = 0; block < 10; ++block) {
        const std::vector<std::uint64_t> one = checksums_of(block, 1);
        const auto recorded = journal.record(
            *id, {.committed = block, .hashed = Journal::Step::Hashed{block, one, "state"}});
        ASSERT_TRUE(recorded) << recorded.error().message;
        ASSERT_TRUE(journal.list(true));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto listing = journal_->list(false);
  ASSERT_TRUE(listing);
  ASSERT_EQ(listing->entries.size(), 4U);
  for (const JournalEntry& entry : listing->entries) {
    EXPECT_EQ(entry.committed, 9U);
    EXPECT_EQ(*journal_->checksums(entry.id, 0, 10), checksums_of(0, 10));
  }
}

}  // namespace
}  // namespace sluice::journal_test
