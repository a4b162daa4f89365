#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "engine/policy/request_burst.h"
#include "engine/policy/request_limit.h"
#include "io/sync.h"

namespace sluice {

/// A first-in, first-out queue in front of one server: no more uploads (or parts of files) have a
/// request in flight than its RequestLimit allows. The uploads of one engine share the gate.
///
/// An upload takes a Turn before its first request and keeps the turn from step to step, as each
/// upload has one request in flight at a time. The upload leaves the turn when it has nothing to
/// send: while it backs off, waits for a token or reads its file again, and at its end. So a
/// waiting upload holds neither buffers nor a timeout. If the limit is lowered below the number of
/// turns that are held, an upload leaves its turn and queues again before its next request.
///
/// If RequestBurst demands a burst, all uploads queue before their next request, until none has a
/// request in flight (0.5 s at most). The gate then lets them through together.
///
/// An upload that sends its next chunk before the chunk in front is answered (the phased protocol)
/// cannot wait between the two chunks. Its turn never waits: see Rule. The gate still learns how
/// many such uploads the server can take; the code that starts uploads reads known_limit().
///
/// Thread safe: uploads on several network threads share the gate. Each Turn belongs to its
/// upload's network thread, and is called there when it is let through.
class RequestGate {
 public:
  using Clock = RequestLimit::Clock;

  struct Setting {
    RequestLimit limit;
    /// Runs the function on any network thread, not before `when` and not within the call.
    std::function<void(Clock::time_point when, std::function<void()>)> post_at;
    /// Called when the limit that the next run should begin with (RequestLimit::
    /// worth_remembering()) has changed. `remembered`: concurrent requests; empty: none. Called on
    /// any network thread, one call at a time, in order. Must not call the gate.
    std::function<void(std::optional<unsigned> remembered)> on_change;
  };

  explicit RequestGate(Setting setting)
      : setting_(std::move(setting)), limit_(setting_.limit), burst_(setting_.limit.limit()) {}
  RequestGate(const RequestGate&) = delete;
  RequestGate& operator=(const RequestGate&) = delete;

  /// The state of the gate when a request was answered, for overloaded().
  struct Moment {
    std::uint64_t round = 0;
    unsigned in_flight = 0;
  };

  /// Whether an upload waits for other uploads.
  enum class Rule {
    queues,      ///< waits until the limit has room
    never_waits  ///< is only counted
  };

  /// The place of one upload: none, in the queue, or let through. One thread at a time. The
  /// destructor leaves the queue or gives the turn back.
  class Turn {
   public:
    /// Runs the function on the upload's network thread, after the code that runs now. Called on
    /// any network thread, between take() and leave(). Must not call the gate.
    using Post = std::function<void(std::function<void()>)>;

    /// `gate`: may be null, then every request is let through; must outlive the turn and what the
    /// turn has posted. `post`: may be empty if there is no gate, or the turn never waits.
    explicit Turn(RequestGate* gate, Rule rule = Rule::queues, Post post = {})
        : gate_(gate), rule_(rule), post_(std::move(post)) {}
    ~Turn() { leave(); }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

    /// Returns whether a request may be sent now. If not, the turn queues, and `on_turn` is called
    /// through Post once a request may be sent, unless leave() comes first. The caller must then
    /// call take() again.
    bool take(std::function<void()> on_turn);
    /// Leaves the queue, or gives the turn to the next upload in the queue. Revokes `on_turn`.
    void leave();
    unsigned limit() const { return gate_ == nullptr ? 0 : gate_->limit(); }
    /// Returns whether `on_turn` is still to be called.
    bool is_waiting() const;

    /// Records that a request is sent.
    void sent();
    /// Returns the state of the gate at the moment at which the answer arrives, for overloaded().
    Moment answered() const;
    /// Records an answer that does not come from an overloaded server.
    void succeeded();
    /// Records that the answer of `moment` came from an overloaded server. Returns true if the
    /// limit was lowered for this answer. After the limit was lowered, more uploads that never wait
    /// may run for a while than the limit allows; answers to their requests do not lower the limit
    /// again.
    bool overloaded(const Moment& moment,
                    RequestLimit::Overload overload = RequestLimit::Overload::refused);

   private:
    friend class RequestGate;
    enum class State {
      none,
      waiting,  ///< in the queue
      called,   ///< let through and counted; `on_turn` was posted and was not called yet
      held,     ///< let through and counted
    };
    /// A posted call. A call may outlive its turn, and has no effect then.
    struct Call {
      Turn* turn = nullptr;  ///< null: revoked
      std::function<void()> on_turn;
    };

    RequestGate* const gate_;
    const Rule rule_;
    const Post post_;
    // The gate's mutex guards these, where there is a gate.
    State state_ = State::none;
    std::uint64_t round_ = 0;  ///< RequestLimit::round() when the request was sent
    std::shared_ptr<Call> call_;
  };

  unsigned limit() const {
    const MutexLock lock(mutex_);
    return limit_.limit();
  }
  unsigned held() const {
    const MutexLock lock(mutex_);
    return held_;
  }
  std::size_t waiting() const {
    const MutexLock lock(mutex_);
    return queue_.size();
  }
  /// Returns RequestLimit::known_limit().
  std::optional<unsigned> known_limit() const {
    const MutexLock lock(mutex_);
    return limit_.known_limit();
  }

 private:
  /// Lets as many turns of the queue through as the limit has room for, unless a burst is being
  /// gathered.
  void admit() SLUICE_REQUIRES(mutex_);
  /// Lets `turn` through, and posts its `on_turn`.
  void call(Turn& turn) SLUICE_REQUIRES(mutex_);
  /// Runs a posted call: calls `on_turn`, unless leave() has revoked it.
  void run_call(Turn::Call& call) SLUICE_EXCLUDES(mutex_);
  /// Begins to gather a burst: each upload queues before its next request.
  void gather() SLUICE_REQUIRES(mutex_);
  /// Ends the gathering, and lets the queue through.
  void release() SLUICE_REQUIRES(mutex_);
  /// Records that one turn fewer is held.
  void gave_back() SLUICE_REQUIRES(mutex_);
  void note_change(std::optional<unsigned> remembered_before) SLUICE_REQUIRES(mutex_);

  const Setting setting_;  ///< its `limit` is the initial one

  mutable Mutex mutex_;
  RequestLimit limit_ SLUICE_GUARDED_BY(mutex_);
  unsigned held_ SLUICE_GUARDED_BY(mutex_) = 0;
  std::deque<Turn*> queue_ SLUICE_GUARDED_BY(mutex_);
  RequestBurst burst_ SLUICE_GUARDED_BY(mutex_);
  /// The number of uploads that are gathered for a burst; 0: no burst.
  unsigned burst_size_ SLUICE_GUARDED_BY(mutex_) = 0;
  /// The number of bursts so far, so that each timer recognises its own burst.
  std::uint64_t burst_number_ SLUICE_GUARDED_BY(mutex_) = 0;
};

}  // namespace sluice
