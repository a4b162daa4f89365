#include "tools/sluice/display/output_queue.h"

#include <fmt/format.h>

#include <utility>

#include "tools/sluice/display/text_width.h"

namespace sluice::cli {

void OutputQueue::push(Kind kind, std::string text) {
  if (kind != Kind::result) bytes_ += text.size();
  of(kind).push_back({pushed_++, std::move(text)});
  make_room();
}

void OutputQueue::make_room() {
  // The order of the enumerators from the last one is the order in which they are given up.
  for (const Kind kind : {Kind::progress, Kind::message, Kind::error})
    while (bytes_ > most_bytes_ && !of(kind).empty()) {
      bytes_ -= of(kind).front().text.size();
      of(kind).pop_front();
      if (kind != Kind::progress) ++dropped_;
    }
}

void OutputQueue::show_live(std::string text) {
  live_ = std::move(text);
}

void OutputQueue::hide_live() {
  live_.reset();
}

void OutputQueue::forget_live() {
  live_.reset();
  shown_.reset();
}

std::optional<OutputQueue::Kind> OutputQueue::oldest() const {
  std::optional<Kind> found;
  for (const Kind kind : {Kind::result, Kind::error, Kind::message, Kind::progress})
    if (!of(kind).empty() && (!found || of(kind).front().number < of(*found).front().number))
      found = kind;
  return found;
}

std::optional<OutputQueue::Piece> OutputQueue::next() {
  const std::optional<Kind> kind = oldest();
  if (!kind && dropped_ == 0) {
    if (live_ == shown_) return {};
    if (!live_) return erase();
    // The erasing goes first even where no line is shown: somebody may have typed something.
    std::string text = shown_ ? erase().text : erase_line_;
    if (text.empty()) text = '\r';
    shown_ = live_;
    return Piece{Stream::err, text + *live_};
  }
  if (shown_) return erase();
  if (dropped_ > 0 && kind != Kind::result) {
    const std::size_t count = std::exchange(dropped_, 0);
    return Piece{Stream::err, fmt::format("sluice: {} {} dropped: standard error was blocked\n",
                                          count, count == 1 ? "message was" : "messages were")};
  }
  std::string text = std::move(of(*kind).front().text);
  of(*kind).pop_front();
  if (*kind == Kind::result) return Piece{Stream::out, std::move(text)};
  bytes_ -= text.size();
  return Piece{Stream::err, std::move(text)};
}

OutputQueue::Piece OutputQueue::erase() {
  const std::string blanks(erase_line_.empty() ? text_width(*shown_) : 0, ' ');
  shown_.reset();
  return {Stream::err, erase_line_.empty() ? '\r' + blanks + '\r' : erase_line_};
}

bool OutputQueue::empty() const {
  return !oldest() && dropped_ == 0 && live_ == shown_;
}

}  // namespace sluice::cli
