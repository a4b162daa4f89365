#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "engine/file_digest.h"
#include "engine/http.h"
#include "engine/payload_stream.h"
#include "engine/protocol.h"
#include "engine/streamed_request.h"
#include "engine/upload.h"
#include "io/sync.h"

namespace sluice {

/// The life of one upload: asks its Protocol what is next, carries it out over Http, hands the
/// answer back, until the file is registered or something is final.
///
/// Kept alive by its handle and by whatever it has under way on the network thread.
class UploadRun : public std::enable_shared_from_this<UploadRun> {
 public:
  struct Setting {
    UploadRequest request;
    std::unique_ptr<Source> source;
    std::unique_ptr<Protocol> protocol;
    BufferPool& pool;
    ChecksumWorkers& workers;
    Http& http;  ///< outlives the run
    std::size_t block_bytes;
    std::chrono::seconds response_timeout;  ///< 0: the protocol's own
  };

  explicit UploadRun(Setting setting);

  /// Any thread, once.
  void start();
  /// Any thread.
  void cancel();
  Progress progress() const;
  bool wait_until(std::chrono::steady_clock::time_point deadline);
  Report wait();

 private:
  using Clock = std::chrono::steady_clock;

  // Network thread.
  void next_step();
  void answered(Result<Answer> result);
  void finish(Report::Status status, std::optional<Error> error);
  /// What went wrong below HTTP's own meaning, as a sentence about this file.
  Error explain(Error error) const;
  Result<void> check_unchanged() const;
  void account();
  Stages stages() const;

  const Setting setting_;
  FileDigest digest_;
  PipelineClocks clocks_;
  std::atomic<Http::ExchangeId> exchange_{
      0};  ///< the one that is out; resume() needs it from any thread
  std::atomic<std::uint64_t> committed_{0};

  // The network thread's until done_.
  PayloadStream payload_;
  std::optional<Request> request_;  ///< what is out
  std::optional<StreamedRequest> body_;
  bool cancelled_ = false;
  Clock::time_point started_{};
  Clock::time_point exchange_started_{};
  double waited_before_ = 0;  ///< payload_'s waiting time when the exchange started
  double sending_s_ = 0;
  double answering_s_ = 0;
  std::uint64_t chunks_ = 0;

  Mutex stop_mutex_;  ///< of the callers of wait(), who end the readers
  Mutex mutex_;
  CondVar done_changed_;
  bool done_ SLUICE_GUARDED_BY(mutex_) = false;
  Report report_ SLUICE_GUARDED_BY(mutex_);
};

}  // namespace sluice
