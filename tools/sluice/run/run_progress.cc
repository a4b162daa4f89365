#include "tools/sluice/run/run_progress.h"

#include <algorithm>
#include <utility>

namespace sluice::cli {
namespace {

/// Returns the difference between `stages` and the earlier `before`.
Stages since(const Stages& before, Stages stages) {
  const auto subtract = [](StageTimes& from, const StageTimes& times) {
    from.busy_s = std::max(0.0, from.busy_s - times.busy_s);
    from.wait_s = std::max(0.0, from.wait_s - times.wait_s);
  };
  subtract(stages.read, before.read);
  subtract(stages.checksum, before.checksum);
  subtract(stages.send, before.send);
  subtract(stages.server, before.server);
  stages.wait_for_read_s = std::max(0.0, stages.wait_for_read_s - before.wait_for_read_s);
  stages.wait_for_checksum_s =
      std::max(0.0, stages.wait_for_checksum_s - before.wait_for_checksum_s);
  stages.wait_for_journal_s = std::max(0.0, stages.wait_for_journal_s - before.wait_for_journal_s);
  return stages;
}

}  // namespace

void RunProgress::transfer_started(std::size_t number, std::string name) {
  transfers_[number] = {.name = std::move(name), .progress = {}, .meter = {}};
}

void RunProgress::update(std::size_t number, const Progress& progress, Clock::time_point now) {
  const auto found = transfers_.find(number);
  if (found == transfers_.end()) return;
  Transfer& transfer = found->second;
  transmitted_ +=
      progress.transmitted - std::min(progress.transmitted, transfer.progress.transmitted);
  stages_ += since(transfer.progress.stages, progress.stages);
  transfer.progress = progress;
  transfer.meter.update(now, progress.transmitted);
}

void RunProgress::transfer_ended(std::size_t number, const Report& report) {
  const auto found = transfers_.find(number);
  if (found == transfers_.end()) return;
  const Progress& seen = found->second.progress;
  // A small file may begin and end between two updates.
  if (report.status == Report::Status::registered && report.registered_before.empty()) {
    const std::uint64_t sent = report.committed - std::min(report.committed, report.resumed_from);
    transmitted_ += sent - std::min(sent, seen.transmitted);
    stages_ += since(seen.stages, report.stages);
  }
  transfers_.erase(found);
}

void RunProgress::file_finished(std::uint64_t bytes, bool registered) {
  ++finished_;
  finished_bytes_ += bytes;
  if (registered) registered_bytes_ += bytes;
}

void RunProgress::update_totals(Clock::time_point now) {
  meter_.update(now, transmitted_);
  bottleneck_.update(now, std::exchange(stages_, {}));
}

RunTotals RunProgress::totals() const {
  RunTotals totals{
      .files = files_, .finished = finished_, .transfers = transfers_.size(), .bytes = bytes_};
  totals.sent = finished_bytes_;
  totals.committed = registered_bytes_;
  for (const auto& [number, transfer] : transfers_) {
    totals.sent += transfer.progress.sent;
    totals.committed += transfer.progress.committed;
  }
  totals.sent = std::min(totals.sent, totals.bytes);  // a file may have grown since it was counted
  totals.bytes_per_second = meter_.rate();
  totals.seconds_left = meter_.seconds_for(totals.bytes - totals.sent);
  totals.bottleneck = bottleneck_.bottleneck();
  return totals;
}

ProgressView RunProgress::view() const {
  const RunTotals sums = totals();
  const Progress all{.total = sums.bytes, .sent = sums.sent, .committed = sums.committed};
  ProgressView view;
  if (files_ == 1 && transfers_.size() == 1) {
    const Transfer& only = transfers_.begin()->second;
    view.total = progress_of_file(only.name, only.progress, only.meter, sums.bottleneck);
    return view;
  }
  for (const auto& [number, transfer] : transfers_)
    view.transfers.push_back(progress_of_file(transfer.name, transfer.progress, transfer.meter));
  view.total = progress_of_all(finished_, files_, all, meter_, sums.bottleneck);
  return view;
}

}  // namespace sluice::cli
