#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tools/databankd/faults/step.h"
#include "tools/databankd/store/registry.h"

namespace sluice::databankd {

class Dataset;
struct Strike;

/// What goes back to the client. The Data Bank labels its own answers application/json, though most
/// are text.
struct Answer {
  unsigned status = 200;
  std::string body{};
  std::string content_type = "application/json; charset=utf-8";
  std::vector<std::pair<std::string, std::string>> headers{};  ///< beyond the usual ones
  bool secret = false;      ///< the body repeats a token, so the log must not have it
  bool from_front = false;  ///< a front server's: none of the Data Bank's headers
};

/// One request that is a call of a protocol, whichever. One thread at a time.
class Call {
 public:
  Call() = default;
  virtual ~Call() = default;
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  /// Which step this is, as far as what has come tells; `complete`: all of it has. Empty where that
  /// cannot be told, yet or at all.
  virtual std::optional<Step> step(bool complete) const = 0;

  /// The draft that the call goes to, or whose token it brings; null where there is none.
  virtual Dataset* dataset() = 0;

  /// What this fault changes in the call itself. Before its payload, or once all of it has come.
  virtual void strike(const Strike& strike) = 0;

  /// Carries the call out, once. `root` is this server's URL.
  virtual Answer finish(std::string_view root) = 0;

  // For the log.
  virtual std::string subject() const = 0;
  /// What it has made a file of a dataset.
  virtual const std::optional<Registration>& registered() const = 0;
};

}  // namespace sluice::databankd
