#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "io/random.h"
#include "tests/simulation/client.h"
#include "tests/simulation/file.h"
#include "tests/simulation/script.h"

namespace sluice::sim {

/// A fixture for uploads of one file in virtual time to a simulated server, where the test sets
/// each fault. An upload that waits for minutes takes a millisecond of real time.
///
/// A test changes the options and the server's settings below, sets faults with strike(), and calls
/// upload(), which runs a process until its upload ends. The next upload() is a new process with
/// the journal of the process before. With SLUICE_TEST_TRACE in the environment, each event is
/// printed with its time.
class TimedUpload : public testing::Test {
 protected:
  using Generation = Bank::Generation;
  using Status = Report::Status;

  static constexpr std::size_t block = 4096;
  static constexpr std::uint64_t chunk = 10'000;
  static constexpr std::size_t file_size = 36'987;
  static constexpr std::size_t chunks = 4;

  TimedUpload() {
    random_bits().seed(7);
    options().block_bytes = block;
    options().pool_bytes = 4 * block;
    options().workers = 1;
    options().log = [this](LogLevel level, const std::string& text) {
      if (level == LogLevel::warning) warnings_ += text + '\n';
      trace_.say("  {}", text);
    };
    request().base_url = "http://bank.sim";
    request().dataset = bank_.dataset;
    request().path = "/sim/scan.h5";
    request().name = "scan.h5";
    request().chunk_bytes = chunk;
    request().lookahead = 0;
    request().server.token_taken = true;
    network_.keeps_idle = std::chrono::seconds(75);
    speak(Generation::phased);
  }
  ~TimedUpload() override {
    time_.lift_limits();  // of what a failed test leaves
    process_.reset();
  }

  /// Chooses the server and its protocol.
  void speak(Generation generation) {
    bank_.generation = generation;
    request().server.protocol = generation == Generation::phased   ? ProtocolKind::phased
                                : generation == Generation::binary ? ProtocolKind::binary
                                                                   : ProtocolKind::tus;
    tus_.extensions = {"creation", "termination"};
    request().server.tus.extensions = tus_.extensions;
  }
  /// Makes the file large enough for parts, which the server can join.
  void speak_tus_in_parts(unsigned parts = 2) {
    speak(Generation::tus);
    tus_.extensions.emplace_back("concatenation");
    request().server.tus.extensions = tus_.extensions;
    request().server.tus.sends_resumable = true;
    request().lanes = parts;
    request().chunk_bytes = 0;
    content_ = content(7, (std::size_t{11} << 19) * parts);
    options().block_bytes = 256 << 10;
    options().pool_bytes = 8 * options().block_bytes;
    network_.link.rate = 1e8;
    network_.max_in_flight_bytes = 4 << 20;
    client_.transport.piece_bytes = 256 << 10;
  }

  UploadRequest& request() { return client_.request; }
  EngineOptions& options() { return client_.options; }
  void strike(Strike strike) { script_.add(std::move(strike)); }
  File& file() {
    make_world();
    return *world_file_;
  }

  /// Starts an upload in a new process and returns while the upload runs. Throws std::runtime_error
  /// if the upload cannot be started, which ends the test.
  void start() {
    make_world();
    process_.reset();
    request().token = Secret(bank_.token);
    process_ = std::make_unique<Client>(client_,
                                        Client::Surroundings{.time = time_,
                                                             .trace = trace_,
                                                             .network = *way_,
                                                             .faults = no_faults_,
                                                             .doubt = doubt_,
                                                             .may_commit = [] { return true; }},
                                        ++processes_, journal_);
    started_at_ = time_.elapsed();
    if (!process_->start()) throw std::runtime_error(process_->error()->message);  // ends the test
  }
  /// Runs events until the upload ends. Returns its report.
  Report finish() {
    while (!process_->over())
      if (!time_.run_one()) throw std::runtime_error("the upload waits for nothing");
    took_ = time_.elapsed() - started_at_;
    Report report = process_->finish();
    journal_ = process_->journal();
    EXPECT_EQ(process_->buffers_out(), 0U) << "buffers are not back in the pool";
    return report;
  }
  Report upload() {
    start();
    return finish();
  }
  /// Kills the process. The next one has its journal.
  void kill() {
    journal_ = process_->crash();
    process_.reset();
  }
  /// Starts an upload. Returns the error if it does not start, or nothing.
  std::optional<Error> try_start() {
    try {
      start();
    } catch (const std::runtime_error&) {
      return process_->error();
    }
    return {};
  }
  /// Runs events until `condition` is true. Ends the test if that does not happen.
  void run_until(const std::function<bool()>& condition) {
    while (!condition())
      if (!time_.run_one()) throw std::runtime_error("nothing happens any more");
  }
  /// Runs the events of the next `time` of virtual time.
  void pass(Duration time) { time_.pass_until(time_.steady_now() + time); }

  /// The virtual time of the last upload, in seconds.
  double took() const { return std::chrono::duration<double>(took_).count(); }
  /// Returns the virtual seconds between two requests of a step, given by their indices from 0.
  double between(Step step, std::size_t first, std::size_t second) {
    const auto& times = script_.times(step);
    return std::chrono::duration<double>(times.at(second) - times.at(first)).count();
  }
  std::size_t count(Step step) { return script_.count(step); }

  void expect_registered(const Report& report) {
    EXPECT_EQ(report.status, Status::registered) << (report.error ? report.error->message : "");
    ASSERT_EQ(bank_.registered.size(), 1U);
    EXPECT_TRUE(bank_.registered.front().bytes == world_file_->bytes());
  }
  void expect_error(const Report& report, Status status, ErrorKind kind, std::string_view says) {
    EXPECT_EQ(report.status, status);
    ASSERT_TRUE(report.error);
    EXPECT_STREQ(to_string(report.error->kind), to_string(kind));
    EXPECT_THAT(report.error->message, testing::HasSubstr(says));
  }

  Bank bank_;
  TusSetting tus_;
  Network::Setting network_;
  Client::Setting client_;
  std::string content_ = content(7, file_size);

  std::string warnings_;
  Script script_;
  std::unique_ptr<Server> server_;  ///< must outlive the events, which refer to its calls
  Timeline time_;
  std::unique_ptr<Client> process_;

 private:
  /// Creates the file, the server and the network from the test's settings, at the first call.
  void make_world() {
    if (way_) return;
    world_file_.emplace(request().path, content_);
    files_.emplace(*world_file_);
    server_ = bank_.generation == Generation::phased   ? make_phased_server(bank_)
              : bank_.generation == Generation::binary ? make_binary_server(bank_)
                                                       : make_tus_server(bank_, tus_);
    way_ = std::make_unique<Network>(network_, time_, trace_, no_faults_, bank_, *server_);
    way_->follow(script_);
  }

  ScopedTimeSource clock_{time_};
  Trace trace_{time_, std::getenv("SLUICE_TEST_TRACE") != nullptr};
  Faults no_faults_{Dice(7), {}};
  SimTransport::Doubt doubt_;
  std::optional<File> world_file_;
  std::optional<ScopedFileSystem> files_;
  std::unique_ptr<Network> way_;
  std::string journal_;
  unsigned processes_ = 0;
  Duration started_at_{};
  Duration took_{};
};

}  // namespace sluice::sim
