// The decision what to do for a request, before a byte is sent: with files and a journal, without a
// network.
#include "engine/upload/upload_preparation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "engine/report/receipt.h"
#include "io/local_file.h"
#include "tests/engine/journal/journal_sample.h"
#include "tests/support/temp_dir.h"

namespace sluice::upload_preparation_test {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr std::size_t block = 4096;
constexpr const char* address = "https://databank.example/files/1";

/// A network that must not be used.
class NoNetwork final : public Transport {
 public:
  void stop() override {}
  bool drain() override { return false; }
  void post(std::function<void()>) override {}
  void post_at(std::chrono::steady_clock::time_point, std::function<void()>) override {}
  ExchangeId start(const Exchange&, OnAnswer) override {
    ADD_FAILURE() << "a request was sent";
    return 0;
  }
  void cancel(ExchangeId) override {}
  std::optional<Answer::Network> network_of(ExchangeId) const override { return {}; }
  bool is_network_thread() const override { return false; }
  std::chrono::nanoseconds cpu_time() const override { return {}; }
  void resume(ExchangeId) override {}
};

class PrepareUpload : public testing::Test {
 protected:
  PrepareUpload() {
    request_.base_url = "https://databank.example";
    request_.dataset = "IDB-1";
    request_.token = Secret("0123456789abcdef");
    request_.path = dir_ / "scan.h5";
    request_.name = "scan.h5";
    request_.read_mode = ReadMode::buffered;
    speak(ProtocolKind::tus);
    resize(10 * block);
    options_.block_bytes = block;
    options_.state_dir = state_.path();
    options_.log = [this](LogLevel, const std::string& text) { said_.push_back(text); };
  }

  void speak(ProtocolKind kind) { request_.server.protocol = kind; }
  void announce(const std::string& extension) {
    request_.server.tus.extensions.push_back(extension);
  }
  void resize(std::uint64_t size) {
    test::write_file(request_.path, "");
    std::filesystem::resize_file(request_.path, size);
  }

  EngineResources& engine() {
    if (engine_) return *engine_;
    auto pool = BufferPool::create(block, 16);
    EXPECT_TRUE(pool);
    engine_ = std::make_unique<EngineResources>(EngineResources::Setting{
        .options = options_,
        .pool = *std::move(pool),
        .journal = options_.journal ? test::open_journal(state_.path()) : nullptr,
        .transports = [](unsigned, const std::shared_ptr<NetworkLimits>&) {
          return std::make_unique<NoNetwork>();
        }});
    return *engine_;
  }
  Journal& journal() { return *engine().journal(); }

  /// The journal entry of an earlier run of the unchanged file.
  void leave(JournalStep step, std::string_view protocol = "tus") {
    JournalEntry entry =
        first_entry(request_, protocol, *identity_at(request_.path), options_.block_bytes);
    const auto id = journal().begin(entry);
    ASSERT_TRUE(id) << id.error().message;
    if (protocol == "tus") step.upload_url = address;
    const auto done = journal().record(*id, step);
    ASSERT_TRUE(done) << done.error().message;
  }
  void leave_registered(std::string_view protocol = "tus") {
    const std::uint64_t size = std::filesystem::file_size(request_.path);
    Receipt receipt;
    receipt.file = request_.path;
    receipt.name = request_.name;
    receipt.dataset = request_.dataset;
    receipt.system = request_.base_url;
    receipt.bytes = size;
    receipt.modified = receipt.started = receipt.registered = utc_time(std::int64_t{0});
    receipt.xxh128 = std::string(32, 'a');
    receipt.protocol = protocol;
    receipt.version = "1";
    leave(
        {.committed = size, .state = JournalEntry::State::registered, .receipt = to_json(receipt)},
        protocol);
  }

  Result<PreparedUpload> prepare() { return UploadPreparation(engine()).prepare(request_); }
  /// Returns the prepared upload as a Thing. Otherwise throws, which ends the test.
  template <class Thing>
  Thing prepared() {
    auto prepared = prepare();
    if (!prepared) throw std::runtime_error(prepared.error().message);
    return std::get<Thing>(*std::move(prepared));
  }
  UploadRun::Setting upload() { return prepared<UploadRun::Setting>(); }
  void expect_error(ErrorKind kind, const std::string& message) {
    const auto prepared = prepare();
    ASSERT_FALSE(prepared);
    EXPECT_EQ(prepared.error().kind, kind);
    EXPECT_THAT(prepared.error().message, HasSubstr(message));
  }
  DatasetLock lock(const std::string& name, DatasetLock::Scope scope) {
    auto taken =
        DatasetLock::acquire(state_.path(), request_.base_url, request_.dataset, name, scope);
    if (!taken) throw std::runtime_error(taken.error().message);
    return *std::move(taken);
  }

  test::TempDir dir_{test::memory_directory()};
  test::TempDir state_{test::memory_directory()};
  EngineOptions options_;
  UploadRequest request_;
  std::vector<std::string> said_;
  std::unique_ptr<EngineResources> engine_;
};

TEST_F(PrepareUpload, RejectsMissingFile) {
  std::filesystem::remove(request_.path);
  expect_error(ErrorKind::local_file, "scan.h5");
}

TEST_F(PrepareUpload, ChecksRequestBeforeFile) {
  std::filesystem::remove(request_.path);
  request_.dataset.clear();
  expect_error(ErrorKind::usage, "");
}

TEST_F(PrepareUpload, ChecksFileBeforeLock) {
  const DatasetLock other = lock("scan.h5", DatasetLock::Scope::name);
  std::filesystem::remove(request_.path);
  expect_error(ErrorKind::local_file, "scan.h5");
}

TEST_F(PrepareUpload, StartsUnknownFile) {
  const UploadRun::Setting setting = upload();
  EXPECT_EQ(setting.protocol->name(), std::string("tus"));
  EXPECT_EQ(setting.source->identity().size, 10 * block);
  EXPECT_TRUE(setting.lock);
  EXPECT_FALSE(setting.earlier);
  EXPECT_FALSE(setting.registered);
  EXPECT_NE(setting.share, nullptr);
  EXPECT_EQ(setting.gate_rule, RequestGate::Rule::queues);
  EXPECT_EQ(setting.preparation, nullptr);
}

TEST_F(PrepareUpload, DoesNotQueuePhasedUploads) {
  speak(ProtocolKind::phased);
  const UploadRun::Setting setting = upload();
  EXPECT_EQ(setting.gate_rule, RequestGate::Rule::never_waits);
  EXPECT_EQ(setting.share, nullptr) << "it may have the whole pool";
}

TEST_F(PrepareUpload, ResumesEarlierRun) {
  leave({.committed = 2 * block});
  const UploadRun::Setting setting = upload();
  ASSERT_TRUE(setting.earlier);
  EXPECT_EQ(setting.earlier->entry.committed, 2 * block);
  EXPECT_EQ(setting.protocol->upload_url(), address);
}

TEST_F(PrepareUpload, KeepsBlockSizeOfEarlierRun) {
  leave({.committed = 2 * block});
  engine_.reset();
  options_.block_bytes = 2 * block;
  EXPECT_EQ(upload().block_bytes, block);
}

TEST_F(PrepareUpload, IgnoresEarlierRunInDryRun) {
  leave({.committed = 2 * block});
  const DatasetLock other = lock("scan.h5", DatasetLock::Scope::name);
  request_.dry_run = true;
  const UploadRun::Setting setting = upload();
  EXPECT_FALSE(setting.earlier);
  EXPECT_FALSE(setting.lock);
}

TEST_F(PrepareUpload, AbandonsUploadsIfServerCanDelete) {
  leave({.committed = 2 * block});
  request_.restart = true;
  EXPECT_THAT(upload().abandoned, IsEmpty());
  announce("termination");
  EXPECT_THAT(upload().abandoned, testing::ElementsAre(address));
}

TEST_F(PrepareUpload, DoesNothingForRegisteredFile) {
  leave_registered();
  const auto before = prepared<RegisteredBefore>();
  EXPECT_EQ(before.entry.name, "scan.h5");
  EXPECT_EQ(before.request.path, request_.path);
}

TEST_F(PrepareUpload, AsksPhasedServerForRegisteredFile) {
  speak(ProtocolKind::phased);
  leave_registered("phased");
  const UploadRun::Setting setting = upload();
  ASSERT_TRUE(setting.registered);
  EXPECT_EQ(setting.registered->name, "scan.h5");
}

TEST_F(PrepareUpload, ComparesTouchedRegisteredFile) {
  leave_registered();
  std::filesystem::last_write_time(request_.path, std::filesystem::file_time_type());
  const auto comparison = prepared<Comparison>();
  EXPECT_EQ(comparison.entry.name, "scan.h5");
  EXPECT_NE(comparison.source, nullptr);
  EXPECT_THAT(said_, Contains(HasSubstr("its modification time has changed since")));
}

TEST_F(PrepareUpload, ReadsRegisteredFileForMissingDigest) {
  leave_registered();
  request_.digests = {DigestKind::md5};
  request_.expected.md5 = std::string(32, 'b');
  static_cast<void>(prepared<Comparison>());
  EXPECT_THAT(said_, Contains(HasSubstr("its receipt lacks an expected digest")));
}

TEST_F(PrepareUpload, RejectsUploadOfAnotherProcess) {
  const DatasetLock other = lock("scan.h5", DatasetLock::Scope::name);
  expect_error(ErrorKind::failed, "IDB-1");
}

TEST_F(PrepareUpload, LocksDatasetOnlyOverPhased) {
  const DatasetLock other = lock("other.h5", DatasetLock::Scope::name);
  EXPECT_TRUE(upload().lock);
  speak(ProtocolKind::phased);
  expect_error(ErrorKind::failed, "IDB-1");
}

TEST_F(PrepareUpload, TakesNoLockWithoutStateDirectory) {
  options_.state_dir.clear();
  options_.journal = false;
  EXPECT_FALSE(upload().lock);
}

TEST_F(PrepareUpload, RejectsDeletingStagedBytesOfAnotherFile) {
  speak(ProtocolKind::phased);
  leave({.committed = 2 * block}, "phased");
  request_.name = "other.h5";
  expect_error(ErrorKind::usage, "of an unfinished upload of 'scan.h5'");
}

TEST_F(PrepareUpload, WarnsOfNameThatServerChanges) {
  speak(ProtocolKind::phased);
  request_.name = "my scan.h5";
  upload();
  EXPECT_THAT(said_, Contains(HasSubstr("may be registered as 'my_scan.h5'")));
  said_.clear();
  speak(ProtocolKind::tus);
  upload();
  EXPECT_THAT(said_, Not(Contains(HasSubstr("may be registered as"))));
}

TEST_F(PrepareUpload, RejectsPartsWithoutConcatenation) {
  request_.lanes = 2;
  expect_error(ErrorKind::usage, "use --lanes 0");
}

TEST_F(PrepareUpload, AddsPartsToJournal) {
  announce("concatenation");
  resize(std::uint64_t{10} << 20);
  request_.lanes = 2;
  const UploadRun::Setting setting = upload();
  ASSERT_NE(setting.preparation, nullptr);
  ASSERT_TRUE(setting.earlier);
  const auto parts = journal().parts(setting.earlier->entry.id);
  ASSERT_TRUE(parts) << parts.error().message;
  EXPECT_EQ(parts->size(), 2U);
}

TEST_F(PrepareUpload, ResumesParts) {
  announce("concatenation");
  resize(std::uint64_t{10} << 20);
  request_.lanes = 2;
  const std::int64_t id = upload().earlier->entry.id;
  request_.lanes = 1;
  const UploadRun::Setting setting = upload();
  ASSERT_TRUE(setting.earlier);
  EXPECT_EQ(setting.earlier->entry.id, id);
  ASSERT_NE(setting.preparation, nullptr) << "the parts of the earlier run stay";
}

TEST_F(PrepareUpload, SendsFileInOnePieceOnRequest) {
  announce("concatenation");
  resize(std::uint64_t{10} << 20);
  request_.lanes = 2;
  request_.in_one_piece = true;
  EXPECT_EQ(upload().preparation, nullptr);
}

TEST_F(PrepareUpload, LogsThatPartsWouldBeTooShort) {
  announce("concatenation");
  request_.lanes = 2;
  EXPECT_EQ(upload().preparation, nullptr);
  EXPECT_THAT(said_, Contains(HasSubstr("in fewer than 2 parallel parts")));
}

}  // namespace
}  // namespace sluice::upload_preparation_test
