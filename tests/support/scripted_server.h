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

/// A Data Bank on loopback that misbehaves on request.
///
/// Left alone it speaks the phased protocol, tus and the one-shot form correctly, keeps everything
/// in memory, and knows any dataset and any token. A test says beforehand, as data, which request
/// gets which Fault, and asks afterwards what arrived. It is written over plain sockets, as no HTTP
/// library sends a broken answer on purpose.
namespace sluice::test {

/// What happens to one request instead of a proper answer. The parts combine.
struct Fault {
  Phase phase = Phase::any;
  int occurrence = 0;  ///< of that phase, from 0; -1 is every one
  /// Only the chunks with this offset, and occurrence counts those: chunks that travel side
  /// by side arrive in any order.
  std::optional<std::uint64_t> offset{};

  /// Acts once so many bytes of the body have come; by default, the whole request. A fault that
  /// neither answers nor ends the connection then goes on to the request's end after `before`.
  std::optional<std::size_t> after_body_bytes{};
  /// The same, counted from the file's first byte in it: all of them are there then, and only what
  /// is behind them is missing, where after_body_bytes stops short by the fields in front.
  std::optional<std::size_t> after_payload_bytes{};
  /// Called then, on the connection's thread.
  std::function<void()> before{};
  /// Whether the bank does what it is asked to. Only for a request that came as a whole, but for a
  /// PATCH: of that, what came is kept.
  bool carried_out = false;
  /// Of a chunk that is carried out, only so many bytes are kept.
  std::optional<std::size_t> keeps{};
  /// Raw bytes, status line and all (see http_answer()), where "{token}" becomes the Authorization
  /// header. Without it the bank's own answer goes out if the request is carried out, else nothing.
  std::optional<std::string> answer{};
  bool byte_by_byte = false;  ///< each in a packet of its own
  bool endless = false;       ///< `answer`, then its last byte until the client has enough
  bool trickles = false;      ///< the same, but 50 bytes a second: never silent, never done

  enum class Then {
    keep_open,
    close,  ///< without a word about it in the answer
    reset,  ///< RST instead of FIN
    hold,   ///< neither answers nor closes nor reads until the client goes, or release()
  };
  Then then = Then::keep_open;
};

class ScriptedServer {
 public:
  explicit ScriptedServer(std::vector<Fault> faults = {});
  /// Cuts every connection.
  ~ScriptedServer();
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  /// "http://127.0.0.1:PORT"
  std::string url() const;

  /// From now on: these faults, counted anew, and no others.
  void set_faults(std::vector<Fault> faults);
  /// A file of that name is in every dataset from now on.
  void add_file(const std::string& name, const std::string& content = {});
  /// The file that is set up under the first name is registered under the second one from now on.
  void store_as(const std::string& name, const std::string& stored);
  /// Everything that is staged is gone from now on, as after a restart.
  void lose_staging();
  /// What its tus side does from now on.
  void set_tus_rules(const TusRules& rules);
  /// Calls that whenever bytes of a PATCH have come: up to which byte of the file. On the
  /// connection's thread; before any request.
  void watch_patches(std::function<void(std::uint64_t end)> watch);
  /// Lets go of all that is held, as if the bank had answered properly, late.
  void release();

  /// Waits until so many requests of that phase were recognised, which is as soon as their fields
  /// are there. False after a minute.
  bool wait_for(Phase phase, int count = 1);

  std::vector<Seen> seen() const;
  int count(Phase phase) const;
  /// Connections that were opened.
  int connections() const;
  /// What is registered under the name; nothing if none is.
  std::optional<std::string> registered(const std::string& name) const;
  int registrations() const;
  /// tus uploads that are there, complete or not.
  std::size_t tus_uploads() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::test
