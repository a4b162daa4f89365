#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/http/transport.h"
#include "tests/simulation/network.h"

namespace sluice::sim {

/// A Transport over a simulated network. Follows the rules of CurlTransport for the choice of a
/// connection, timeouts, requests that are repeated over another connection, and errors.
class SimTransport final : public Transport {
 public:
  /// Whether the server gets the bytes of a body, or only their number. Of a counted body, the
  /// server gets the first 4096 and the last 1024 bytes; the others are read from the RequestBody
  /// into a scratch buffer and discarded.
  enum class Bodies { real, counted };

  struct Setting {
    std::chrono::seconds connect_timeout{30};
    std::chrono::seconds stall_timeout{60};
    std::size_t piece_bytes = 16 * 1024;  ///< the most bytes to read from a body at once
    bool kernel_tells = true;             ///< whether answers have Answer::Network (TCP_INFO)
    bool bbr = false;                     ///< whether TCP_INFO reports BBR
    Bodies bodies = Bodies::real;
  };
  struct Counts {
    std::uint64_t exchanges = 0;    ///< exchanges that were started
    std::uint64_t connections = 0;  ///< connection attempts
  };
  /// The results of registration requests, for the invariants.
  struct Doubt {
    std::string name{};  ///< the file to watch; empty: all files
    bool open = false;   ///< a registration was sent completely, and its result is unknown
    /// The server itself refused the last registration, and none was sent since.
    bool refused = false;
  };

  /// `owner`: the owner of the transport's events. The referenced objects must outlive the
  /// transport. The transport stores the results of registrations in `doubt`.
  SimTransport(const Setting& setting, Timeline& time, Timeline::Owner owner, Trace& trace,
               Network& network, Doubt& doubt);
  ~SimTransport() override;

  void stop() override;
  bool drain() override;
  void post(std::function<void()> work) override;
  void post_at(Clock::time_point when, std::function<void()> work) override;
  ExchangeId start(const Exchange& exchange, OnAnswer on_answer) override;
  void cancel(ExchangeId id) override;
  std::optional<Answer::Network> network_of(ExchangeId id) const override;
  bool is_network_thread() const override { return true; }
  std::chrono::nanoseconds cpu_time() const override { return {}; }
  void resume(ExchangeId id) override;

  /// Returns the number of exchanges that have not ended.
  std::size_t open() const { return entries_.size(); }
  Counts counts() const { return {next_id_ - 1, connections_}; }
  /// Simulates the death of the process: closes all connections. Exchanges that are started later
  /// end as interrupted.
  void die();
  /// Like die(), and ends the open exchanges at once: for a process that waits for one.
  void die_within_wait() {
    die();
    while (!entries_.empty()) cancel(entries_.begin()->first);
  }
  /// Makes the server drop all kept connections. The client learns this at its next request.
  void kill_connections();

 private:
  struct Entry {
    Exchange exchange;
    OnAnswer on_answer;
    std::shared_ptr<Wire> wire;
    bool new_connection = false;  ///< the connection was made for this exchange
    bool starved = false;         ///< the body returned not_yet
    std::uint64_t handed = 0;     ///< bytes of the body sent so far
    std::string begin_of_body;    ///< tells what the request is about
    Clock::time_point moved_at{};
    std::uint64_t tries = 0;
    unsigned watches = 0;  ///< events of watch() that are due
  };
  struct Read {
    RequestBody::Next next = RequestBody::Next::bytes;
    Piece piece;
  };

  void take_connection(ExchangeId id, bool fresh);
  void connected(ExchangeId id, std::uint64_t tries);
  void pump(ExchangeId id);
  void watch(ExchangeId id);
  void answered(ExchangeId id, Answer answer);
  void broke(ExchangeId id);
  void fail(ExchangeId id, int code, const std::string& text);
  void finish(ExchangeId id, Result<Answer> result);
  bool registers(const Entry& entry) const;
  void note_doubt(const Entry& entry, const Result<Answer>& result);
  Read read_piece(Entry& entry, std::uint64_t room);
  Answer::Network facts(const Connection* connection) const;
  Entry* find(ExchangeId id);

  const Setting setting_;
  Timeline& time_;
  const Timeline::Owner owner_;
  Trace& trace_;
  Network& network_;
  Doubt& doubt_;
  ExchangeId next_id_ = 1;
  std::uint64_t next_wire_;
  std::map<ExchangeId, Entry> entries_;
  std::vector<std::shared_ptr<Connection>> kept_;  ///< idle; the most recently used one is last
  std::vector<std::byte> scratch_;                 ///< for counted bodies
  std::uint64_t connections_ = 0;
  bool reached_ = false;
  bool dead_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  ///< events of the network hold it
};

}  // namespace sluice::sim
