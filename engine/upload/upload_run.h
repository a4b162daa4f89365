#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "engine/digest/file_digest.h"
#include "engine/http/transport.h"
#include "engine/journal/upload_record.h"
#include "engine/pipeline/payload_stream.h"
#include "engine/upload/chunk_checksums.h"
#include "engine/upload/chunk_planner.h"
#include "engine/upload/chunk_sender.h"
#include "engine/upload/connection_choice.h"
#include "engine/upload/file_registration.h"
#include "engine/upload/lanes.h"
#include "engine/upload/recovery.h"
#include "engine/upload/run_setting.h"
#include "engine/upload/sent_file.h"
#include "engine/upload/server_load.h"
#include "engine/upload/stage_publisher.h"
#include "engine/upload/token_check.h"
#include "engine/upload/tokens.h"
#include "engine/upload/transfer_times.h"
#include "engine/upload/upload_messages.h"
#include "engine/upload/upload_outcome.h"
#include "engine/upload/upload_state.h"
#include "io/sync.h"

namespace sluice {

/// The coordinator of one upload: asks the Protocol for the next request, sends the request, and
/// passes the answer to the Protocol, until the file is registered or an error is permanent.
/// Retries transient errors (Recovery). Records the progress in the journal (UploadRecord).
/// UploadState lists the states.
///
/// Sources:
/// upload_run.cc           the main path: the next request, and what its answer means
/// upload_setup.cc         construction and start
/// upload_control.cc       cancel, progress, the report: calls from other threads
/// upload_clearance.cc     which bytes may be sent when
/// upload_registration.cc  when the file may be registered and its parts joined
/// upload_token.cc         a refused token
/// upload_failure.cc       a failed request: retry, restart from the beginning, or fail
/// upload_end.cc           report, receipt, the journal's last entry
///
/// The class is larger than others because it connects all components of an upload: it owns them,
/// and each member function passes the result of one component to another. Decisions, messages and
/// measurements are in the components, which have unit tests without sockets.
///
/// start() chooses one network thread, which runs everything. The handle and everything in flight
/// on that thread keep the object alive.
class UploadRun : public Lane,
                  private ChunkSender::Owner,
                  public std::enable_shared_from_this<UploadRun> {
 public:
  using Setting = RunSetting;

  explicit UploadRun(Setting setting);
  ~UploadRun() override;

  /// Starts the upload. Call once. Any thread. May block on the disk.
  void start() override;
  /// Cancels the upload. Any thread.
  void cancel() override;
  Progress progress() const override;
  /// As Upload::wait_until(). Any thread.
  bool wait_until(std::chrono::steady_clock::time_point deadline) {
    return outcome_.wait_until(deadline);
  }
  /// Blocks until the upload has ended; releases its resources and returns its report. Not on a
  /// network thread.
  Report wait();
  /// Returns the report of wait() without the fields that need the disk. Call only after the upload
  /// has ended. Any thread.
  Report report_now() const override { return outcome_.report(); }
  std::uint64_t transmitted() const override { return payload_.total_read(); }
  /// Returns the measurements of the connection: at most 250 ms old, or current on the run's own
  /// network thread. Any thread.
  std::optional<Answer::Network> network() const override;
  /// Only for a part. Any thread.
  void set_lane_count(unsigned lanes) override;
  void wait_for_threads() override;
  // Only for a part.
  void on_over(std::function<void()> call) override { on_part_over_ = std::move(call); }
  ByteRange range() const override;
  std::string upload_url() const override { return setting_.protocol->upload_url(); }
  FileDigest::Snapshot sent_checksums() const override { return digest_.snapshot(0); }

 private:
  using Clock = std::chrono::steady_clock;

  /// The network thread of this run. Valid after start(). Any thread.
  Transport& http() const { return place_.http(); }

  // Network thread.
  /// Changes the state; asserts may_follow().
  void enter(UploadState next);
  bool is_over() const { return state_ == UploadState::over; }
  /// Takes the next step, and gives up the turn at the gate if no request is in flight.
  void next_step();
  /// Sends the next request, waits for what the request needs, or ends the upload.
  void take_step();
  /// Returns whether the gate allows a request now. If not, next_step() is called when it does.
  bool has_turn();
  /// Gives up the turn at the gate, unless a request is in flight or about to be sent.
  void leave_turn();
  /// Provides what `request` needs. Returns false if the upload has to wait for that, or has ended.
  bool made_ready(const Request& request);
  void send(Request request);

  // ChunkSender::Owner
  std::shared_ptr<void> keep_alive() override;
  Transport& transport() const override { return http(); }
  Exchange make_exchange(const Request& request) override;
  std::uint64_t cleared(std::uint64_t offset) override;
  bool may_end(const Flight& flight) override;
  TransferTimes::At held_for(const Flight& flight) const override;
  void on_progress() override;
  void on_body_read() override;
  void on_answer(Result<Answer> result) override;
  void on_unreadable(const Error& error) override;
  void on_too_large(std::uint64_t payload) override;
  void on_pipelining_refused() override;

  /// The current or last front request.
  const Request& request() const { return sender_.front()->request; }
  /// Passes the answer of the front request to the protocol, and takes the next step.
  void answered(Result<Answer> result);
  /// Records what the server has confirmed by its answer to `request`.
  void confirmed(const Request& request);
  /// Length in bytes of the chunk that begins at offset `begin`.
  std::uint64_t next_length(std::uint64_t begin) const;
  /// Sends the chunk that waits for its checksum, if the checksum is computed.
  void send_checksummed();
  /// Computes the checksum of the next chunk while the front chunk is in flight.
  void compute_next_checksum();
  /// Records that the server confirmed a chunk of `bytes` bytes.
  void chunk_committed(std::uint64_t bytes);
  /// Starts to measure the time until the next chunk is confirmed.
  void begin_interval();
  /// Starts the Preparation.
  void prepare();
  /// Publishes the progress of the Preparation and records it in the journal.
  void note_prepared();
  /// Continues after the Preparation, or ends the upload with its failure.
  void prepared(Preparation::Outcome outcome);
  /// Records that the server refused a request with `payload` bytes of the file (413). Returns
  /// false if no smaller request is possible.
  bool too_large(std::uint64_t payload);
  /// Posts woken() to the network thread, unless it is posted already. Any thread.
  void wake();
  /// Resumes everything that may have waited for a block, a checksum or the journal.
  void woken();
  /// Handles a failed front request. `retry_after`: the server's Retry-After.
  void failed(Error error, std::optional<std::chrono::seconds> retry_after);
  /// Retries the failed step, unless the error is permanent, or the step is not safe to retry: it
  /// may have registered the file, and the server cannot be asked.
  void retry_step(Error error, std::optional<std::chrono::seconds> retry_after);
  /// Schedules `what` for the time of the retry, or ends the upload.
  void retry(Recovery::Failure failure, void (UploadRun::*what)());
  /// Ends the upload: builds the report and writes the last journal entry.
  void finish(Report::Status status, std::optional<Error> error);
  /// Repeats the step, after the protocol has asked the server for its state where necessary.
  void try_again();
  /// Enters the state `wait`, and calls `what` at `when` if the upload is then still in that state.
  void later(UploadState wait, Clock::time_point when, void (UploadRun::*what)());
  /// Handles an answer that refuses the token: asks the server whether it really does, and then
  /// retries the step or looks for another token.
  void check_token_refusal(Error refusal, std::optional<std::chrono::seconds> retry_after);
  /// Asks the server about the current token.
  void ask_about_token();
  /// Handles the result of ask_about_token().
  void token_answered(const TokenCheck::Finding& finding);
  /// Switches to a new token, waits for one, or ends the upload.
  void look_for_token();
  /// Restarts the upload from the beginning if any bytes were sent: the server has lost them.
  /// Returns false if that happened too often and the upload has ended.
  bool ready_to_begin();
  /// Asks the server for the state of the registration or of the parts, now or later.
  void ask_first(const FileRegistration::Decision& decision);
  /// Asks the server whether the file is registered.
  void ask_registered();
  /// Returns whether a request of `step` may be sent although the server may still be registering
  /// the file or joining its parts. If not, asks the server for the state, now or later.
  bool may_send(Request::Step step);
  SentFile::Setting file_setting();
  /// Handles the end of the second reading of the file.
  void checked();
  /// Returns whether the request that registers the file may be sent. If not, waits for what it
  /// needs, schedules a retry, or ends the upload.
  bool ready_to_finish();
  /// Ends the upload as interrupted.
  void interrupt();
  /// The report without status, error, digests and receipt.
  Report unfinished_report() const;
  /// Writes the state in which `report` leaves the upload to the journal.
  void write_last_entry(const Report& report);
  void say(LogLevel level, const std::string& text) const;

  Setting setting_;
  const std::string file_;  ///< for messages
  FileDigest digest_;
  PipelineClocks clocks_;
  std::atomic<std::uint64_t> committed_;
  std::atomic<bool> woken_{false};  ///< woken() is posted and has not run yet

  NetworkThreads::Place place_;  ///< set in start()

  // Network thread only, until the upload has ended.
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
  bool sent_any_ = false;  ///< whether this run has sent bytes of the file
  bool cancelled_ = false;
  FileRegistration registration_;
  UploadMessages messages_;
  Recovery recovery_;
  std::optional<Error> file_error_;     ///< ends the upload, whatever the server answers
  std::function<void()> on_part_over_;  ///< only for a part; set before start()
  ConnectionChoice connection_choice_;
  Clock::time_point begun_at_{};
  std::int64_t started_s_ = 0;  ///< of this run, seconds since 1970
  std::uint64_t resumed_from_ = 0;

  Mutex
      stop_mutex_;  ///< serialises callers of wait() and wait_for_threads(), which stop the readers
  UploadOutcome outcome_;
  StagePublisher publisher_;
};

}  // namespace sluice
