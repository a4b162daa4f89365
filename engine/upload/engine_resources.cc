#include "engine/upload/engine_resources.h"

#include <algorithm>
#include <thread>
#include <utility>

namespace sluice {
namespace {

unsigned usable_cores(const EngineOptions& options) {
  return options.workers != 0 ? options.workers : std::max(1U, std::thread::hardware_concurrency());
}

std::unique_ptr<JournalThread> start_journal(std::unique_ptr<Journal> journal, Executor* executor) {
  if (!journal) return nullptr;
  if (executor != nullptr) return std::make_unique<JournalThread>(std::move(journal), *executor);
  return std::make_unique<JournalThread>(std::move(journal));
}

}  // namespace

EngineResources::EngineResources(Setting setting)
    : options_(std::move(setting.options)),
      pool_(std::move(setting.pool)),
      shares_(*pool_, std::max(1U, options_.uploads_at_a_time)),
      workers_(setting.executor != nullptr
                   ? ChecksumWorkers(*setting.executor)
                   : ChecksumWorkers(static_cast<int>(usable_cores(options_)))),
      journal_(start_journal(std::move(setting.journal), setting.executor)),
      servers_({.requests_at_a_time = options_.requests_at_a_time,
                .post_at =
                    [this](RequestGate::Clock::time_point when, std::function<void()> work) {
                      network_.first().post_at(when, std::move(work));
                    },
                .journal = journal_.get()}),
      network_({.make = std::move(setting.transports),
                .bytes_per_second = options_.bytes_per_second,
                .asked = options_.network_threads,
                .cores = usable_cores(options_)}),
      asking_(network_.first(), options_.retry, journal(), options_.log) {}

void EngineResources::say(LogLevel level, const std::string& text) const {
  if (options_.log) options_.log(level, text);
}

}  // namespace sluice
