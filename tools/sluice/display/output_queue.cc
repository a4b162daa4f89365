#include "tools/sluice/display/output_queue.h"

#include <fmt/format.h>

#include <utility>

namespace sluice::cli {

std::string OutputQueue::dropped_messages(std::size_t count) {
  return fmt::format("sluice: {} {} dropped: standard error was blocked\n", count,
                     count == 1 ? "message was" : "messages were");
}

void OutputQueue::push(Kind kind, std::string text) {
  if (kind != Kind::result) bytes_ += text.size();
  of(kind).push_back({pushed_++, std::move(text)});
  drop_excess();
}

void OutputQueue::drop_excess() {
  // The order in which kinds are dropped.
  for (const Kind kind : {Kind::progress, Kind::message, Kind::error})
    while (bytes_ > most_bytes_ && !of(kind).empty()) {
      bytes_ -= of(kind).front().text.size();
      of(kind).pop_front();
      if (kind != Kind::progress) ++dropped_;
    }
}

void OutputQueue::forget_live() {
  live_.clear();
  area_.forget();
}

std::optional<OutputQueue::Kind> OutputQueue::oldest() const {
  std::optional<Kind> found;
  for (const Kind kind : {Kind::result, Kind::error, Kind::message, Kind::progress})
    if (!of(kind).empty() && (!found || of(kind).front().number < of(*found).front().number))
      found = kind;
  return found;
}

std::optional<OutputQueue::Piece> OutputQueue::next(std::size_t columns) {
  const std::optional<Kind> kind = oldest();
  if (!kind && dropped_ == 0) {
    if (live_ == area_.lines()) return {};
    return Piece{Stream::err, area_.draw(live_, columns)};
  }
  if (area_.is_shown()) return Piece{Stream::err, area_.erase(columns)};
  if (dropped_ > 0 && kind != Kind::result) {
    return Piece{Stream::err, dropped_line_(std::exchange(dropped_, 0))};
  }
  std::string text = std::move(of(*kind).front().text);
  of(*kind).pop_front();
  if (*kind == Kind::result) return Piece{Stream::out, std::move(text)};
  bytes_ -= text.size();
  return Piece{Stream::err, std::move(text)};
}

bool OutputQueue::empty() const {
  return !oldest() && dropped_ == 0 && live_ == area_.lines();
}

}  // namespace sluice::cli
