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

/// The requests of one upload that are in flight: the one in front, whose answer comes next, and
/// pipelined chunks behind it, whose last bytes wait until the one in front is confirmed
/// (engine/policy/lookahead.h). Streams their bodies, and measures what they wait for.
///
/// The network thread's. Its owner is kept alive by what is in flight.
class ChunkSender {
 public:
  /// What the upload says about its requests, and hears of them. Called on the network thread.
  class Owner {
   public:
    virtual ~Owner() = default;
    /// Keeps the owner alive as long as an exchange is in flight.
    virtual std::shared_ptr<void> keep_alive() = 0;
    virtual Transport& transport() const = 0;
    /// The exchange for `request` but for its body: address, token, patience.
    virtual Exchange make_exchange(const Request& request) = 0;
    /// Up to which byte of the file a payload may leave: UploadRecord::durable_up_to().
    virtual std::uint64_t cleared(std::uint64_t offset) = 0;
    /// Whether the last bytes of the request in front may leave.
    virtual bool may_end(const Flight& flight) = 0;
    /// What such a request waits for whose end may_end() holds back.
    virtual TransferTimes::At held_for(const Flight& flight) const = 0;
    /// Bytes went out, or a request ended.
    virtual void on_progress() = 0;
    /// The request in front was answered, or failed.
    virtual void on_answer(Result<Answer> result) = 0;
    /// The file cannot be read behind the request in front, which is cancelled now.
    virtual void on_unreadable(const Error& error) = 0;
    /// The server refused a pipelined chunk of so many bytes as too large (413).
    virtual void on_too_large(std::uint64_t payload) = 0;
    /// The server does not wait for the end of pipelined chunks; worth remembering.
    virtual void on_pipelining_refused() = 0;
  };

  struct Setting {
    Owner& owner;  ///< outlives this, as do the others
    Protocol& protocol;
    PayloadStream& payload;
    ChunkPlanner& planner;
    TransferTimes& times;
    std::string file;           ///< for messages
    std::uint64_t size = 0;     ///< of the file, bytes
    bool begins_alone = false;  ///< sends no chunk while a `begin` is in flight
    Log log = {};
  };

  explicit ChunkSender(Setting setting) : setting_(std::move(setting)) {}

  /// Sends a request that becomes the one in front.
  void send(Request request);
  /// Whether the request in front is in flight.
  bool is_busy() const { return front_ && front_->out; }
  /// The request in front, or the last one that was; null before the first one.
  const Flight* front() const { return front_.get(); }
  /// Cancels the request in front.
  void cancel();
  /// Bodies that had to wait may go on.
  void resume_all();
  void resume_front();
  std::optional<Answer::Network> network() const;

  /// The request in front was confirmed: makes the first pipelined chunk the one in front. False if
  /// there is none.
  bool advance();
  /// Sends more pipelined chunks, where there is one to follow and it pays.
  void fill();
  /// Cancels every pipelined chunk from number `from` on.
  void cancel_pipelined(std::size_t from = 0);
  /// The request in front has failed with `error`. Counts that against pipelining, if that may be
  /// why. Returns whether the request was held back until then, so that nothing speaks against
  /// sending it again at once.
  bool is_due_to_pipelining(const Error& error);
  /// A setup failed: what breaks a setup also breaks a chunk that travels with it.
  void begin_alone() { setting_.begins_alone = true; }
  bool has_pipelined() const { return has_pipelined_; }
  /// The upload is over: cancels every pipelined chunk, and sends no more.
  void stop();

 private:
  std::shared_ptr<Flight> start(Request request);
  StreamedRequest::Hooks hooks(Flight* flight);
  void body_was_read(Flight& flight, StreamedRequest::Gave gave);
  void set_stage(Flight& flight, TransferTimes::At at);
  bool may_rewind(const Flight& flight);
  void ended(const std::shared_ptr<Flight>& flight, Result<Answer> result);
  void pipelined_ended(const std::shared_ptr<Flight>& flight, const Result<Answer>& result);
  bool may_fill();
  const Flight& last() const { return pipelined_.empty() ? *front_ : *pipelined_.back(); }
  /// Something failed that may be due to pipelining.
  void blame_pipelining(const Result<Answer>& result, bool held);
  Transport& transport() const { return setting_.owner.transport(); }

  Setting setting_;
  std::shared_ptr<Flight> front_;
  std::deque<std::shared_ptr<Flight>> pipelined_;  ///< chunks behind it, in order
  bool fill_posted_ = false;
  bool has_pipelined_ = false;
  bool stopped_ = false;
};

}  // namespace sluice
