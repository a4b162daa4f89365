#include "engine/request_gate.h"

#include <algorithm>
#include <memory>

namespace sluice {
namespace {

/// How long uploads that could send wait for those whose requests take longer.
constexpr std::chrono::milliseconds gather_most{500};

}  // namespace

bool RequestGate::Turn::take(std::function<void()> on_turn) {
  if (gate_ == nullptr) return true;
  if (rule_ == Rule::never_waits) {
    if (std::exchange(state_, State::held) == State::none) ++gate_->held_;
    return true;
  }
  const bool gathering = gate_->burst_size_ > 0;
  if (state_ == State::held && gate_->held_ <= gate_->limit() && !gathering) return true;
  if (state_ == State::none && gate_->queue_.empty() && gate_->held_ < gate_->limit() &&
      !gathering) {
    state_ = State::held;
    ++gate_->held_;
    return true;
  }
  const bool held = state_ == State::held;
  on_turn_ = std::move(on_turn);
  if (state_ == State::waiting) return false;
  state_ = State::waiting;
  gate_->queue_.push_back(this);
  if (held) gate_->gave_back();
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
      on_turn_ = nullptr;
      gate_->gave_back();
      return;
  }
  on_turn_ = nullptr;
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
  if (rule_ == Rule::queues && gate_->burst_size_ == 0 && gate_->burst_.answered(gate_->held_))
    gate_->gather();
  gate_->admit();
}

bool RequestGate::Turn::overloaded(const Moment& moment, RequestLimit::Overload overload) {
  if (gate_ == nullptr) return false;
  RequestLimit& limit = gate_->setting_.limit;
  if (rule_ == Rule::never_waits &&
      limit.known_limit().value_or(moment.in_flight) < moment.in_flight)
    return false;
  const std::optional<unsigned> before = limit.worth_remembering();
  if (!limit.overloaded(moment.round, moment.in_flight, Clock::now(), overload)) return false;
  gate_->burst_.lowered(limit.limit());
  gate_->note_change(before);
  return true;
}

void RequestGate::note_change(std::optional<unsigned> remembered_before) {
  known_limit_ = setting_.limit.known_limit().value_or(0);
  const std::optional<unsigned> now = setting_.limit.worth_remembering();
  if (now != remembered_before && setting_.on_change) setting_.on_change(now);
}

void RequestGate::gave_back() {
  --held_;
  if (burst_size_ > 0 && held_ == 0) release();
  admit();
}

void RequestGate::gather() {
  burst_size_ = held_;
  setting_.post_at(Clock::now() + gather_most, [this, number = ++burst_number_] {
    if (number == burst_number_) release();
  });
}

void RequestGate::release() {
  if (burst_size_ == 0) return;
  burst_.done(std::exchange(burst_size_, 0));
  admit();
}

void RequestGate::admit() {
  // Not at once: the one that leaves may be in the middle of its own step.
  if (burst_size_ > 0 || queue_.empty() || held_ >= limit() || std::exchange(admitting_, true))
    return;
  setting_.post([this] {
    admitting_ = false;
    while (burst_size_ == 0 && !queue_.empty() && held_ < limit()) {
      Turn& next = *queue_.front();
      queue_.pop_front();
      next.state_ = Turn::State::held;
      ++held_;
      std::exchange(next.on_turn_, nullptr)();
    }
  });
}

}  // namespace sluice
