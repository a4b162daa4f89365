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
/// An upload takes a Turn before its first request and keeps it from step to step, as each has one
/// request in flight at a time. It leaves the turn when it has nothing to send: while it backs off,
/// waits for a token or reads its file again, and at its end. So a waiting upload holds neither
/// buffers nor a timeout. Where the limit was lowered below the number of turns that are held, an
/// upload leaves its turn and queues again before its next request.
///
/// Where RequestBurst says so, all uploads queue before their next request, until none has a
/// request in flight (0.5 s at most), and are let through together.
///
/// An upload that sends its next chunk before the one in front of it is answered (the phased
/// protocol) cannot wait between the two. Its turn never waits: see Rule. So the gate learns how
/// many such uploads the server can take, and whoever starts uploads asks known_limit().
///
/// Thread safe: uploads on several network threads share the gate. Each Turn is for its upload's
/// network thread, and hears there that it was let through.
class RequestGate {
 public:
  using Clock = RequestLimit::Clock;

  struct Setting {
    RequestLimit limit;
    /// Runs work on any network thread, not before `when` and not within the call.
    std::function<void(Clock::time_point when, std::function<void()>)> post_at;
    /// Called when what is worth remembering of the limit has changed. On any network thread, one
    /// call at a time, in order; must not call the gate.
    std::function<void(std::optional<unsigned> remembered)> on_change;
  };

  explicit RequestGate(Setting setting)
      : setting_(std::move(setting)), limit_(setting_.limit), burst_(setting_.limit.limit()) {}
  RequestGate(const RequestGate&) = delete;
  RequestGate& operator=(const RequestGate&) = delete;

  /// What was the case when a request was answered, for overloaded().
  struct Moment {
    std::uint64_t round = 0;
    unsigned in_flight = 0;
  };

  /// Whether an upload waits for the others.
  enum class Rule {
    queues,      ///< until the limit has room for it
    never_waits  ///< it is counted only
  };

  /// The place of one upload: none, in the queue, or let through. One thread at a time.
  class Turn {
   public:
    /// Runs work on the upload's network thread, after what runs now. Called on any network thread,
    /// between take() and leave(); must not call the gate.
    using Post = std::function<void(std::function<void()>)>;

    /// `gate` may be null, which lets everything through; it outlives the turn and what the turn
    /// has posted. `post`: may be empty where there is no gate, or nothing waits.
    explicit Turn(RequestGate* gate, Rule rule = Rule::queues, Post post = {})
        : gate_(gate), rule_(rule), post_(std::move(post)) {}
    ~Turn() { leave(); }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

    /// Whether a request may be sent now. If not, `on_turn` is called once it may, by way of Post,
    /// unless leave() comes first; take() is then to be called again.
    bool take(std::function<void()> on_turn);
    /// Gives the turn, or the place in the queue, to the next one.
    void leave();
    unsigned limit() const { return gate_ == nullptr ? 0 : gate_->limit(); }
    /// Whether `on_turn` is still to be called.
    bool is_waiting() const;

    /// A request goes out.
    void sent();
    /// Its answer came.
    Moment answered() const;
    /// The answer was not one of an overloaded server.
    void succeeded();
    /// The answer that came at `moment` was one. True if the limit was lowered for it. Of uploads
    /// that never wait, more than a limit allows may run for a while after it was lowered: what
    /// they are answered meanwhile does not lower it again.
    bool overloaded(const Moment& moment,
                    RequestLimit::Overload overload = RequestLimit::Overload::refused);

   private:
    friend class RequestGate;
    enum class State {
      none,
      waiting,  ///< in the queue
      called,   ///< let through and counted: `on_turn` was posted, and was not called yet
      held,     ///< let through and counted
    };
    /// What was posted. It may outlive the turn, and does nothing then.
    struct Call {
      Turn* turn = nullptr;  ///< null: revoked
      std::function<void()> on_turn;
    };

    RequestGate* const gate_;
    const Rule rule_;
    const Post post_;
    // The gate's mutex guards these, where there is a gate.
    State state_ = State::none;
    std::uint64_t round_ = 0;  ///< when the request was sent
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
  /// RequestLimit::known_limit().
  std::optional<unsigned> known_limit() const {
    const MutexLock lock(mutex_);
    return limit_.known_limit();
  }

 private:
  /// Lets those through for whom there is room, unless a burst is gathered.
  void admit() SLUICE_REQUIRES(mutex_);
  /// Posts the call that tells the turn so.
  void call(Turn& turn) SLUICE_REQUIRES(mutex_);
  /// What was posted: calls `on_turn`, unless leave() has revoked that.
  void run_call(Turn::Call& call) SLUICE_EXCLUDES(mutex_);
  /// From now on each upload queues before its next request.
  void gather() SLUICE_REQUIRES(mutex_);
  /// Ends that.
  void release() SLUICE_REQUIRES(mutex_);
  /// One turn less is held.
  void gave_back() SLUICE_REQUIRES(mutex_);
  void note_change(std::optional<unsigned> remembered_before) SLUICE_REQUIRES(mutex_);

  const Setting setting_;  ///< its limit: at first

  mutable Mutex mutex_;
  RequestLimit limit_ SLUICE_GUARDED_BY(mutex_);
  unsigned held_ SLUICE_GUARDED_BY(mutex_) = 0;
  std::deque<Turn*> queue_ SLUICE_GUARDED_BY(mutex_);
  RequestBurst burst_ SLUICE_GUARDED_BY(mutex_);
  /// Uploads that wait to be let through together; 0: none.
  unsigned burst_size_ SLUICE_GUARDED_BY(mutex_) = 0;
  /// Counts the bursts, for the timer of each.
  std::uint64_t burst_number_ SLUICE_GUARDED_BY(mutex_) = 0;
};

}  // namespace sluice
