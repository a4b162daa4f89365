#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/http/messages.h"
#include "tests/simulation/dice.h"

namespace sluice::sim {

/// The kinds of requests.
enum class Step {
  ask,      ///< phased: asks whether the name is free
  setup,    ///< phased
  chunk,    ///< phased
  probe,    ///< phased: asks for the number of received bytes
  verify,   ///< phased: registers the file
  options,  ///< tus
  create,   ///< tus
  patch,    ///< tus
  head,     ///< tus
  remove,   ///< tus: DELETE
  join,     ///< tus: concatenates parts
  enlist,   ///< tus: registers the upload
  whole,    ///< binary: sends and registers the file
  other,    ///< anything else
};
inline constexpr std::size_t steps = static_cast<std::size_t>(Step::other) + 1;
const char* to_string(Step step);
constexpr bool registers(Step step) {
  return step == Step::verify || step == Step::enlist || step == Step::whole;
}

/// A request's head as a server sees it.
struct Head {
  sluice::Request::Method method = sluice::Request::Method::post;
  std::string path;
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::uint64_t body_size = 0;

  std::string_view header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? std::string_view() : std::string_view(found->second);
  }
};

/// One request at the server. body() is called for each piece of the body, then finish(), or
/// broken() if the connection ended before the body was complete.
class Call {
 public:
  virtual ~Call() = default;
  /// Returns a response that is sent before the body, and nothing of the body is then kept; nullopt
  /// if the request is not refused.
  virtual std::optional<Answer> refusal() { return {}; }
  virtual void body(std::string_view bytes) = 0;
  /// Like body(), for `bytes` bytes whose values do not matter. They are within the payload: the
  /// first and the last bytes of a body are always real.
  virtual void counted_body(std::uint64_t bytes) {
    body(std::string(static_cast<std::size_t>(bytes), '\0'));
  }
  virtual void broken() {}
  /// Returns the kind of the request. Call when the body is complete.
  virtual Step step() const = 0;
  /// Returns the kind of the request from the beginning of its body; nullopt if more is needed.
  virtual std::optional<Step> step_of_begin(std::string_view begin) const = 0;
  /// Carries out the request and returns the response.
  virtual Answer finish() = 0;
  /// Carries out a part of the request, if possible, as if the server died meanwhile.
  virtual void finish_partly(Dice&) {}
  /// Carries out a part, if that is possible, and answers how much.
  virtual Answer finish_with_part(Dice&) { return finish(); }
};

/// The state of a Data Bank: a dataset, its token, and the registered files.
struct Bank {
  struct Registered {
    std::string name;
    std::string bytes;       ///< empty if the body was counted (SimTransport::Bodies)
    std::uint64_t size = 0;  ///< of the file, bytes
  };
  enum class Generation { phased, tus, binary };

  Generation generation = Generation::phased;
  std::string dataset = "IDB-1234567";
  std::string token = "t0k3n-0";
  std::vector<Registered> registered;
  bool moves = false;    ///< phased: verify moves the staged file; else verify copies the file
  bool renames = false;  ///< phased: verify replaces blanks by `_`, and moves the staged file

  /// The ids of the parts that a tus server is joining for the running client process.
  std::set<std::string> joining;
  /// Describes a request that a correct client never sends; empty if there was none.
  std::string misuse;

  bool has(std::string_view name) const {
    for (const Registered& one : registered)
      if (one.name == name) return true;
    return false;
  }
  std::optional<std::string_view> presented_token(const Head& head) const {
    constexpr std::string_view prefix = "Token token=";
    const std::string_view value = head.header("authorization");
    if (!value.starts_with(prefix)) return {};
    return value.substr(prefix.size());
  }
};

/// Returns the name that a bank with Bank::renames gives a file.
inline std::string renamed(std::string name) {
  for (char& c : name)
    if (c == ' ') c = '_';
  return name;
}

inline Answer reply(int status, std::string body = {}) {
  Answer answer;
  answer.status = status;
  answer.body = std::move(body);
  return answer;
}

/// A server for one generation of the Data Bank.
class Server {
 public:
  virtual ~Server() = default;
  /// Returns the call for a request whose head has arrived.
  virtual std::unique_ptr<Call> begin(const Head& head) = 0;
  /// Simulates a restart of the server's processes. May lose data, except files that the client was
  /// told to be complete, because a client could not detect that loss.
  virtual void restart(Dice& dice) = 0;
  /// Discards the bytes of all files that are not registered.
  virtual void lose_bytes() {}
  /// Lets unfinished uploads expire.
  virtual void expire(Dice& dice) { static_cast<void>(dice); }
};

// `bank` must outlive the server.
std::unique_ptr<Server> make_phased_server(Bank& bank);
std::unique_ptr<Server> make_binary_server(Bank& bank);

struct TusSetting {
  std::vector<std::string> extensions;
  bool sends_resumable = true;
  bool keeps_broken = true;        ///< keeps the received bytes of a PATCH whose connection broke
  bool relative_location = false;  ///< Location of a creation is relative
  bool lazy = false;  ///< an upload has no file, and cannot be registered, before its first PATCH
};
std::unique_ptr<Server> make_tus_server(Bank& bank, TusSetting setting);

}  // namespace sluice::sim
