#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>

#include "tests/simulation/bank.h"
#include "tests/simulation/dice.h"

namespace sluice::sim {

/// What can go wrong in a world. Those of requests strike them at the server, or on the way to it.
enum class Fault {
  // A request, at its head: nothing is carried out.
  refused_connection,  ///< nobody listens
  lost_connecting,     ///< the connection is never made
  lost_request,        ///< the connection is reset before the server has seen anything of it
  swallowed_request,   ///< nothing of it arrives, and nobody says so
  cut_body,            ///< the connection is reset within the body
  cut_end,             ///< the connection is reset before the last bytes of the body
  stalled_body,        ///< from some byte on nothing arrives any more
  early_status,        ///< refused before the body: 413, 503, 401
  too_large,           ///< refused within the body: 413
  changed_bytes,       ///< a byte of the body is another one; only where a checksum shows that
  // A request, once it is complete.
  status_before,  ///< refused, and not carried out
  front_before,   ///< the same, by a page of a front server
  front_after,    ///< carried out, and a front server answers something else
  lost_answer,    ///< carried out, and the connection is reset
  silent_answer,  ///< carried out, and no answer ever comes
  late,           ///< the connection is reset, and then it is carried out
  partly,         ///< a part of it is carried out, and the connection is reset
  restart,        ///< the server's processes die; all connections with them
  think,          ///< it takes long
  garbage,        ///< carried out, and the answer is no text
  cut_answer,     ///< carried out, and the answer's body is cut short
  forgets,        ///< carried out and answered; the server's processes die right after that
  part_kept,      ///< tus: a part of the bytes is kept, and the answer says so
  page_before,    ///< not carried out; a front server answers a page with status 200
  // Of the server, at any time.
  dead_connections,  ///< all kept connections are dead, and nobody knows
  token_expires,     ///< another one has to be fetched
  upload_expires,    ///< a tus upload is gone
  outage,            ///< for a while nobody listens
  gone,              ///< nobody listens until the client has given up
  slow_link,         ///< for a while it is a hundred times as slow
  // Of the client.
  read_error,     ///< some reads of the file fail
  file_changes,   ///< other bytes at a later time
  file_replaced,  ///< another file of that path
  file_touched,   ///< the same bytes at a later time
  full_disk,      ///< the journal cannot be written for a while
  clock_jumps,    ///< the clock on the wall
  crash,          ///< the client is killed
  cancel,         ///< somebody stops it
};
inline constexpr std::size_t fault_kinds = static_cast<std::size_t>(Fault::cancel) + 1;
const char* to_string(Fault fault);

/// How many faults strike a world, and which. There is a budget, so that most uploads get through.
class Faults {
 public:
  struct Weather {
    double requests = 0;  ///< probability for each request, twice
    double moments = 0;   ///< the same for each moment (some 50 a run)
    double crashes = 0;   ///< the same for each event of the client
    unsigned budget = 0;  ///< faults in all
    unsigned crash_budget = 0;
  };

  Faults(Dice dice, const Weather& weather) : dice_(dice), weather_(weather) {}
  /// Adds `budget` faults that strike where they matter most. `dice` chooses them, so that a world
  /// without them is the same as before they existed.
  void aim(Dice dice, unsigned budget) {
    aimed_dice_ = dice;
    aimed_budget_ = budget;
    aimed_often_ = aimed_dice_.pick({1.0, 1.0, 5.0});
  }

  /// Of a connection that is to be made.
  std::optional<Fault> at_connect();
  /// Of a request whose head arrives.
  std::optional<Fault> at_head(const Head& head);
  /// Of one that is complete.
  std::optional<Fault> at_complete(Step step);
  /// How the server asks for a later retry: the seconds of its Retry-After, for `usual` ones.
  std::chrono::seconds retry_after(std::chrono::seconds usual);
  /// Of a moment that follows a request with or without a body, a little later.
  struct Later {
    Fault fault;
    bool at_once;  ///< and not a little later
  };
  std::optional<Later> after_request(bool has_body);
  /// Of a moment.
  std::optional<Fault> at_moment();
  /// Between two processes of the client.
  std::optional<Fault> at_pause();
  /// Whether the client is killed now.
  bool crashes();

  Dice& dice() { return dice_; }
  std::uint64_t count(Fault fault) const { return counts_[static_cast<std::size_t>(fault)]; }
  const std::array<std::uint64_t, fault_kinds>& counts() const { return counts_; }
  /// Of all kinds.
  std::uint64_t total() const { return total_; }
  /// No more.
  void end() {
    weather_ = {};
    aimed_budget_ = 0;
  }

 private:
  /// Kills the client at one of its next events, with a probability that is higher than for other
  /// events. For requests that must not be sent twice: few events happen while one is in flight.
  void aim_crash();
  std::optional<Fault> strike(Fault fault) {
    ++counts_[static_cast<std::size_t>(fault)];
    ++total_;
    return fault;
  }
  bool is_due(double probability) {
    if (weather_.budget == 0 || !dice_.chance(probability)) return false;
    --weather_.budget;
    return true;
  }

  bool is_aimed(double probability) {
    if (aimed_budget_ == 0 || !aimed_dice_.chance(probability)) return false;
    --aimed_budget_;
    return true;
  }
  std::optional<Fault> aimed_at_head(const Head& head);
  std::optional<Fault> aimed_at_complete(Step step);

  Dice dice_;
  Weather weather_;
  Dice aimed_dice_{0};
  unsigned aimed_budget_ = 0;
  double aimed_often_ = 1;  ///< factor of the probability for complete requests
  unsigned crash_in_ = 0;   ///< events until the client is killed; 0: not planned
  bool in_pairs_ = false;   ///< an answer was lost: the next request is likely to fail as well
  bool was_lost_ = false;   ///< the same, for aimed faults
  bool is_cut_ = false;     ///< the end of the request at hand will be cut
  std::array<std::uint64_t, fault_kinds> counts_{};
  std::uint64_t total_ = 0;
};

}  // namespace sluice::sim
