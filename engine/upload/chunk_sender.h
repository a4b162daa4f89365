#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "engine/base/log.h"
#include "engine/http/transport.h"
#include "engine/pipeline/payload_stream.h"
#include "engine/protocol/protocol.h"
#include "engine/upload/chunk_planner.h"
#include "engine/upload/flight.h"
#include "engine/upload/transfer_times.h"

namespace sluice {

/// The requests of one upload that are in flight: the front request, whose answer comes next, and
/// the chunks pipelined behind it. The last bytes of a pipelined chunk are held back until the
/// request before it is confirmed (engine/policy/lookahead.h). Streams the request bodies and
/// measures what each request waits for.
///
/// Network thread only. Every exchange in flight keeps the owner alive.
class ChunkSender {
 public:
  /// The upload that the requests belong to: supplies what a request needs, and receives events.
  /// Called on the network thread.
  class Owner {
   public:
    virtual ~Owner() = default;
    /// Returns a reference that keeps the owner alive. Every exchange holds one until it has ended.
    virtual std::shared_ptr<void> keep_alive() = 0;
    virtual Transport& transport() const = 0;
    /// Returns the exchange for `request` without its body: address, token, timeouts.
    virtual Exchange make_exchange(const Request& request) = 0;
    /// Returns the offset up to which bytes of the file, from `offset` on, may be sent:
    /// UploadRecord::durable_up_to(). The maximum of the type: no limit.
    virtual std::uint64_t cleared(std::uint64_t offset) = 0;
    /// Returns whether the last bytes of the front request may be sent.
    virtual bool may_end(const Flight& flight) = 0;
    /// Returns what a front request waits for while may_end() is false.
    virtual TransferTimes::At held_for(const Flight& flight) const = 0;
    /// Called when bytes were sent or a request ended.
    virtual void on_progress() = 0;
    /// Called when a body took bytes: more blocks of the file may have been hashed.
    virtual void on_body_read() = 0;
    /// Called when the front request was answered or failed.
    virtual void on_answer(Result<Answer> result) = 0;
    /// Called when the file cannot be read behind the front request. The front request is cancelled
    /// afterwards.
    virtual void on_unreadable(const Error& error) = 0;
    /// Called when the server refused a pipelined chunk of `payload` bytes as too large (413).
    virtual void on_too_large(std::uint64_t payload) = 0;
    /// Called when the server does not wait for the end of pipelined chunks. The journal should
    /// store that.
    virtual void on_pipelining_refused() = 0;
  };

  struct Setting {
    Owner& owner;  ///< outlives this, like the other references
    Protocol& protocol;
    PayloadStream& payload;
    ChunkPlanner& planner;
    TransferTimes& times;
    std::string file;           ///< for messages
    std::uint64_t size = 0;     ///< of the file, in bytes
    bool begins_alone = false;  ///< pipelines no chunk behind a setup request (Step::begin)
    Log log = {};
  };

  explicit ChunkSender(Setting setting) : setting_(std::move(setting)) {}

  /// Sends `request` as the front request.
  void send(Request request);
  /// Whether the front request is in flight.
  bool is_busy() const { return front_ && front_->out; }
  /// The current or last front request. Null before the first one.
  const Flight* front() const { return front_.get(); }
  /// Cancels the front request, if it is in flight.
  void cancel();
  /// Resumes the bodies of all requests that were paused.
  void resume_all();
  void resume_front();
  std::optional<Answer::Network> network() const;

  /// Makes the first pipelined chunk the front request, after the front request was confirmed.
  /// Returns false if no chunk is pipelined.
  bool advance();
  /// Starts more pipelined chunks, as many as ChunkPlanner and Protocol allow.
  void fill();
  /// Cancels every pipelined chunk from index `from` on.
  void cancel_pipelined(std::size_t from = 0);
  /// Records a pipelining failure if pipelining may be the reason why the front request failed with
  /// `error`. Returns whether the end of that request was held back until then; the request can
  /// then be retried at once.
  bool is_due_to_pipelining(const Error& error);
  /// Pipelines no chunk behind a setup request any more, after a setup failed: the same cause would
  /// make the chunk fail.
  void begin_alone() { setting_.begins_alone = true; }
  /// Whether any chunk was pipelined so far.
  bool has_pipelined() const { return has_pipelined_; }
  /// Cancels every pipelined chunk, and pipelines no more: the upload has ended.
  void stop();

 private:
  /// Starts the exchange of `request`.
  std::shared_ptr<Flight> start(Request request);
  /// Returns the callbacks of the body of `flight`.
  StreamedRequest::Hooks hooks(Flight* flight);
  /// Updates the stage after curl read from the body, and posts fill() if that is due.
  void body_was_read(Flight& flight, StreamedRequest::Gave gave);
  /// Moves `flight` to the stage `at`.
  void set_stage(Flight& flight, TransferTimes::At at);
  /// Returns whether curl may send the body of `flight` again over a new connection. If so, cancels
  /// all pipelined chunks.
  bool may_rewind(const Flight& flight);
  /// Handles the end of an exchange: on_answer() for the front request.
  void ended(const std::shared_ptr<Flight>& flight, Result<Answer> result);
  /// Handles the early end of a pipelined chunk: cancels that chunk and those after it.
  void pipelined_ended(const std::shared_ptr<Flight>& flight, const Result<Answer>& result);
  /// Whether another chunk may be pipelined now.
  bool may_fill();
  const Flight& last() const { return pipelined_.empty() ? *front_ : *pipelined_.back(); }
  /// Records a failure that pipelining may have caused, at most once for each front request.
  void blame_pipelining(const Result<Answer>& result, bool held);
  Transport& transport() const { return setting_.owner.transport(); }

  Setting setting_;
  std::shared_ptr<Flight> front_;
  std::deque<std::shared_ptr<Flight>> pipelined_;  ///< chunks behind front_, in order
  bool fill_posted_ = false;                       ///< fill() is posted and has not run yet
  bool has_pipelined_ = false;
  bool stopped_ = false;
};

}  // namespace sluice
