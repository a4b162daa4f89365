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

/// What a request is about, as the server understands it.
enum class Step {
  ask,      ///< phased: is the name free?
  setup,    ///< phased
  chunk,    ///< phased
  probe,    ///< phased: how many bytes are there?
  verify,   ///< phased: registers
  options,  ///< tus
  create,   ///< tus
  patch,    ///< tus
  head,     ///< tus
  remove,   ///< tus
  join,     ///< tus: parts become one
  enlist,   ///< tus: registers
  whole,    ///< binary: registers
  other,
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

/// One request at the server. body() as it comes; then finish(), or broken() if the rest never
/// comes.
class Call {
 public:
  virtual ~Call() = default;
  /// An answer before the body, which nothing of is kept then.
  virtual std::optional<Answer> refusal() { return {}; }
  virtual void body(std::string_view bytes) = 0;
  /// The same for `bytes` bytes whose values do not matter. They lie within the payload: the first
  /// and the last bytes of a body are always real.
  virtual void counted_body(std::uint64_t bytes) {
    body(std::string(static_cast<std::size_t>(bytes), '\0'));
  }
  virtual void broken() {}
  /// Once the body is complete.
  virtual Step step() const = 0;
  /// What the request is about, from the beginning of its body; nothing before enough has come.
  virtual std::optional<Step> step_of_begin(std::string_view begin) const = 0;
  /// Carries it out.
  virtual Answer finish() = 0;
  /// The server dies within it: carries out a part, if that is possible, and answers nothing.
  virtual void finish_partly(Dice&) {}
  /// Carries out a part, if that is possible, and answers how much.
  virtual Answer finish_with_part(Dice&) { return finish(); }
};

/// What the servers of a world share: the dataset, its token, and what is registered.
struct Bank {
  struct Registered {
    std::string name;
    std::string bytes;       ///< empty if they were counted
    std::uint64_t size = 0;  ///< of the file, bytes
  };
  enum class Generation { phased, tus, binary };

  Generation generation = Generation::phased;
  std::string dataset = "IDB-1234567";
  std::string token = "t0k3n-0";
  std::vector<Registered> registered;
  bool moves = false;  ///< phased: a verify moves the staged file and does not copy it

  bool renames = false;  ///< phased: a verify makes `_` of blanks, and moves the staged file

  /// The ids of the parts that a tus server is joining for the process of the client that runs now.
  std::set<std::string> joining;
  /// A request that no client may send; empty for none.
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

/// The name that a bank which renames gives a file.
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

/// One generation of the Data Bank.
class Server {
 public:
  virtual ~Server() = default;
  virtual std::unique_ptr<Call> begin(const Head& head) = 0;
  /// The server's processes die and are started again. Something may be lost, but nothing that the
  /// client was told to be complete: no client could know.
  virtual void restart(Dice& dice) = 0;
  /// Loses the bytes of all files that are not registered.
  virtual void lose_bytes() {}
  /// The time of what was not finished is over.
  virtual void expire(Dice& dice) { static_cast<void>(dice); }
};

std::unique_ptr<Server> make_phased_server(Bank& bank);
std::unique_ptr<Server> make_binary_server(Bank& bank);

struct TusSetting {
  std::vector<std::string> extensions;
  bool sends_resumable = true;
  bool keeps_broken = true;  ///< the bytes of a PATCH whose connection broke
  bool relative_location = false;
  bool lazy = false;  ///< no file before the first PATCH, and without one no registration
};
std::unique_ptr<Server> make_tus_server(Bank& bank, TusSetting setting);

}  // namespace sluice::sim
