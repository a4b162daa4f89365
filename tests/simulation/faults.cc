#include "tests/simulation/faults.h"

#include <utility>

namespace sluice::sim {

const char* to_string(Step step) {
  switch (step) {
    case Step::ask:
      return "ask";
    case Step::setup:
      return "setup";
    case Step::chunk:
      return "chunk";
    case Step::probe:
      return "probe";
    case Step::verify:
      return "verify";
    case Step::options:
      return "options";
    case Step::create:
      return "create";
    case Step::patch:
      return "patch";
    case Step::head:
      return "head";
    case Step::remove:
      return "remove";
    case Step::join:
      return "join";
    case Step::enlist:
      return "enlist";
    case Step::whole:
      return "whole";
    case Step::other:
      break;
  }
  return "other";
}

const char* to_string(Fault fault) {
  switch (fault) {
    case Fault::refused_connection:
      return "refused-connection";
    case Fault::lost_connecting:
      return "lost-connecting";
    case Fault::lost_request:
      return "lost-request";
    case Fault::swallowed_request:
      return "swallowed-request";
    case Fault::cut_body:
      return "cut-body";
    case Fault::cut_end:
      return "cut-end";
    case Fault::stalled_body:
      return "stalled-body";
    case Fault::early_status:
      return "early-status";
    case Fault::too_large:
      return "too-large";
    case Fault::changed_bytes:
      return "changed-bytes";
    case Fault::status_before:
      return "status-before";
    case Fault::front_before:
      return "front-before";
    case Fault::front_after:
      return "front-after";
    case Fault::lost_answer:
      return "lost-answer";
    case Fault::silent_answer:
      return "silent-answer";
    case Fault::late:
      return "late";
    case Fault::partly:
      return "partly";
    case Fault::restart:
      return "restart";
    case Fault::think:
      return "think";
    case Fault::garbage:
      return "garbage";
    case Fault::cut_answer:
      return "cut-answer";
    case Fault::forgets:
      return "forgets";
    case Fault::part_kept:
      return "part-kept";
    case Fault::page_before:
      return "page-before";
    case Fault::dead_connections:
      return "dead-connections";
    case Fault::token_expires:
      return "token-expires";
    case Fault::upload_expires:
      return "upload-expires";
    case Fault::outage:
      return "outage";
    case Fault::gone:
      return "gone";
    case Fault::slow_link:
      return "slow-link";
    case Fault::read_error:
      return "read-error";
    case Fault::file_changes:
      return "file-changes";
    case Fault::file_replaced:
      return "file-replaced";
    case Fault::file_touched:
      return "file-touched";
    case Fault::full_disk:
      return "full-disk";
    case Fault::clock_jumps:
      return "clock-jumps";
    case Fault::crash:
      return "crash";
    case Fault::cancel:
      break;
  }
  return "cancel";
}

std::optional<Fault> Faults::at_connect() {
  if (!is_due(weather_.requests / 4)) return {};
  return strike(dice_.pick({Fault::refused_connection, Fault::lost_connecting}));
}

std::optional<Fault> Faults::at_head(const Head& head) {
  // A cause that loses a response often refuses the retry, too.
  if (std::exchange(in_pairs_, false) && head.body_size > 0 && is_due(0.3))
    return strike(dice_.pick(
        {Fault::lost_request, Fault::cut_body, Fault::early_status, Fault::early_status}));
  if (!is_due(weather_.requests)) return aimed_at_head(head);
  if (head.body_size == 0)
    return strike(dice_.pick({Fault::lost_request, Fault::swallowed_request, Fault::early_status}));
  if (!head.header("upload-checksum").empty() && dice_.chance(0.3))
    return strike(Fault::changed_bytes);
  return strike(dice_.pick({Fault::lost_request, Fault::swallowed_request, Fault::cut_body,
                            Fault::cut_body, Fault::stalled_body, Fault::early_status}));
}

std::optional<Fault> Faults::at_complete(Step step) {
  if (step == Step::ask && std::exchange(spoils_question_, false))
    return strike(dice_.pick({Fault::page_before, Fault::garbage, Fault::front_before}));
  if (step == Step::patch && lossy_budget_ > 0 && lossy_dice_.chance(0.15)) {
    --lossy_budget_;
    return strike(Fault::forgets);
  }
  if (registers(step) && std::exchange(loses_registration_, false)) {
    cancels_in_doubt_ = step == Step::verify;
    return strike(Fault::lost_answer);
  }
  // The requests that matter most are few.
  const bool matters = registers(step) || step == Step::setup || step == Step::join;
  if (matters) aim_crash();
  if (!is_due(weather_.requests * (matters ? 4 : 1))) return aimed_at_complete(step);
  const Fault fault =
      dice_.pick({Fault::status_before, Fault::front_before, Fault::front_after, Fault::lost_answer,
                  Fault::lost_answer, Fault::silent_answer, Fault::late, Fault::partly,
                  Fault::restart, Fault::think, Fault::garbage, Fault::cut_answer});
  in_pairs_ = fault == Fault::lost_answer || fault == Fault::partly;
  was_lost_ = fault == Fault::lost_answer;
  return strike(fault);
}

std::optional<Fault> Faults::aimed_at_head(const Head& head) {
  // The server may refuse a repeated chunk that it already has.
  const bool is_again = std::exchange(was_lost_, false);
  if (!head.header("upload-checksum").empty() && is_aimed(0.15))
    return strike(Fault::changed_bytes);
  if (head.body_size < 1000 || !is_aimed(is_again ? 0.5 : 0.02)) return {};
  if (is_again || aimed_dice_.chance(0.5)) return strike(Fault::too_large);
  is_cut_ = true;
  return strike(Fault::cut_end);
}

std::optional<Fault> Faults::aimed_at_complete(Step step) {
  const bool carries_bytes = step == Step::patch || step == Step::create;
  if (!is_aimed(aimed_often_ * (registers(step) || carries_bytes ? 0.1 : 0.05))) return {};
  const Fault fault =
      aimed_dice_.pick({carries_bytes ? Fault::part_kept : Fault::forgets, Fault::forgets,
                        Fault::lost_answer, Fault::lost_answer, Fault::page_before});
  was_lost_ = fault == Fault::lost_answer;
  return strike(fault);
}

std::chrono::seconds Faults::retry_after(std::chrono::seconds usual) {
  // A date some weeks ahead, from a server with a wrong clock.
  return is_aimed(0.1) ? 10'000 * usual : usual;
}

std::optional<Faults::Later> Faults::after_request(bool has_body) {
  // The bytes before the cut are likely to be compared with the file again.
  if (std::exchange(is_cut_, false)) return Later{*strike(Fault::file_touched), true};
  if (!is_aimed(has_body ? 0.1 : 0.03)) return {};
  const Fault fault = aimed_dice_.pick(
      {Fault::file_touched, Fault::read_error, Fault::token_expires, Fault::upload_expires,
       Fault::full_disk, Fault::clock_jumps, Fault::read_error, Fault::file_changes, Fault::cancel,
       Fault::dead_connections, Fault::restart, Fault::gone});
  return Later{*strike(fault), false};
}

std::optional<Fault> Faults::at_moment() {
  if (!is_due(weather_.moments)) return {};
  // Permanent faults are rarer than transient ones.
  if (dice_.chance(0.15))
    return strike(
        dice_.pick({Fault::read_error, Fault::file_changes, Fault::file_replaced, Fault::cancel}));
  return strike(dice_.pick({Fault::dead_connections, Fault::token_expires, Fault::upload_expires,
                            Fault::outage, Fault::slow_link, Fault::restart, Fault::file_touched,
                            Fault::full_disk, Fault::clock_jumps}));
}

std::optional<Fault> Faults::at_pause() {
  if (!is_due(weather_.moments * 4)) return {};
  return strike(
      dice_.pick({Fault::file_changes, Fault::file_changes, Fault::file_touched, Fault::restart,
                  Fault::upload_expires, Fault::outage, Fault::token_expires}));
}

bool Faults::fails_read(bool has_free_buffer) {
  if (has_free_buffer || buffer_budget_ == 0 || !buffer_dice_.chance(0.3)) return false;
  --buffer_budget_;
  static_cast<void>(strike(Fault::read_error));
  return true;
}

bool Faults::cancels_in_doubt() {
  if (!std::exchange(cancels_in_doubt_, false)) return false;
  static_cast<void>(strike(Fault::cancel));
  return true;
}

void Faults::aim_crash() {
  if (crash_in_ == 0 && weather_.crash_budget > 0 && dice_.chance(weather_.crashes * 8))
    crash_in_ = static_cast<unsigned>(dice_.between(1, 8));
}

bool Faults::crashes() {
  if (weather_.crash_budget == 0) return false;
  const bool is_aimed = crash_in_ > 0 && --crash_in_ == 0;
  if (!is_aimed && !dice_.chance(weather_.crashes)) return false;
  --weather_.crash_budget;
  static_cast<void>(strike(Fault::crash));
  return true;
}

}  // namespace sluice::sim
