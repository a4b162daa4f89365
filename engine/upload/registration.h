#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "engine/http/messages.h"

namespace sluice {

/// A state machine of a file's registration: whether the server may have registered the file, and
/// when a request that registers the file may be sent. Reads no clock and performs no I/O.
///
///     state      event                                            next
///     ---------  -----------------------------------------------  ---------
///     unsent     sent()                                           sent
///     unsent     inherit_doubt()                                  in_doubt
///     sent       answered(): refused, or the server did not have  unsent
///                  all of the request
///     sent       answered() as above, but the request of an       in_doubt
///                  earlier run is in doubt
///     sent       answered(): anything else                        in_doubt
///     in_doubt   sent()                                           sent
///     in_doubt   before() after the wait, and the name was free   unsent
///                  then
///     any        confirm()                                        confirmed
///
/// Reason for the wait: a server whose answer was lost continues the registration, and a second
/// registration in that time would register the file twice. If the server can be asked whether the
/// name exists (phased), it is asked until the registration must have ended. If the server cannot
/// be asked (tus, binary), `in_doubt` ends the upload: no run registers the file again without a
/// command of the user.
///
/// One thread at a time.
class Registration {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Duration = std::chrono::steady_clock::duration;

  enum class State {
    unsent,     ///< the server cannot have registered the file
    sent,       ///< a request that registers it is in flight
    in_doubt,   ///< the result of such a request is unknown
    confirmed,  ///< the server has confirmed the registration
  };

  struct Setting {
    bool can_ask = true;           ///< Protocol::can_ask_registered()
    std::chrono::seconds wait{0};  ///< maximum duration of a registration
  };

  explicit Registration(const Setting& setting) : setting_(setting) {}

  State state() const { return state_; }
  bool is_confirmed() const { return state_ == State::confirmed; }
  /// Whether the file may be registered although the server has not confirmed it.
  bool may_be_registered() const { return state_ == State::sent || state_ == State::in_doubt; }
  /// Whether a request of an earlier run may have registered the file.
  bool has_inherited_doubt() const { return inherited_doubt_; }

  /// Records that an earlier run sent the request, at `when` or shortly after, and that the answer
  /// is unknown. Call only in state `unsent`.
  void inherit_doubt(Time when);
  /// Records that the server was asked at `now` whether the name exists.
  void name_asked(Time now) { name_asked_ = now; }
  /// Records that a request that registers the file is sent.
  void sent() { state_ = State::sent; }
  /// Records that the request was answered or failed. `handed_at`: when its last byte was handed to
  /// the network; empty if that did not happen (no server acts on an incomplete request).
  /// `refused`: the answer says that the file was not registered (refuses_registration()). Returns
  /// whether this request may have registered the file without a confirmation.
  bool answered(std::optional<Time> handed_at, bool refused, Time now);
  /// Records that the server has confirmed the registration.
  void confirm() { state_ = State::confirmed; }

  enum class Next {
    send,       ///< the request may be sent
    ask_now,    ///< ask the server first whether the file is registered
    ask_later,  ///< ask the server, but not before Decision::at
  };
  struct Decision {
    Next next = Next::send;
    Time at = {};
  };
  /// Decides whether a request of `step` may be sent at `now`. Changes `in_doubt` to `unsent` if
  /// the wait has ended and the name was free after that.
  Decision before(Request::Step step, Time now);

 private:
  const Setting setting_;
  State state_ = State::unsent;
  bool inherited_doubt_ = false;
  std::optional<Time> open_until_;  ///< end of the wait; only with can_ask
  Time name_asked_{};               ///< last question whether the name exists
};

/// Whether a request of `step` registers the file.
constexpr bool registers(Request::Step step) {
  return step == Request::Step::finish || step == Request::Step::whole;
}

/// Returns how long a server may take to register a file of `size` bytes, after its answer was
/// lost: 30 s plus 1 s for each 200 MB, because the server may copy the file.
std::chrono::seconds time_to_register(std::uint64_t size);

/// Returns the interval between two questions whether a registration or a join has ended: a
/// thirtieth of its maximum duration `wait`, and at least 1 s.
std::chrono::steady_clock::duration pause_between_questions(std::chrono::seconds wait);

}  // namespace sluice
