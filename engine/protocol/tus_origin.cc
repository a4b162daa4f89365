#include "engine/protocol/tus_origin.h"

#include "engine/protocol/answer_text.h"

namespace sluice {

bool TusOrigin::is_marked(const Answer& answer) {
  return answer.header("tus-resumable").has_value();
}

TusOrigin::Sender TusOrigin::sender(const Answer& answer) const {
  if (is_marked(answer)) return Sender::server;
  switch (mark_) {
    case Mark::sent:
      return Sender::front;
    case Mark::not_known:
      return is_page(answer) ? Sender::front : Sender::unknown;
    case Mark::missing:
      break;
  }
  return Sender::unknown;
}

void TusOrigin::learn(const Answer& answer) {
  if (!is_marked(answer))
    mark_ = Mark::missing;
  else if (mark_ == Mark::not_known)
    mark_ = Mark::sent;
}

}  // namespace sluice
