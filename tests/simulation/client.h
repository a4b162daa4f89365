#pragma once

#include <memory>
#include <optional>
#include <string>

#include "engine/base/executor.h"
#include "engine/upload.h"
#include "engine/upload/engine_resources.h"
#include "tests/simulation/faults.h"
#include "tests/simulation/timeline.h"
#include "tests/simulation/trace.h"
#include "tests/simulation/transport.h"

namespace sluice::sim {

/// The engine's background work as events, each of which takes a time that the dice choose.
class SimExecutor final : public Executor {
 public:
  struct Setting {
    Duration read = std::chrono::microseconds(100);  ///< a block, on average
    Duration write = std::chrono::milliseconds(1);   ///< a transaction, on average
    Duration check = std::chrono::microseconds(10);  ///< a block of a second pass over the file
    double busy = 0.01;  ///< probability that a disk is busy with something else, 50 times as long
  };

  SimExecutor(const Setting& setting, Timeline& time, Timeline::Owner owner, Dice dice)
      : setting_(setting), time_(time), owner_(owner), dice_(dice) {}

  void post(Work work, std::function<void()> event) override;
  /// Whether the journal has written and reported all that was handed to it, a little while ago.
  bool has_written() const {
    return writing_ == 0 && time_.steady_now() - written_at_ > std::chrono::milliseconds(100);
  }

 private:
  const Setting setting_;
  Timeline& time_;
  const Timeline::Owner owner_;
  Dice dice_;
  unsigned in_vain_ = 0;  ///< looks for a buffer in a row
  unsigned writing_ = 0;  ///< events of the journal that have not run
  Clock::time_point written_at_{};
};

/// One process of the client: an engine that uploads one file, or the same file under two names at
/// once, from the journal that an earlier one left. One thread.
class Client {
 public:
  struct Setting {
    EngineOptions options;
    UploadRequest request;
    SimTransport::Setting transport;
    SimExecutor::Setting executor;
    /// Asks the server first what it speaks; otherwise `request` says so.
    bool asks_first = false;
    /// Another name under which the file is uploaded at the same time; empty for none.
    std::string second_name{};
    /// How long after the beginning of the first question the process is killed; empty: it is not.
    std::optional<Duration> killed_in_question{};
  };
  /// What all processes of a world share; outlives them.
  struct Surroundings {
    Timeline& time;
    Trace& trace;
    Network& network;
    Faults& faults;
    SimTransport::Doubt& doubt;
    std::function<bool()> may_commit;
  };

  /// `number`: of the process, from 1. `journal`: its bytes.
  Client(Setting setting, const Surroundings& around, unsigned number, const std::string& journal);
  /// Dead or over; else it is cancelled.
  ~Client();

  /// Asks what is to be asked, which takes virtual time, and starts the uploads. False where the
  /// first does not begin: error() says why.
  bool start();
  /// Whether the process was killed in start(): crash() returns its journal.
  bool was_killed() const { return killed_journal_.has_value(); }
  bool over() const { return over_ && (!second_ || second_over_); }
  const std::optional<Error>& error() const { return error_; }
  /// Once it is over: its report.
  Report finish();
  /// The same of the second upload; nothing if there is none, or if it did not begin.
  std::optional<Report> finish_second();
  /// The process is killed now: returns what is in the journal. Nothing of it reaches anything any
  /// more.
  std::string crash();
  /// Also while start() asks.
  void cancel() {
    cancelled_ = true;
    if (upload_) upload_->cancel();
    if (second_) second_->cancel();
  }
  /// Bytes that the server has confirmed, of both uploads.
  std::uint64_t committed() const {
    return upload_->progress().committed + (second_ ? second_->progress().committed : 0);
  }
  void kill_connections() {
    if (transport_ != nullptr) transport_->kill_connections();
  }

  /// Whether the journal says that the file may be registered.
  bool journal_says_verifying() const;
  /// Whether nothing more will be written to the journal for what has happened so far.
  bool journal_rests() const { return executor_.has_written(); }
  std::string journal() const { return journal_->serialize(); }
  std::size_t open_exchanges() const { return transport_->open(); }
  SimTransport::Counts counts() const { return transport_->counts(); }
  std::size_t buffers_out() const { return pool_->count() - pool_->available(); }

 private:
  Timeline::Owner mail() const { return 2 * number_; }
  Timeline::Owner work() const { return 2 * number_ + 1; }
  Result<std::unique_ptr<Upload>> start_one(const UploadRequest& request);
  void bury();

  Setting setting_;
  const Surroundings around_;
  const unsigned number_;
  SimExecutor executor_;
  std::shared_ptr<BufferPool> pool_;
  Journal* journal_ = nullptr;         ///< the engine's
  SimTransport* transport_ = nullptr;  ///< the same
  bool over_ = false;
  bool second_over_ = false;
  std::optional<std::string> killed_journal_;
  bool dead_ = false;
  bool cancelled_ = false;
  std::optional<Error> error_;
  std::unique_ptr<EngineResources> engine_;
  std::unique_ptr<Upload> upload_;
  std::unique_ptr<Upload> second_;
};

}  // namespace sluice::sim
