#pragma once

#include <memory>
#include <string>

#include "engine/base/secret.h"
#include "engine/http/exchange.h"

namespace sluice {

/// A setup without filesize for a name that no file has: a question that changes nothing at the
/// server. Its answer says what the server speaks, and whether it accepts the token for the dataset
/// (protocol section 1.5 and "Which one").
///
/// Owns the body of its exchange, and outlives it.
class SetupQuestion {
 public:
  SetupQuestion(const std::string& base_url, const std::string& dataset, const Secret& token);
  ~SetupQuestion();
  SetupQuestion(const SetupQuestion&) = delete;
  SetupQuestion& operator=(const SetupQuestion&) = delete;

  /// Complete, the token included.
  const Exchange& exchange() const { return exchange_; }

 private:
  class Body;
  std::unique_ptr<Body> body_;
  Exchange exchange_;
};

enum class SetupAnswer {
  phased,         ///< the server speaks the phased protocol and accepts the token
  no_phases,      ///< it does not speak that, and accepts the token
  refused_token,  ///< the Data Bank itself refuses the token
  no_dataset,     ///< it has no such draft dataset
  unclear,        ///< anything else: a front server's answer, say
};
SetupAnswer read_setup_answer(const Answer& answer);

/// Whether the answer means that the server accepts the token for the dataset.
bool accepts_token(SetupAnswer answer);

}  // namespace sluice
