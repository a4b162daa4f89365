#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/scripted_http.h"
#include "tests/support/scripted_tus.h"

/// A Data Bank on loopback with scripted faults.
///
/// Without faults it supports the phased protocol, tus and binary correctly, in memory, with any
/// dataset and any token. A test sets which request gets which Fault, and afterwards checks the
/// received requests. Uses plain sockets, because HTTP libraries cannot send invalid responses.
namespace sluice::test {

/// A fault of one request. The members can be combined.
struct Fault {
  Phase phase = Phase::any;
  int occurrence = 0;  ///< of that phase, from 0; -1: every one
  /// Limits the fault to chunks with this offset, and counts only those: parallel chunks arrive in
  /// any order.
  std::optional<std::uint64_t> offset{};

  /// Takes effect after this number of body bytes; by default after the whole request. If the fault
  /// neither responds nor ends the connection, the request continues normally after `before`.
  std::optional<std::size_t> after_body_bytes{};
  /// The same, counted from the first byte of the file in the body.
  std::optional<std::size_t> after_payload_bytes{};
  /// Called when the fault takes effect, on the connection's thread.
  std::function<void()> before{};
  /// Whether the bank processes the request. Only for a complete request, except a PATCH, of which
  /// the received bytes are kept.
  bool carried_out = false;
  /// The maximum number of bytes kept of a processed chunk.
  std::optional<std::size_t> keeps{};
  /// A raw response with its status line (see http_answer()), in which "{token}" is replaced by the
  /// Authorization header. Without it, the bank's response is sent if the request is processed,
  /// else nothing.
  std::optional<std::string> answer{};
  bool byte_by_byte = false;  ///< each byte in a packet of its own
  bool endless = false;       ///< `answer`, then its last byte until the client disconnects
  bool trickles = false;      ///< the same with 50 bytes per second: never idle, never complete

  enum class Then {
    keep_open,
    close,  ///< without announcing it in the response
    reset,  ///< RST instead of FIN
    hold,   ///< neither respond, close nor read until the client disconnects, or release()
  };
  Then then = Then::keep_open;
};

class ScriptedServer {
 public:
  explicit ScriptedServer(std::vector<Fault> faults = {});
  /// Closes all connections.
  ~ScriptedServer();
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  /// Returns "http://127.0.0.1:PORT".
  std::string url() const;

  /// Replaces the faults, and restarts counting.
  void set_faults(std::vector<Fault> faults);
  /// Adds a registered file to every dataset.
  void add_file(const std::string& name, const std::string& content = {});
  /// Registers the file that is set up under `name` as `stored`.
  void store_as(const std::string& name, const std::string& stored);
  /// Deletes all staged bytes, as a restart would.
  void lose_staging();
  /// Sets the behaviour of the tus server.
  void set_tus_rules(const TusRules& rules);
  /// Sets a callback for received bytes of a PATCH; `end`: the offset in the file reached. Called
  /// on the connection's thread. Call before any request.
  void watch_patches(std::function<void(std::uint64_t end)> watch);
  /// Continues all held requests with the bank's response.
  void release();

  /// Blocks until `count` requests of that phase were recognised, which happens as soon as their
  /// fields have arrived. Returns false after a minute.
  bool wait_for(Phase phase, int count = 1);

  std::vector<Seen> seen() const;
  int count(Phase phase) const;
  /// Returns the number of connections.
  int connections() const;
  /// Returns the registered file of that name; nullopt if there is none.
  std::optional<std::string> registered(const std::string& name) const;
  int registrations() const;
  /// Returns the number of tus uploads, complete or not.
  std::size_t tus_uploads() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::test
