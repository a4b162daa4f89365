#include "engine/upload/token_check.h"

#include <utility>

#include "engine/protocol/setup_question.h"

namespace sluice {

void TokenCheck::ask(Transport& transport, const Secret& token,
                     std::function<void(Finding)> on_finding) {
  const auto question = std::make_shared<SetupQuestion>(base_url_, dataset_, token);
  question_ = transport.start(
      question->exchange(),
      [this, question, on_finding = std::move(on_finding)](const Result<Answer>& answer) {
        question_ = 0;
        const TokenDoubt::Verdict verdict = doubt_->heard(answer);
        on_finding({.verdict = verdict,
                    .doubt = *doubt_,
                    .is_answered = answer.has_value(),
                    .is_late = !answer && answer.error().code == Transport::unanswered});
      });
}

void TokenCheck::cancel(Transport& transport) {
  // Posted, because curl may be the caller.
  if (const Transport::ExchangeId question = std::exchange(question_, 0); question != 0)
    transport.post([&transport, question] { transport.cancel(question); });
}

}  // namespace sluice
