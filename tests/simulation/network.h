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
  bool dead = false;     ///< the server has dropped it; the client learns this at its next request
  bool carried = false;  ///< it has carried an earlier request
  Clock::time_point last_arrival{};  ///< of the bytes sent so far; later bytes arrive later
  Clock::time_point idle_since{};    ///< the end of its last request
};

/// One request in flight and its response. The client and the server each use one end.
struct Wire {
  std::uint64_t number = 0;
  Head head;
  std::shared_ptr<Connection> connection;

  // The client's end. The callbacks are empty once the client has ended or cancelled the exchange.
  std::function<void(Answer)> on_answer;
  std::function<void()> on_reset;         ///< the connection was reset
  std::function<void()> on_acknowledged;  ///< bytes were acknowledged: more may be sent

  // The server's end.
  std::unique_ptr<Call> call;
  std::uint64_t arrived = 0;   ///< bytes of the body that have arrived
  std::uint64_t arrivals = 0;  ///< pieces of the body that have arrived
  bool begun = false;          ///< the head has arrived
  bool ended = false;          ///< answered, reset or disconnected: later bytes are dropped
  std::vector<Piece> kept;     ///< buffered by a front server that passes on whole requests only
  std::optional<std::uint64_t> cut_at;  ///< offset in the body at which a fault takes effect
  bool cut_is_silent = false;           ///< at cut_at, bytes are dropped without a reset
  std::optional<Answer> cut_answer;     ///< the response that is sent at cut_at
  bool recognized = false;              ///< the step is known, and the script was asked for a fault
  std::optional<Strike> strike;         ///< the script's fault for this request
  bool changes_byte = false;            ///< a fault changes a byte of the next piece
};

/// The simulated network: the link to the server, the front server and the server. Delivers
/// requests and responses, and applies faults to them.
class Network {
 public:
  struct Setting {
    Link::Setting link;
    std::uint64_t max_in_flight_bytes = 1 << 20;
    bool front_collects = false;  ///< a front server buffers a request until it is complete
    /// The maximum size in bytes of a body; the front server responds 413 to a larger body. Empty:
    /// none.
    std::optional<std::uint64_t> most_body;
    /// The server or front server responds 408 if no byte of a body arrives for this time. Empty:
    /// never.
    std::optional<Duration> body_patience;
    /// Idle timeout of a connection; the client sees its end (FIN).
    Duration keeps_idle = std::chrono::seconds(20);
    Duration thinks = std::chrono::milliseconds(2);      ///< the server's time for a request
    Duration registers = std::chrono::milliseconds(50);  ///< its least time for a registration
    /// Simulates TCP on each connection. Empty: each has a CongestionWindow, and no packet is lost.
    /// The network sets the send buffer to `max_in_flight_bytes`.
    std::optional<TcpSender::Setting> tcp;
    /// Called with the size in bytes of each piece of a body that the server receives.
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

  /// Returns a new connection that is not yet established.
  std::shared_ptr<Connection> make_connection();
  /// Sends the head of a request from the client to the server.
  void send_head(const std::shared_ptr<Wire>& wire);
  /// Sends a piece of the body from the client to the server.
  void send(const std::shared_ptr<Wire>& wire, Piece piece);
  /// Closes the connection from the client's side.
  void close(const std::shared_ptr<Wire>& wire);

  /// Restarts the server's processes. Resets all requests at the server.
  void restart();
  /// Resets the requests whose body is incomplete, and refuses new connections until `until`.
  void go_down(Clock::time_point until);
  /// Returns the fault of a connection attempt; nullopt if the attempt succeeds.
  std::optional<Fault> connect();
  bool is_down() const { return time_.steady_now() < down_until_; }

  /// Returns the number of requests that the server has not finished.
  std::size_t open() const { return wires_.size(); }

  /// Lets `script`, which must outlive this object, choose the faults. By default the dice choose.
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
  std::vector<std::unique_ptr<TcpSender>> senders_;  ///< of all connections; used by events
  Clock::time_point down_until_{};
  std::map<std::uint64_t, std::shared_ptr<Wire>> wires_;  ///< requests at the server, by number
};

}  // namespace sluice::sim
