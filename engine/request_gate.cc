#include "engine/request_gate.h"

#include <algorithm>
#include <memory>

namespace sluice {

bool RequestGate::Turn::take(std::function<void()> on_turn) {
  if (gate_ == nullptr) return true;
  if (state_ == State::held && gate_->held_ <= gate_->limit()) return true;
  if (state_ == State::none && gate_->queue_.empty() && gate_->held_ < gate_->limit()) {
    state_ = State::held;
    ++gate_->held_;
    return true;
  }
  if (state_ == State::held) leave();
  on_turn_ = std::move(on_turn);
  if (state_ == State::waiting) return false;
  state_ = State::waiting;
  gate_->queue_.push_back(this);
  return false;
}

void RequestGate::Turn::leave() {
  switch (std::exchange(state_, State::none)) {
    case State::none:
      return;
    case State::waiting:
      gate_->queue_.erase(std::find(gate_->queue_.begin(), gate_->queue_.end(), this));
      break;
    case State::held:
      --gate_->held_;
      break;
  }
  on_turn_ = nullptr;
  gate_->admit();
}

void RequestGate::Turn::sent() {
  if (gate_ != nullptr) round_ = gate_->setting_.limit.round();
}

RequestGate::Moment RequestGate::Turn::answered() const {
  return {round_, gate_ == nullptr ? 0 : gate_->held_};
}

void RequestGate::Turn::succeeded() {
  if (gate_ == nullptr) return;
  RequestLimit& limit = gate_->setting_.limit;
  const std::optional<unsigned> before = limit.worth_remembering();
  limit.succeeded(gate_->held_, Clock::now());
  gate_->note_change(before);
  gate_->admit();
}

bool RequestGate::Turn::overloaded(const Moment& moment, RequestLimit::Overload overload) {
  if (gate_ == nullptr) return false;
  RequestLimit& limit = gate_->setting_.limit;
  const std::optional<unsigned> before = limit.worth_remembering();
  if (!limit.overloaded(moment.round, moment.in_flight, Clock::now(), overload)) return false;
  gate_->note_change(before);
  return true;
}

void RequestGate::note_change(std::optional<unsigned> remembered_before) {
  known_limit_ = setting_.limit.known_limit().value_or(0);
  const std::optional<unsigned> now = setting_.limit.worth_remembering();
  if (now != remembered_before && setting_.on_change) setting_.on_change(now);
}

void RequestGate::admit() {
  // Not at once: the one that leaves may be in the middle of its own step.
  if (queue_.empty() || held_ >= limit() || std::exchange(admitting_, true)) return;
  setting_.post([this] {
    admitting_ = false;
    while (!queue_.empty() && held_ < limit()) {
      Turn& next = *queue_.front();
      queue_.pop_front();
      next.state_ = Turn::State::held;
      ++held_;
      std::exchange(next.on_turn_, nullptr)();
    }
  });
}

}  // namespace sluice
