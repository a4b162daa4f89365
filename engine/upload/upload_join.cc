// When an UploadRun may have the parts of its file joined once more. A server whose answer was lost
// goes on with the join, and deletes the parts at its end: another join in that time would find
// some of them gone, and all of the file would have to be sent again.
#include <fmt/format.h>

#include <algorithm>

#include "engine/base/clock.h"
#include "engine/upload/upload_run.h"

namespace sluice {
namespace {

using namespace std::chrono_literals;

}  // namespace

bool UploadRun::join_is_open() const {
  return setting_.protocol->may_be_joining() && steady_now() < join_sent_at_ + register_wait();
}

bool UploadRun::may_join(Request::Step step) {
  if (step != Request::Step::join || !join_is_open()) return true;
  ask_parts_later();
  return false;
}

bool UploadRun::is_due_to_join(const Error& error) {
  if (flight_->request.step != Request::Step::ask_parts || !join_is_open()) return false;
  return error.code == 423 ||  // locked
         (!error.retryable && setting_.protocol->anew() == Protocol::Anew::what_is_missing);
}

void UploadRun::ask_parts_later() {
  if (!std::exchange(join_was_told_, true))
    say(LogLevel::warning,
        fmt::format("the server may still be joining the parts of {}; waiting up to {} s before "
                    "another attempt",
                    file_, register_wait().count()));
  const auto pause = std::max<Clock::duration>(1s, register_wait() / 30);
  later(std::min(join_sent_at_ + register_wait(), steady_now() + pause), &UploadRun::try_again);
}

}  // namespace sluice
