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

/// An Executor that runs the engine's background work as events on a Timeline, each after a random
/// time.
class SimExecutor final : public Executor {
 public:
  struct Setting {
    Duration read = std::chrono::microseconds(100);  ///< average time to read a block
    Duration write = std::chrono::milliseconds(1);   ///< average time of a journal transaction
    Duration check = std::chrono::microseconds(10);  ///< time for a block of a second reading
    double busy = 0.01;  ///< probability that a read or write takes 50 times as long
  };

  SimExecutor(const Setting& setting, Timeline& time, Timeline::Owner owner, Dice dice)
      : setting_(setting), time_(time), owner_(owner), dice_(dice) {}

  void post(Work work, std::function<void()> event) override;
  /// Returns whether the journal has had no work for 100 ms.
  bool has_written() const {
    return writing_ == 0 && time_.steady_now() - written_at_ > std::chrono::milliseconds(100);
  }

 private:
  const Setting setting_;
  Timeline& time_;
  const Timeline::Owner owner_;
  Dice dice_;
  unsigned in_vain_ = 0;  ///< consecutive times that no buffer was free
  unsigned writing_ = 0;  ///< events of the journal that have not run
  Clock::time_point written_at_{};
};

/// One process of the client: an engine that uploads one file, or the same file under two names at
/// once, with the journal of the process before. One thread.
class Client {
 public:
  struct Setting {
    EngineOptions options;
    UploadRequest request;
    SimTransport::Setting transport;
    SimExecutor::Setting executor;
    /// Asks the server first which protocol it supports; false: `request.server` says so.
    bool asks_first = false;
    /// Another name under which the file is uploaded at the same time; empty for none.
    std::string second_name{};
    /// How long after the beginning of the first question the process is killed; empty: it is not.
    std::optional<Duration> killed_in_question{};
  };
  /// The objects that all processes of a world share. All must outlive the processes.
  struct Surroundings {
    Timeline& time;
    Trace& trace;
    Network& network;
    Faults& faults;
    SimTransport::Doubt& doubt;
    std::function<bool()> may_commit;  ///< asked before each COMMIT of the journal; false: it fails
  };

  /// `number`: number of the process, from 1. `journal`: the bytes of the journal's database.
  Client(Setting setting, const Surroundings& around, unsigned number, const std::string& journal);
  /// Cancels the upload if it is still running.
  ~Client();

  /// Asks the server if Setting::asks_first, which takes virtual time, and starts the uploads.
  /// Returns false if the first upload cannot be started: error() says why.
  bool start();
  /// Whether the process was killed in start(): crash() returns its journal.
  bool was_killed() const { return killed_journal_.has_value(); }
  /// Returns whether all uploads have ended.
  bool over() const { return over_ && (!second_ || second_over_); }
  const std::optional<Error>& error() const { return error_; }
  /// Returns the report of the upload. Call when over() is true.
  Report finish();
  /// Returns the report of the second upload; nullopt if there is none, or if it was not started.
  std::optional<Report> finish_second();
  /// Kills the process: it sends and writes nothing from now on. Returns the bytes of the journal.
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

  /// Returns whether the journal says that the file may be registered.
  bool journal_says_verifying() const;
  /// Returns whether the journal has written everything that has happened so far.
  bool journal_rests() const { return executor_.has_written(); }
  /// Returns the bytes of the journal's database.
  std::string journal() const { return journal_->serialize(); }
  std::size_t open_exchanges() const { return transport_->open(); }
  SimTransport::Counts counts() const { return transport_->counts(); }
  /// Returns the number of buffers that are not in the pool.
  std::size_t buffers_out() const { return pool_->count() - pool_->available(); }
  bool has_free_buffer() const { return pool_->available() > 0; }

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
