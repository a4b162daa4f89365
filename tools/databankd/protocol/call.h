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

/// A response. The Data Bank labels its own responses application/json, although most are plain
/// text.
struct Answer {
  unsigned status = 200;
  std::string body{};
  std::string content_type = "application/json; charset=utf-8";
  std::vector<std::pair<std::string, std::string>> headers{};  ///< besides the usual ones
  bool secret = false;      ///< the body contains a token, so it must not be logged
  bool from_front = false;  ///< of a front server: without headers of the Data Bank
};

/// A request of one of the protocols. One thread at a time.
class Call {
 public:
  Call() = default;
  virtual ~Call() = default;
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  /// Returns the step, as far as the received data determine it; empty if they do not. `complete`:
  /// the request is complete.
  virtual std::optional<Step> step(bool complete) const = 0;

  /// Returns the draft dataset that the request names, or whose token it has; null if there is
  /// none.
  virtual Dataset* dataset() = 0;

  /// Applies the effect of a fault on the call itself. Call before the payload, or after the last
  /// byte.
  virtual void strike(const Strike& strike) = 0;

  /// Processes the request, once. `root`: this server's URL.
  virtual Answer finish(std::string_view root) = 0;

  // Returns the subject for the log.
  virtual std::string subject() const = 0;
  /// Returns the file that the call has registered, if any.
  virtual const std::optional<Registration>& registered() const = 0;
};

}  // namespace sluice::databankd
