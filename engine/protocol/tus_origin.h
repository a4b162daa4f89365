#pragma once

#include "engine/protocol/protocol.h"

namespace sluice {

/// Tells a tus server's own answers from those of something in front of it: a load balancer, a
/// deployment, a firewall, which answer 404, 403 or a page while the server is away.
///
/// tus 1.0 wants Tus-Resumable in every response but that to OPTIONS. Not every server sends it, so
/// what this one does is learned from answers that only a tus server gives. Not thread safe.
class TusOrigin {
 public:
  enum class Sender {
    server,   ///< the answer has Tus-Resumable
    front,    ///< the server would have sent Tus-Resumable, or the answer is an HTML page
    unknown,  ///< neither: the server may be one that never sends it
  };

  /// `sends_mark`: the server is known to send Tus-Resumable.
  explicit TusOrigin(bool sends_mark = false) : mark_(sends_mark ? Mark::sent : Mark::not_known) {}

  Sender sender(const Answer& answer) const;
  /// Learns from an answer that only a tus server gives: one with a valid Upload-Offset or
  /// Location.
  void learn(const Answer& answer);

  /// Whether the answer has Tus-Resumable.
  static bool is_marked(const Answer& answer);

 private:
  /// Once it was missing from such an answer, it proves nothing when it is missing again.
  enum class Mark { not_known, sent, missing };
  Mark mark_;
};

}  // namespace sluice
