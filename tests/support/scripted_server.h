#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// A Data Bank on loopback that misbehaves on request.
///
/// Left alone it speaks the phased protocol correctly, keeps everything in memory, and knows any
/// dataset and any token. A test says beforehand, as data, which request gets which Fault, and asks
/// afterwards what arrived. It is written over plain sockets, as no HTTP library sends a broken
/// answer on purpose.
namespace sluice::test {

/// What a request is for, by the fields of its body.
enum class Phase {
  ask,       ///< setup without filesize: is the name free?
  setup,     ///< setup with filesize
  transfer,  ///< a chunk
  probe,     ///< a transfer with previous_size=-1: how many bytes are there?
  verify,
  options,  ///< OPTIONS: which protocol?
  other,    ///< nothing of the phased protocol
  any,      ///< for a Fault: whatever it is
};

/// A request as it came.
struct Seen {
  Phase phase = Phase::other;
  std::string method;
  std::string target;                          ///< the request line's
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::map<std::string, std::string> fields;   ///< of the multipart body, but for bytechunk
  std::size_t payload_size = 0;                ///< bytes of bytechunk that came
  bool complete = false;                       ///< the whole body came
  int connection = 0;                          ///< which one, from 0

  std::string field(const std::string& name) const {
    const auto found = fields.find(name);
    return found == fields.end() ? std::string() : found->second;
  }
};

/// What happens to one request instead of a proper answer. The parts combine.
struct Fault {
  Phase phase = Phase::any;
  int occurrence = 0;  ///< of that phase, from 0; -1 is every one
  /// Only the chunks with this previous_size, and occurrence counts those: chunks that travel side
  /// by side arrive in any order.
  std::optional<std::uint64_t> offset{};

  /// Acts once so many bytes of the body have come; by default, the whole request. A fault that
  /// neither answers nor ends the connection then goes on to the request's end after `before`.
  std::optional<std::size_t> after_body_bytes{};
  /// The same, counted from the first byte of bytechunk: all of them are there then, and only what
  /// is behind them is missing, where after_body_bytes stops short by the fields in front.
  std::optional<std::size_t> after_payload_bytes{};
  /// Called then, on the connection's thread.
  std::function<void()> before{};
  /// Whether the bank does what it is asked to. Only for a request that came as a whole.
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

/// A proper HTTP/1.1 answer. `headers`: whole lines, each with its CRLF.
std::string http_answer(int status, std::string_view body, std::string_view headers = {});

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
  /// Everything that is staged is gone from now on, as after a restart.
  void lose_staging();
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

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::test
