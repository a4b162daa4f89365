#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/simulation/bank.h"
#include "tests/simulation/faults.h"
#include "tests/simulation/link.h"
#include "tests/simulation/packet_loss.h"
#include "tests/simulation/script.h"
#include "tests/simulation/stored.h"
#include "tests/simulation/tcp_sender.h"
#include "tests/simulation/timeline.h"
#include "tests/simulation/trace.h"

namespace sluice::sim {

/// One connection between a client and the front of the server.
struct Connection {
  explicit Connection(std::uint64_t max_in_flight_bytes) : window(max_in_flight_bytes) {}

  CongestionWindow window;
  /// Null: `window` decides alone what may be sent. Owned by the network.
  TcpSender* tcp = nullptr;
  bool established = false;
  bool dead = false;     ///< the server does not know it any more; the client finds out by using it
  bool carried = false;  ///< a request before the one at hand
  Clock::time_point last_arrival{};  ///< in order: what is sent later arrives later
  Clock::time_point idle_since{};
};

/// One request on its way, and its answer. The client holds one end, the server the other.
struct Wire {
  std::uint64_t number = 0;
  Head head;
  std::shared_ptr<Connection> connection;

  // The client's end; empty once it has let go.
  std::function<void(Answer)> on_answer;
  std::function<void()> on_reset;         ///< the connection is gone
  std::function<void()> on_acknowledged;  ///< more may be sent

  // The server's end.
  std::unique_ptr<Call> call;
  std::uint64_t arrived = 0;
  std::uint64_t arrivals = 0;  ///< pieces
  bool begun = false;
  bool ended = false;       ///< answered, reset, or the client is gone: nothing more is read of it
  std::vector<Piece> kept;  ///< by a front server that collects whole requests
  std::optional<std::uint64_t> cut_at;
  bool cut_is_silent = false;
  std::optional<Answer> cut_answer;  ///< sent where the body is cut
  bool recognized = false;           ///< the script has been asked
  std::optional<Strike> strike;      ///< of the script
  bool changes_byte = false;         ///< the next one that arrives
};

/// The way to the server, what stands in front of it, and the server: requests come in, and faults
/// strike them here.
class Network {
 public:
  struct Setting {
    Link::Setting link;
    std::uint64_t max_in_flight_bytes = 1 << 20;
    bool front_collects = false;  ///< a front server passes on whole requests only
    /// A front server answers 413 to a larger body, bytes.
    std::optional<std::uint64_t> most_body;
    /// A server or front server answers 408 where a body pauses for so long.
    std::optional<Duration> body_patience;
    /// Clean shutdown of idle connections; the client notices.
    Duration keeps_idle = std::chrono::seconds(20);
    Duration thinks = std::chrono::milliseconds(2);
    Duration registers = std::chrono::milliseconds(50);  ///< at least
    /// Connections as TCP has them. Empty: each has a CongestionWindow, and nothing is lost. The
    /// network sets the send buffer to `max_in_flight_bytes`.
    std::optional<TcpSender::Setting> tcp;
    /// Called for each piece of a body that the server gets, with its size in bytes.
    std::function<void(std::uint64_t)> on_received;
    /// Called for each request whose head arrives.
    std::function<void(const Head&)> on_request;
  };

  Network(Setting setting, Timeline& time, Trace& trace, Faults& faults, Bank& bank, Server& server)
      : setting_(std::move(setting)),
        time_(time),
        trace_(trace),
        faults_(faults),
        bank_(bank),
        server_(server),
        link_(setting_.link),
        loss_(setting_.link.loss, Dice(setting_.link.loss > 0 ? faults.dice().bits() : 0)) {}

  const Setting& setting() const { return setting_; }
  Link& link() { return link_; }

  /// A new connection, not yet established.
  std::shared_ptr<Connection> make_connection();
  /// The head, and bytes of the body, leave the client now.
  void send_head(const std::shared_ptr<Wire>& wire);
  void send(const std::shared_ptr<Wire>& wire, Piece piece);
  /// The client closes the connection.
  void close(const std::shared_ptr<Wire>& wire);

  void restart();
  /// Nobody listens until then.
  void go_down(Clock::time_point until);
  /// Whether a connection can be made, and if not whether anybody says so.
  std::optional<Fault> connect();
  bool is_down() const { return time_.steady_now() < down_until_; }

  std::size_t open() const { return wires_.size(); }

  /// Lets `script`, which outlives this, decide what strikes requests. By default the dice do.
  void follow(Script& script) { script_ = &script; }

 private:
  void arrive(const std::shared_ptr<Wire>& wire, std::function<void()> what, std::uint64_t bytes);
  void begin(const std::shared_ptr<Wire>& wire);
  void receive(const std::shared_ptr<Wire>& wire, const Piece& piece);
  void complete(const std::shared_ptr<Wire>& wire);
  void carry_out(const std::shared_ptr<Wire>& wire, std::optional<Fault> fault);
  void answer(const std::shared_ptr<Wire>& wire, Answer answer);
  void reset(const std::shared_ptr<Wire>& wire);
  void watch(const std::shared_ptr<Wire>& wire);
  bool strike_early(const std::shared_ptr<Wire>& wire, std::string_view begin);
  void end(const std::shared_ptr<Wire>& wire);
  void break_call(const std::shared_ptr<Wire>& wire);
  Answer finish(const std::shared_ptr<Wire>& wire);
  Answer refusal(Step step, bool before_body);
  Answer page(bool after);
  static Answer too_large();

  const Setting setting_;
  Timeline& time_;
  Trace& trace_;
  Faults& faults_;
  Bank& bank_;
  Server& server_;
  Script* script_ = nullptr;
  Link link_;
  PacketLoss loss_;
  std::vector<std::unique_ptr<TcpSender>> senders_;  ///< of all connections; events point to them
  Clock::time_point down_until_{};
  std::map<std::uint64_t, std::shared_ptr<Wire>> wires_;  ///< that the server has something of
};

}  // namespace sluice::sim
