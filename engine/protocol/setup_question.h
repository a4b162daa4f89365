#pragma once

#include <memory>
#include <string>

#include "engine/base/secret.h"
#include "engine/http/exchange.h"

namespace sluice {

/// A phased setup without filesize, for a random name that no file has. The request changes nothing
/// on the server. The response says which protocol the server speaks, and whether the server
/// accepts the token for the dataset (protocol section 1.5 and "Which one").
///
/// Owns the body of exchange(), so the object must outlive the exchange.
class SetupQuestion {
 public:
  SetupQuestion(const std::string& base_url, const std::string& dataset, const Secret& token);
  ~SetupQuestion();
  SetupQuestion(const SetupQuestion&) = delete;
  SetupQuestion& operator=(const SetupQuestion&) = delete;

  /// Returns the complete request, including the Authorization header with the token.
  const Exchange& exchange() const { return exchange_; }

 private:
  class Body;
  std::unique_ptr<Body> body_;
  Exchange exchange_;
};

/// What the response to a SetupQuestion means.
enum class SetupAnswer {
  phased,         ///< the server speaks the phased protocol and accepts the token
  no_phases,      ///< the server does not speak phased, and accepts the token
  refused_token,  ///< the Data Bank itself refuses the token
  no_dataset,     ///< the server has no such draft dataset
  unclear,        ///< any other response, for example of a reverse proxy
};
/// Returns what `answer` means. Pure.
SetupAnswer read_setup_answer(const Answer& answer);

/// Returns whether the server accepts the token for the dataset: `phased` or `no_phases`.
bool accepts_token(SetupAnswer answer);

}  // namespace sluice
