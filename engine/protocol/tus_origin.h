#pragma once

#include "engine/protocol/protocol.h"

namespace sluice {

/// A detector of the sender of a response: the tus server itself, or a reverse proxy (a load
/// balancer, a deployment page, a firewall) that answers 404, 403 or a page while the server is
/// unavailable.
///
/// tus 1.0 requires Tus-Resumable in every response but that to OPTIONS. Some servers omit the
/// header, so the class learns whether this server sends it from responses that only a tus server
/// gives. Not thread safe.
class TusOrigin {
 public:
  enum class Sender {
    server,   ///< the answer has Tus-Resumable
    front,    ///< the server would have sent Tus-Resumable, or the response is an HTML page
    unknown,  ///< neither: the server may be one that never sends Tus-Resumable
  };

  /// `sends_mark`: the server is known to send Tus-Resumable.
  explicit TusOrigin(bool sends_mark = false) : mark_(sends_mark ? Mark::sent : Mark::not_known) {}

  /// Returns who sent `answer`, as far as known.
  Sender sender(const Answer& answer) const;
  /// Learns from a response that only a tus server gives: one with a valid Upload-Offset or
  /// Location.
  void learn(const Answer& answer);

  /// Returns whether the response has Tus-Resumable.
  static bool is_marked(const Answer& answer);

 private:
  /// Whether the server sends Tus-Resumable. `missing` is final: once such a response lacked the
  /// header, a missing header proves nothing.
  enum class Mark { not_known, sent, missing };
  Mark mark_;
};

}  // namespace sluice
