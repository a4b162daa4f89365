#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>

#include "tests/simulation/bank.h"
#include "tests/simulation/dice.h"

namespace sluice::sim {

/// The faults of a simulated world. Faults of requests happen on the network or at the server.
enum class Fault {
  // Of a connection or the head of a request. The server does not carry out the request.
  refused_connection,  ///< connection refused
  lost_connecting,     ///< the connection attempt gets no response
  lost_request,        ///< the connection is reset before the server has received anything
  swallowed_request,   ///< the request is lost without a reset
  cut_body,            ///< the connection is reset within the body
  cut_end,             ///< the connection is reset before the last bytes of the body
  stalled_body,        ///< the body is lost from some byte on, without a reset
  early_status,        ///< the server responds 413, 503 or 401 before the body
  too_large,           ///< the server responds 413 within the body
  changed_bytes,       ///< a byte of the body changes; only if a checksum protects the body
  // Of a complete request.
  status_before,  ///< the server responds with an error and does not carry out the request
  front_before,   ///< a front server responds with an error page; the request is not carried out
  front_after,    ///< carried out, but a front server responds with an error page
  lost_answer,    ///< carried out, and the connection is reset
  silent_answer,  ///< carried out, and no response is sent
  late,           ///< the connection is reset, and the request is carried out afterwards
  partly,         ///< carried out in part, and the connection is reset
  restart,        ///< the server's processes restart; all connections are reset
  think,          ///< carried out after a long time
  garbage,        ///< carried out, and the body of the response is not text
  cut_answer,     ///< carried out, and the body of the response is cut short
  forgets,        ///< carried out and answered; the server's processes die right after that
  part_kept,      ///< tus: the server keeps a part of the bytes, and the response says so
  page_before,    ///< not carried out; a front server responds with a page of status 200
  // Of the server, at any time.
  dead_connections,  ///< the server drops all kept connections without telling the client
  token_expires,     ///< the client must get a new token
  upload_expires,    ///< a tus upload is deleted
  outage,            ///< the server refuses connections for a while
  gone,              ///< the server refuses connections until the upload has failed
  slow_link,         ///< the link is slower for a while
  // Of the client.
  read_error,     ///< some reads of the file fail
  file_changes,   ///< the file gets other bytes and a later modification time
  file_replaced,  ///< the path names another file
  file_touched,   ///< the file gets a later modification time
  full_disk,      ///< the journal cannot be written for a while
  clock_jumps,    ///< the system clock is set
  crash,          ///< the client is killed
  cancel,         ///< the user cancels the upload
};
inline constexpr std::size_t fault_kinds = static_cast<std::size_t>(Fault::cancel) + 1;
const char* to_string(Fault fault);

/// Chooses the faults of a world at random. Their number is limited, so that most uploads succeed.
class Faults {
 public:
  struct Weather {
    double requests = 0;        ///< probability of a fault at a request's head, and at its end
    double moments = 0;         ///< probability of a fault at each call of at_moment()
    double crashes = 0;         ///< probability of a crash at each event of the client
    unsigned budget = 0;        ///< maximum number of faults without crashes
    unsigned crash_budget = 0;  ///< maximum number of crashes
  };

  Faults(Dice dice, const Weather& weather) : dice_(dice), weather_(weather) {}
  /// Adds `budget` faults that strike where they matter most. `dice` chooses them, so that a world
  /// without them is the same as before they existed.
  void aim(Dice dice, unsigned budget) {
    aimed_dice_ = dice;
    aimed_budget_ = budget;
    aimed_often_ = aimed_dice_.pick({1.0, 1.0, 5.0});
  }

  // Return the fault that happens now; nullopt for none.
  /// For a connection attempt.
  std::optional<Fault> at_connect();
  /// For a request whose head has arrived at the server.
  std::optional<Fault> at_head(const Head& head);
  /// For a request that has arrived completely.
  std::optional<Fault> at_complete(Step step);
  /// Returns how long the server asks the client to wait (Retry-After), in place of `usual`.
  std::chrono::seconds retry_after(std::chrono::seconds usual);
  /// A fault that follows a request.
  struct Later {
    Fault fault;
    bool at_once;  ///< with the request; false: a little later
  };
  /// Returns the fault that follows a request with or without a body.
  std::optional<Later> after_request(bool has_body);
  /// For the server, the link or the client's machine while the client runs; called periodically.
  std::optional<Fault> at_moment();
  /// Between two processes of the client.
  std::optional<Fault> at_pause();
  /// Returns whether the client is killed now.
  bool crashes();

  Dice& dice() { return dice_; }
  std::uint64_t count(Fault fault) const { return counts_[static_cast<std::size_t>(fault)]; }
  const std::array<std::uint64_t, fault_kinds>& counts() const { return counts_; }
  /// Returns the number of faults of all kinds.
  std::uint64_t total() const { return total_; }
  /// Spoils the answer to the next question about a name.
  void spoil_question() { spoils_question_ = true; }
  /// Adds at most `budget` restarts of a tus server, each right after the response to a PATCH: the
  /// server may lose bytes that it has acknowledged.
  void lose_patches(Dice dice, unsigned budget) {
    lossy_dice_ = dice;
    lossy_budget_ = budget;
  }
  /// Makes at most `budget` reads fail while no buffer of the pool is free.
  void fail_reads_without_buffer(Dice dice, unsigned budget) {
    buffer_dice_ = dice;
    buffer_budget_ = budget;
  }
  /// Returns whether a read of the file fails. `has_free_buffer`: apart from that of the read.
  bool fails_read(bool has_free_buffer);
  /// Loses the response to the next registration. Over phased, where the client then waits and
  /// asks, cancels_in_doubt() returns true after that, once.
  void lose_registration() { loses_registration_ = true; }
  /// Returns whether the user cancels while a registration is in doubt.
  bool cancels_in_doubt();
  /// Ends all faults: none happens after this call, except that of spoil_question().
  void end() {
    weather_ = {};
    aimed_budget_ = lossy_budget_ = buffer_budget_ = 0;
    loses_registration_ = cancels_in_doubt_ = false;
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
  Dice lossy_dice_{0};
  unsigned lossy_budget_ = 0;  ///< remaining restarts of lose_patches()
  Dice buffer_dice_{0};
  unsigned buffer_budget_ = 0;  ///< remaining read errors of fail_reads_without_buffer()
  double aimed_often_ = 1;      ///< factor of the probability for complete requests
  unsigned crash_in_ = 0;       ///< events until the client is killed; 0: not planned
  bool in_pairs_ = false;       ///< an answer was lost: the next request is likely to fail as well
  bool was_lost_ = false;       ///< the same, for aimed faults
  bool spoils_question_ = false;  ///< until the next question about a name
  bool loses_registration_ = false;
  bool cancels_in_doubt_ = false;
  bool is_cut_ = false;  ///< the end of the request at hand will be cut
  std::array<std::uint64_t, fault_kinds> counts_{};
  std::uint64_t total_ = 0;
};

}  // namespace sluice::sim
