// UploadRun: when a join of the parts may be retried. A server whose answer was lost continues the
// join and deletes the parts at its end: a second join in that time would find some parts missing,
// and the whole file would have to be sent again.
#include <fmt/format.h>

#include "engine/base/clock.h"
#include "engine/upload/upload_run.h"

namespace sluice {

bool UploadRun::join_is_open() const {
  return join_wait_.is_open(setting_.protocol->may_be_joining(), steady_now());
}

bool UploadRun::is_due_to_join(const Error& error) {
  if (request().step != Request::Step::ask_parts || !join_is_open()) return false;
  return error.code == 423 ||  // locked
         (!error.retryable && setting_.protocol->anew() == Protocol::Anew::what_is_missing);
}

void UploadRun::ask_parts_later() {
  if (join_wait_.is_first_wait())
    say(LogLevel::warning,
        fmt::format("the server may still be joining the parts of {}; waiting up to {} s before "
                    "another attempt",
                    file_, join_wait_.wait().count()));
  later(UploadState::waiting_for_server, join_wait_.ask_at(steady_now()), &UploadRun::try_again);
}

}  // namespace sluice
