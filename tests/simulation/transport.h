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

/// A Transport over a simulated network, with the rules of CurlTransport: which connection is
/// taken, how long it waits for what, what is repeated over another connection, and which error is
/// which.
class SimTransport final : public Transport {
 public:
  /// Whether the bytes of bodies reach the server, or their number: of a counted body, all but the
  /// first 4096 and the last 1024 bytes are read from the RequestBody into a scratch buffer and
  /// dropped.
  enum class Bodies { real, counted };

  struct Setting {
    std::chrono::seconds connect_timeout{30};
    std::chrono::seconds stall_timeout{60};
    std::size_t piece_bytes = 16 * 1024;  ///< that the body is asked for at once, at most
    bool kernel_tells = true;             ///< Answer::Network
    bool bbr = false;
    Bodies bodies = Bodies::real;
  };
  /// What a transport has done so far.
  struct Counts {
    std::uint64_t exchanges = 0;    ///< started
    std::uint64_t connections = 0;  ///< made, or tried
  };
  /// What a transport has seen of registrations, for the invariants.
  struct Doubt {
    std::string name{};  ///< of the file that it is about; empty: of all files
    bool open = false;   ///< one was sent completely, and no answer says what became of it
    /// The last one was refused by the server's own words, and none has been begun since.
    bool refused = false;
  };

  /// `owner`: of its events. Everything else outlives it.
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

  /// Exchanges that have not ended.
  std::size_t open() const { return entries_.size(); }
  Counts counts() const { return {next_id_ - 1, connections_}; }
  /// The process is dead: nothing of it reaches the network any more, and whatever it starts ends
  /// as interrupted.
  void die();
  /// The same, and what is open ends at once: for a process that waits for it.
  void die_within_wait() {
    die();
    while (!entries_.empty()) cancel(entries_.begin()->first);
  }
  /// Its kept connections are dead, and it does not know.
  void kill_connections();

 private:
  struct Entry {
    Exchange exchange;
    OnAnswer on_answer;
    std::shared_ptr<Wire> wire;
    bool new_connection = false;  ///< it was made for this exchange
    bool starved = false;
    std::uint64_t handed = 0;
    std::string begin_of_body;  ///< to tell what it is
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
  std::vector<std::shared_ptr<Connection>> kept_;  ///< the one used last comes last
  std::vector<std::byte> scratch_;                 ///< for counted bodies
  std::uint64_t connections_ = 0;
  bool reached_ = false;
  bool dead_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  ///< events of the network hold it
};

}  // namespace sluice::sim
