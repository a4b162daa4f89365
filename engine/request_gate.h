#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <utility>

#include "engine/request_burst.h"
#include "engine/request_limit.h"

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
/// Network thread only, but for known_limit().
class RequestGate {
 public:
  using Clock = RequestLimit::Clock;

  struct Setting {
    RequestLimit limit;
    /// Runs work on the network thread, after what runs now.
    std::function<void(std::function<void()>)> post;
    /// The same, not before `when`.
    std::function<void(Clock::time_point when, std::function<void()>)> post_at;
    /// Called when what is worth remembering of the limit has changed.
    std::function<void(std::optional<unsigned> remembered)> on_change;
  };

  explicit RequestGate(Setting setting)
      : setting_(std::move(setting)),
        known_limit_(setting_.limit.known_limit().value_or(0)),
        burst_(setting_.limit.limit()) {}
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

  /// The place of one upload: none, in the queue, or let through.
  class Turn {
   public:
    /// `gate` may be null, which lets everything through; it outlives the turn.
    explicit Turn(RequestGate* gate, Rule rule = Rule::queues) : gate_(gate), rule_(rule) {}
    ~Turn() { leave(); }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

    /// Whether a request may be sent now. If not, `on_turn` is called once it may, unless leave()
    /// comes first; take() is then to be called again.
    bool take(std::function<void()> on_turn);
    /// Gives the turn, or the place in the queue, to the next one.
    void leave();
    unsigned limit() const { return gate_ == nullptr ? 0 : gate_->limit(); }
    bool is_waiting() const { return state_ == State::waiting; }

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
    enum class State { none, waiting, held };

    RequestGate* const gate_;
    const Rule rule_;
    State state_ = State::none;
    std::uint64_t round_ = 0;  ///< when the request was sent
    std::function<void()> on_turn_;
  };

  unsigned limit() const { return setting_.limit.limit(); }
  unsigned held() const { return held_; }
  std::size_t waiting() const { return queue_.size(); }
  /// RequestLimit::known_limit(). Any thread.
  std::optional<unsigned> known_limit() const {
    const unsigned limit = known_limit_;
    return limit == 0 ? std::nullopt : std::optional(limit);
  }

 private:
  /// Lets those through for whom there is room, unless a burst is gathered.
  void admit();
  /// From now on each upload queues before its next request.
  void gather();
  /// Ends that.
  void release();
  /// One turn less is held.
  void gave_back();
  void note_change(std::optional<unsigned> remembered_before);

  Setting setting_;
  std::atomic<unsigned> known_limit_;  ///< 0: nothing is known
  unsigned held_ = 0;
  std::deque<Turn*> queue_;
  bool admitting_ = false;  ///< admit() was posted
  RequestBurst burst_;
  unsigned burst_size_ = 0;         ///< uploads that wait to be let through together; 0: none
  std::uint64_t burst_number_ = 0;  ///< counts the bursts, for the timer of each
};

}  // namespace sluice
