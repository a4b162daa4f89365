#include "engine/pipeline/window.h"

#include <cassert>
#include <stdexcept>
#include <utility>

namespace sluice {

Window::Window(std::uint64_t first, std::uint64_t end, std::size_t capacity,
               std::function<void()> on_ready, std::size_t batch)
    : end_(end),
      batch_(batch),
      on_ready_(std::move(on_ready)),
      slots_(capacity),
      next_pass_(first),
      next_take_(first) {
  assert(first <= end);
  assert(batch >= 1 && batch <= capacity);
}

bool Window::take_waiter() {
  return std::exchange(consumer_waits_, false);
}

void Window::put(Block block) {
  bool notify = false;
  {
    MutexLock lock(mutex_);
    // A discarded block returns to the pool. After an error there may be no slot for the block: a
    // failed reader returns its buffer, and the next owner of that buffer claims a number one round
    // of the ring later.
    if (closed_ || error_) return;
    put_there(std::move(block));
    notify = consumer_waits_ && waits_for_ == Waiting::read &&
             slot(next_take_).state != State::empty && take_waiter();
  }
  if (notify) on_ready_();
}

void Window::put_there(Block block) {
  const std::uint64_t number = block.number;
  Slot& slot = this->slot(number);
  if (slot.state != State::empty || number < next_take_ || number >= end_)
    throw std::logic_error("Window: two blocks have the same place");
  slot.block = std::move(block);
  slot.state = State::read;
  unchecked_.push_back(number);
}

bool Window::wants_checker() {
  MutexLock lock(mutex_);
  if (closed_ || unchecked_.empty()) return false;
  // Another checker is needed if no checker runs and the consumer will soon have taken every passed
  // block, or if there are more unchecked blocks than the running checkers will handle soon.
  const bool soon_dry = checkers_ == 0 && next_pass_ - next_take_ < batch_;
  if (!soon_dry && unchecked_.size() < batch_ * (checkers_ + 1)) return false;
  ++checkers_;
  return true;
}

Block* Window::next_to_check() {
  MutexLock lock(mutex_);
  if (closed_ || unchecked_.empty()) {
    if (checkers_ > 0) --checkers_;
    return nullptr;
  }
  Slot& slot = this->slot(unchecked_.front());
  assert(slot.state == State::read && slot.block.number == unchecked_.front());
  unchecked_.pop_front();
  slot.state = State::checking;
  return &slot.block;
}

void Window::checked(std::uint64_t number) {
  MutexLock lock(mutex_);
  Slot& slot = this->slot(number);
  assert(slot.state == State::checking && slot.block.number == number);
  slot.state = State::checked;
  if (closed_) slot.block.buffer.release();
}

Block* Window::next_in_order() {
  MutexLock lock(mutex_);
  if (closed_ || error_ || next_pass_ == end_) return nullptr;
  Slot& slot = this->slot(next_pass_);
  if (slot.state != State::checked || slot.block.number != next_pass_) return nullptr;
  slot.state = State::passing;
  return &slot.block;
}

void Window::passed() {
  bool notify = false;
  {
    MutexLock lock(mutex_);
    Slot& slot = this->slot(next_pass_++);
    assert(slot.state == State::passing);
    slot.state = State::ready;
    if (closed_)
      slot.block.buffer.release();
    else
      notify = take_waiter();
  }
  if (notify) on_ready_();
}

void Window::fail(Error error) {
  bool notify = false;
  {
    MutexLock lock(mutex_);
    if (!error_) error_ = std::move(error);
    notify = take_waiter();
  }
  if (notify) on_ready_();
}

void Window::close() {
  MutexLock lock(mutex_);
  closed_ = true;
  unchecked_.clear();
  for (Slot& slot : slots_)
    // The buffer of a block in a stage returns when that stage calls checked() or passed().
    if (slot.state != State::checking && slot.state != State::passing) slot.block.buffer.release();
}

Window::Taken Window::take() {
  MutexLock lock(mutex_);
  Taken taken;
  if (error_) {
    taken.error = error_;
    return taken;
  }
  assert(next_take_ < end_);
  Slot& slot = this->slot(next_take_);
  if (slot.state == State::ready) {
    assert(slot.block.number == next_take_);
    taken.block = std::move(slot.block);
    slot.state = State::empty;
    ++next_take_;
    return taken;
  }
  consumer_waits_ = true;
  waits_for_ = taken.waiting = slot.state == State::empty ? Waiting::read : Waiting::check;
  return taken;
}

}  // namespace sluice
