#include "engine/policy/request_gate.h"

#include <algorithm>
#include <cassert>
#include <memory>

#include "engine/base/clock.h"

namespace sluice {
namespace {

/// The maximum time for which a burst waits for requests that are still in flight.
constexpr std::chrono::milliseconds gather_most{500};

}  // namespace

bool RequestGate::Turn::take(std::function<void()> on_turn) {
  if (gate_ == nullptr) return true;
  RequestGate& gate = *gate_;
  const MutexLock lock(gate.mutex_);
  if (rule_ == Rule::never_waits) {
    if (std::exchange(state_, State::held) == State::none) ++gate.held_;
    return true;
  }
  const bool gathering = gate.burst_size_ > 0;
  const unsigned limit = gate.limit_.limit();
  if (state_ == State::held && gate.held_ <= limit && !gathering) return true;
  if (state_ == State::none && gate.queue_.empty() && gate.held_ < limit && !gathering) {
    state_ = State::held;
    ++gate.held_;
    return true;
  }
  if (state_ == State::waiting || state_ == State::called) {
    call_->on_turn = std::move(on_turn);
    return false;
  }
  const bool held = std::exchange(state_, State::waiting) == State::held;
  call_ = std::make_shared<Call>(Call{this, std::move(on_turn)});
  gate.queue_.push_back(this);
  if (held) gate.gave_back();
  return false;
}

void RequestGate::Turn::leave() {
  if (gate_ == nullptr) return;
  // destroyed after the lock is released: it may hold the last reference
  std::function<void()> unused;
  const MutexLock lock(gate_->mutex_);
  const State before = std::exchange(state_, State::none);
  if (call_) {
    call_->turn = nullptr;
    unused = std::exchange(call_->on_turn, nullptr);
    call_.reset();
  }
  switch (before) {
    case State::none:
      break;
    case State::waiting:
      gate_->queue_.erase(std::find(gate_->queue_.begin(), gate_->queue_.end(), this));
      break;
    case State::called:
    case State::held:
      gate_->gave_back();
      break;
  }
}

bool RequestGate::Turn::is_waiting() const {
  if (gate_ == nullptr) return false;
  const MutexLock lock(gate_->mutex_);
  return state_ == State::waiting || state_ == State::called;
}

void RequestGate::Turn::sent() {
  if (gate_ == nullptr) return;
  const MutexLock lock(gate_->mutex_);
  round_ = gate_->limit_.round();
}

RequestGate::Moment RequestGate::Turn::answered() const {
  if (gate_ == nullptr) return {};
  const MutexLock lock(gate_->mutex_);
  return {round_, gate_->held_};
}

void RequestGate::Turn::succeeded() {
  if (gate_ == nullptr) return;
  RequestGate& gate = *gate_;
  const MutexLock lock(gate.mutex_);
  const std::optional<unsigned> before = gate.limit_.worth_remembering();
  gate.limit_.succeeded(gate.held_, steady_now());
  gate.note_change(before);
  if (rule_ == Rule::queues && gate.burst_size_ == 0 && gate.burst_.answered(gate.held_))
    gate.gather();
  gate.admit();
}

bool RequestGate::Turn::overloaded(const Moment& moment, RequestLimit::Overload overload) {
  if (gate_ == nullptr) return false;
  RequestGate& gate = *gate_;
  const MutexLock lock(gate.mutex_);
  if (rule_ == Rule::never_waits &&
      gate.limit_.known_limit().value_or(moment.in_flight) < moment.in_flight)
    return false;
  const std::optional<unsigned> before = gate.limit_.worth_remembering();
  if (!gate.limit_.overloaded(moment.round, moment.in_flight, steady_now(), overload)) return false;
  gate.burst_.lowered(gate.limit_.limit());
  gate.note_change(before);
  return true;
}

void RequestGate::note_change(std::optional<unsigned> remembered_before) {
  const std::optional<unsigned> now = limit_.worth_remembering();
  if (now != remembered_before && setting_.on_change) setting_.on_change(now);
}

void RequestGate::gave_back() {
  assert(held_ > 0);
  --held_;
  if (burst_size_ > 0 && held_ == 0)
    release();
  else
    admit();
}

void RequestGate::gather() {
  burst_size_ = held_;
  setting_.post_at(steady_now() + gather_most, [this, number = ++burst_number_] {
    const MutexLock lock(mutex_);
    if (number == burst_number_) release();
  });
}

void RequestGate::release() {
  if (burst_size_ == 0) return;
  burst_.done(std::exchange(burst_size_, 0));
  admit();
}

void RequestGate::admit() {
  while (burst_size_ == 0 && !queue_.empty() && held_ < limit_.limit()) {
    Turn& next = *queue_.front();
    queue_.pop_front();
    assert(next.state_ == Turn::State::waiting && next.call_);
    next.state_ = Turn::State::called;
    ++held_;
    call(next);
  }
}

void RequestGate::call(Turn& turn) {
  turn.post_([this, call = turn.call_] { run_call(*call); });
}

void RequestGate::run_call(Turn::Call& call) {
  std::function<void()> on_turn;
  {
    const MutexLock lock(mutex_);
    if (call.turn == nullptr) return;
    on_turn = std::exchange(call.on_turn, nullptr);
    call.turn->state_ = Turn::State::held;
    call.turn->call_.reset();
  }
  on_turn();
}

}  // namespace sluice
