#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "engine/http/messages.h"

namespace sluice {

/// Whether the server may have registered the file, and when a request that registers it may be
/// sent. A pure state machine: no clock and no I/O of its own.
///
///     state      event                                      next
///     ---------  -----------------------------------------  ------------------------------------
///     unsent     sent()                                     sent
///     unsent     inherit_doubt()                            in_doubt
///     sent       answered(): refused, or the server did     unsent; in_doubt where an earlier
///                  not have all of it                         run's request is in doubt
///     sent       answered(): anything else                  in_doubt
///     in_doubt   sent()                                     sent
///     in_doubt   before() after the wait, and the name      unsent
///                  was free then
///     any        confirm()                                  confirmed
///
/// Reason for the wait: a server whose answer was lost goes on with the registration, and a second
/// one in that time registers the file twice. So where the server can be asked whether the name
/// exists (phased), it is asked until the registration must have ended. Where it cannot (tus,
/// binary), `in_doubt` is the end of the upload: no run registers the file again by itself.
///
/// One thread at a time.
class Registration {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Duration = std::chrono::steady_clock::duration;

  enum class State {
    unsent,     ///< the server cannot have registered the file
    sent,       ///< a request that registers it is in flight
    in_doubt,   ///< such a request had no answer that decides
    confirmed,  ///< the server has said that the file is registered
  };

  struct Setting {
    bool can_ask = true;           ///< Protocol::can_ask_registered()
    std::chrono::seconds wait{0};  ///< how long the server may be at a registration
  };

  explicit Registration(const Setting& setting) : setting_(setting) {}

  State state() const { return state_; }
  bool is_confirmed() const { return state_ == State::confirmed; }
  /// Whether the file may be registered without that the server has said so.
  bool may_be_registered() const { return state_ == State::sent || state_ == State::in_doubt; }
  /// Whether a request of an earlier run may have registered the file.
  bool has_inherited_doubt() const { return inherited_doubt_; }
  std::chrono::seconds wait() const { return setting_.wait; }

  /// An earlier run sent the request, at `when` or a little later, and its answer is not known.
  void inherit_doubt(Time when);
  /// The server was asked whether the name exists.
  void name_asked(Time now) { name_asked_ = now; }
  /// A request that registers the file goes out.
  void sent() { state_ = State::sent; }
  /// The answer to that request came, or none did. `handed_at`: when its last byte was handed to
  /// the network; nothing if that did not happen (no server acts on a part of a request).
  /// `refused`: the answer says that the file was not registered (refuses_registration()). Returns
  /// whether this request may have registered the file without having said so.
  bool answered(std::optional<Time> handed_at, bool refused, Time now);
  /// The server has said that the file is registered.
  void confirm() { state_ = State::confirmed; }

  enum class Next {
    send,       ///< the request may be sent
    ask_now,    ///< ask the server first whether the file is registered
    ask_later,  ///< the same, but not before Decision::at
  };
  struct Decision {
    Next next = Next::send;
    Time at = {};
  };
  /// Whether a request of that step may be sent at `now`. `send` ends a doubt that was waited for:
  /// the name was free after the server must have ended.
  Decision before(Request::Step step, Time now);

 private:
  const Setting setting_;
  State state_ = State::unsent;
  bool inherited_doubt_ = false;
  std::optional<Time> open_until_;  ///< the server may be at a registration; only where can_ask
  Time name_asked_{};
};

/// How long a server may be at the registration of a file of `size` bytes, after its answer was
/// lost: 30 s, and a second more for each 200 MB, which it may copy.
std::chrono::seconds time_to_register(std::uint64_t size);

/// How long to wait between two questions whether a registration or a join has ended that may take
/// `wait`: a thirtieth, and 1 s at least.
std::chrono::steady_clock::duration pause_between_questions(std::chrono::seconds wait);

}  // namespace sluice
