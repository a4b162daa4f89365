#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/digest/file_digest.h"
#include "engine/http/network_threads.h"
#include "engine/http/transport.h"
#include "engine/journal/dataset_lock.h"
#include "engine/journal/upload_record.h"
#include "engine/pipeline/payload_stream.h"
#include "engine/pipeline/pool_shares.h"
#include "engine/policy/chunk_check.h"
#include "engine/policy/request_gate.h"
#include "engine/policy/retry.h"
#include "engine/protocol/protocol.h"
#include "engine/upload/chunk_checksums.h"
#include "engine/upload/chunk_planner.h"
#include "engine/upload/chunk_sender.h"
#include "engine/upload/connection_choice.h"
#include "engine/upload/earlier_run.h"
#include "engine/upload/join_wait.h"
#include "engine/upload/lanes.h"
#include "engine/upload/preparation.h"
#include "engine/upload/recovery.h"
#include "engine/upload/registration.h"
#include "engine/upload/registration_journal.h"
#include "engine/upload/sent_file.h"
#include "engine/upload/server_load.h"
#include "engine/upload/token_check.h"
#include "engine/upload/tokens.h"
#include "engine/upload/transfer_times.h"
#include "engine/upload/upload_outcome.h"
#include "engine/upload/upload_request.h"
#include "engine/upload/upload_state.h"
#include "io/sync.h"

namespace sluice {

/// The coordinator of one upload: asks the Protocol for the next request, sends it, hands the
/// answer back, until the file is registered or an error is final. Transient errors are retried
/// (Recovery). The journal is told what was done (UploadRecord). UploadState has its states.
///
/// Sources:
/// upload_run.cc           the main path: the next request, and what its answer means
/// upload_control.cc       cancel, progress, the report: calls from other threads
/// upload_clearance.cc     which bytes may leave when
/// upload_join.cc          when parts may be joined again
/// upload_registration.cc  when the file may be registered, and whether it was
/// upload_token.cc         a refused token
/// upload_failure.cc       a failed request: retry, start over, or fail
/// upload_end.cc           report, receipt, the journal's last entry
///
/// It has more fields and functions than other classes, as every part of an upload meets here: it
/// owns the parts, and each function passes what one of them has found to another one.
///
/// One network thread, which start() chooses, runs all of it. Kept alive by its handle and by what
/// is in flight on that thread.
class UploadRun : public Lane,
                  private ChunkSender::Owner,
                  public std::enable_shared_from_this<UploadRun> {
 public:
  struct Setting {
    UploadRequest request;
    std::unique_ptr<Source> source;
    std::unique_ptr<Protocol> protocol;
    BufferPool& pool;
    ChecksumWorkers& workers;
    NetworkThreads& network;  ///< outlives the run
    std::size_t block_bytes;
    std::chrono::seconds response_timeout;  ///< 0: the protocol's own
    RetryPolicy retry;
    Log log;
    JournalThread* journal;           ///< null for none; outlives the run
    std::optional<DatasetLock> lock;  ///< held until the upload is over
    std::optional<EarlierRun> earlier;
    std::optional<std::chrono::seconds> register_wait;  ///< EngineOptions
    std::uint64_t bytes_per_second;                     ///< EngineOptions
    ServerFacts server;                                 ///< as the journal has them
    /// Uploads at the server that nobody needs any more: they are dropped. Absolute URLs.
    std::vector<std::string> abandoned = {};
    ChunkCheck chunk_check = {};
    /// This is a part of a file: it is not registered, and its blocks come out of a share of the
    /// pool, which has `least_blocks` when there are as many lanes as there may be.
    struct Part {
      std::uint64_t begin = 0;  ///< offset in the file
      std::unique_ptr<BufferPool> share;
      std::size_t least_blocks = 2;
    };
    std::optional<Part> part = {};
    /// What has to be done before the first request; null for nothing.
    std::shared_ptr<Preparation> preparation = {};
    std::optional<JournalEntry> registered = {};  ///< EarlierRuns
    RequestGate* gate = nullptr;  ///< in front of the server; null for none; outlives the run
    RequestGate::Rule gate_rule = RequestGate::Rule::queues;
    std::unique_ptr<PoolShares::Share> share = {};  ///< of `pool`; null: all of it
  };

  explicit UploadRun(Setting setting);
  ~UploadRun() override;

  /// Any thread, once; may wait for the disk.
  void start() override;
  /// Any thread.
  void cancel() override;
  Progress progress() const override;
  bool wait_until(std::chrono::steady_clock::time_point deadline) {
    return outcome_.wait_until(deadline);
  }
  Report wait();
  /// Once it is over, what wait() returns but for what waits for a disk. Any thread.
  Report report_now() const override { return outcome_.report(); }
  std::uint64_t handed() const override { return payload_.handed(); }
  /// Any thread: as of a quarter of a second ago at most; on the run's own network thread, as of
  /// now.
  std::optional<Answer::Network> network() const override;
  /// Any thread.
  void one_of(unsigned lanes) override;
  void settle() override;
  // Of a part.
  void on_over(std::function<void()> call) override { on_part_over_ = std::move(call); }
  ByteRange range() const override;
  std::string upload_url() const override { return setting_.protocol->upload_url(); }
  FileDigest::Snapshot sent_checksums() const override { return digest_.snapshot(0); }

 private:
  using Clock = std::chrono::steady_clock;

  /// That its blocks come out of.
  BufferPool& buffers();
  /// Of those, how many it could have when it began.
  std::size_t planned_blocks() const;

  /// The network thread of this run, from start() on. Any thread.
  Transport& http() const { return place_.http(); }

  // Network thread.
  void enter(UploadState next);
  bool is_over() const { return state_ == UploadState::over; }
  void next_step();
  /// Sends the next request, or waits for what it needs, or ends the upload.
  void take_step();
  /// Whether a request may be sent now; else next_step() is called once one may.
  bool has_turn();
  /// Lets other uploads send, unless a request is in flight or about to be.
  void leave_turn();
  /// What the step needs is there now; false where that takes a while, or ended the upload.
  bool made_ready(const Request& request);
  void send(Request request);
  /// Updates the stages that progress() returns, and what network() does, four times a second, from
  /// now on until no request is out.
  void publish_stages();
  // ChunkSender::Owner
  std::shared_ptr<void> keep_alive() override;
  Transport& transport() const override { return http(); }
  Exchange make_exchange(const Request& request) override;
  std::uint64_t cleared(std::uint64_t offset) override;
  bool may_end(const Flight& flight) override;
  TransferTimes::At held_for(const Flight& flight) const override;
  void on_progress() override;
  void on_answer(Result<Answer> result) override;
  void on_unreadable(const Error& error) override;
  void on_too_large(std::uint64_t payload) override;
  void on_pipelining_refused() override;

  /// The request in front, or the last one that was.
  const Request& request() const { return sender_.front()->request; }
  void answered(Result<Answer> result);
  ChunkPlanner::Setting chunk_setting() const;
  /// Of the chunk that begins there, bytes.
  std::uint64_t next_length(std::uint64_t begin) const;
  /// Sends the chunk that waits for its checksum, if that is there now.
  void send_checksummed();
  /// Computes the checksum of the chunk behind the one that is in flight, meanwhile.
  void compute_next_checksum();
  void chunk_committed(std::uint64_t bytes);
  /// Starts the measurement of the time until the next chunk is confirmed.
  void begin_interval();
  /// `finish` or `whole`: the server may do it, or may have done it.
  bool registers(Request::Step step) const;
  /// The answer to one that registers came, or none did. Whether the server had all of that request
  /// and may have registered the file, without having said so.
  bool register_answered(const Result<Answer>& result);
  /// Tells the server to drop what nobody needs any more, if it can (tus's termination extension).
  void drop_abandoned();
  /// Does what comes before the first request.
  void prepare();
  void note_prepared();
  void prepared(Preparation::Outcome outcome);
  /// The server may be joining the parts, and may go on for a while: as long as it may take to
  /// register a file of this size, from when it was asked to.
  bool join_is_open() const;
  /// Whether the request of that step may be sent; if it is another join while one is open, the
  /// parts will be asked for instead, later.
  bool may_join(Request::Step step);
  /// Whether `error` is only what a server says of the parts while it joins them; then they will be
  /// asked for again.
  bool is_due_to_join(const Error& error);
  void ask_parts_later();
  /// The server refused a request with so many bytes of the file (413). False where nothing smaller
  /// can be sent.
  bool too_large(std::uint64_t payload);
  /// Any thread: what a body waits for may be there.
  void wake();
  void woken();
  void failed(Error error, std::optional<std::chrono::seconds> retry_after);
  /// Retries the step that failed, unless the error is permanent, or the step may have registered
  /// the file and the server cannot be asked whether it has.
  void retry_step(Error error, std::optional<std::chrono::seconds> retry_after);
  /// Calls `what` once a retry is due, or ends the upload.
  void retry(Recovery::Failure failure, void (UploadRun::*what)());
  void finish(Report::Status status, std::optional<Error> error);
  /// The same step once more, by way of what the protocol has to find out first.
  void try_again();
  /// Waits in the state `wait` until that time, and calls `what` then, unless something else has
  /// ended the wait.
  void later(UploadState wait, Clock::time_point when, void (UploadRun::*what)());
  /// The server has refused the token while a step was answered: finds out whether it does, and
  /// retries the step or looks for another token.
  void doubt_token(Error refusal, std::optional<std::chrono::seconds> retry_after);
  void ask_about_token();
  void token_answered(const TokenCheck::Finding& finding);
  void look_for_token();
  /// Forgets what was sent: the server has nothing of it any more.
  /// False where it is given up.
  bool begin_anew();
  void ask_registered();
  /// Whether the request of that step may be sent while a registration may be going on at the
  /// server; if not, the server is asked for it first, now or later.
  bool may_register(Request::Step step);
  SentFile::Setting file_setting();
  /// The second reading of the file is over.
  void checked();
  /// How long a server may be at a registration.
  std::chrono::seconds register_wait() const;
  /// What must hold before the file is registered; false where there is something to wait for.
  Result<bool> ready_to_finish();
  /// The journal is told that it is about to be; false where there is something to wait for.
  bool journal_knows();
  /// What went wrong below HTTP's own meaning, as a sentence about this file.
  Error explain(Error error) const;
  /// How an error about the last request begins: describe() of it.
  std::string doing() const;
  std::string redacted(std::string text) const;
  Receipt receipt(const Report& report) const;
  void say(LogLevel level, const std::string& text) const;

  Setting setting_;
  const std::string file_;  ///< for messages
  FileDigest digest_;
  PipelineClocks clocks_;
  std::atomic<std::uint64_t> committed_;
  std::atomic<bool> woken_{false};  ///< wake() has posted, and that was not run yet

  NetworkThreads::Place place_;  ///< set in start()

  // The network thread's until done_.
  UploadState state_ = UploadState::starting;
  ServerLoad load_;
  PayloadStream payload_;
  std::shared_ptr<UploadRecord> record_;  ///< null without a journal
  SentFile sent_file_;
  Tokens tokens_;
  TokenCheck token_check_;
  TransferTimes times_;
  ChunkPlanner planner_;
  ChunkSender sender_;
  ChunkChecksums checksums_;
  bool sent_any_ = false;  ///< a part of the file, in this run
  bool cancelled_ = false;
  Registration registration_;
  JoinWait join_wait_;
  Recovery recovery_;
  RegistrationJournal registration_journal_;
  std::optional<Error> file_error_;     ///< what ends the upload, whatever the server says
  std::function<void()> on_part_over_;  ///< of a part; set before start()
  ConnectionChoice connection_choice_;
  Clock::time_point begun_at_{};
  Clock::time_point stages_published_{};
  bool publishing_posted_ = false;
  std::chrono::system_clock::time_point started_{};
  std::uint64_t resumed_from_ = 0;

  Mutex stop_mutex_;  ///< of the callers of wait(), who end the readers
  UploadOutcome outcome_;
};

}  // namespace sluice
