#include <fmt/format.h>

#include <chrono>
#include <functional>
#include <map>
#include <random>
#include <thread>
#include <utility>

#include "io/sync.h"
#include "tests/support/scripted_server.h"
#include "tests/support/temp_dir.h"
#include "tests/torture/server.h"

namespace sluice::torture {
namespace {

using test::Fault;
using test::http_answer;
using test::Phase;

class Scripted final : public Server {
 public:
  Scripted(bool faults, const Measure& measure, std::uint64_t seed)
      : faults_(faults), measure_(measure), random_(seed) {}

  std::string url() const override { return server_.url(); }
  int registrations() const override { return server_.registrations(); }
  bool holds(const std::string& name, const std::filesystem::path& file) const override {
    return server_.registered(name) == test::read_file(file);
  }

  void before_run() override {
    if (!faults_) return;
    std::vector<Fault> plan;
    for (const Phase phase :
         {Phase::ask, Phase::setup, Phase::transfer, Phase::probe, Phase::verify}) {
      // One fault for each request that a run may have; unused faults do not matter.
      const double probability = phase == Phase::verify ? 0.8 : 0.1;
      std::geometric_distribution<int> until_next(probability);
      for (int at = until_next(random_); at < 2000; at += 1 + until_next(random_))
        plan.push_back(fault(phase, at));
    }
    server_.set_faults(std::move(plan));
  }

  std::string end() override {
    const MutexLock lock(mutex_);
    std::string words;
    for (const auto& [name, times] : struck_)
      words += fmt::format("{}{} {}", words.empty() ? "" : ", ", name, times);
    return words.empty() ? "none" : words;
  }

 private:
  std::size_t below(std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random_);
  }

  Fault fault(Phase phase, int at) {
    const bool tells = phase == Phase::transfer || phase == Phase::probe || phase == Phase::verify;
    Fault fault{.phase = phase, .occurrence = at};
    const char* name = "";
    std::function<void()> more = [] {};
    const std::size_t draw = below(100);
    if (phase == Phase::verify && draw < 60) {
      // The server finishes even if the client disconnects, in less than the shortest
      // --response-timeout.
      name = "slow-verify";
      fault.carried_out = true;
      more = [delay = std::chrono::milliseconds(below(900))] {
        std::this_thread::sleep_for(delay);
      };
      if (below(2) == 0) fault.answer = "";
    } else if (draw < 15) {
      name = "lose-request";
      fault.answer = "";
      fault.then = below(2) == 0 ? Fault::Then::close : Fault::Then::reset;
    } else if (draw < 60) {
      name = "lose-response";
      fault.carried_out = true;
      fault.answer = "";
      fault.then = below(2) == 0 ? Fault::Then::close : Fault::Then::reset;
    } else if (draw < 50) {
      name = "reset-mid-body";
      fault.after_body_bytes = below(phase == Phase::transfer ? measure_.chunk_bytes : 300);
      fault.then = Fault::Then::reset;
    } else if (draw < 60) {
      name = "cut-answer";
      fault.carried_out = true;
      const std::string answer = http_answer(200, "successfully");
      fault.answer = answer.substr(0, below(answer.size()));
      fault.then = below(2) == 0 ? Fault::Then::close : Fault::Then::reset;
    } else if (draw < 70) {
      static constexpr int statuses[] = {500, 502, 503, 504, 429, 408};
      name = "status";
      fault.answer = http_answer(statuses[below(std::size(statuses))], "not now\n");
    } else if (draw < 75) {
      name = "early-refusal";
      fault.after_body_bytes = below(phase == Phase::transfer ? measure_.chunk_bytes : 300);
      fault.answer = http_answer(503, "not now\n", "Connection: close\r\n");
      fault.then = Fault::Then::close;
    } else if (draw < 82 && phase == Phase::transfer) {
      name = "partial-append";
      fault.carried_out = true;
      fault.keeps = below(measure_.chunk_bytes);
      fault.answer = "";
      fault.then = Fault::Then::close;
    } else if (draw < 87 && tells) {
      name = "garbage-body";
      fault.carried_out = true;
      fault.answer = http_answer(200, test::random_bytes(3000, random_()));
    } else if (draw < 89 && tells) {
      name = "endless-body";
      fault.carried_out = true;
      fault.answer = "HTTP/1.1 200 OK\r\n\r\nx";
      fault.endless = true;
      fault.then = Fault::Then::close;
    } else if (draw < 91 && tells && below(1 + measure_.chunks / 20) == 0) {
      name = "lose-staging";
      fault.carried_out = true;
      more = [this] { server_.lose_staging(); };
    } else if (draw < 92) {
      name = "stall";
      fault.then = Fault::Then::hold;
    } else {
      name = "byte-by-byte";
      fault.carried_out = true;
      fault.byte_by_byte = true;
    }
    fault.before = [this, name, more = std::move(more)] {
      more();
      const MutexLock lock(mutex_);
      ++struck_[name];
    };
    return fault;
  }

  const bool faults_;
  const Measure measure_;
  std::mt19937_64 random_;
  Mutex mutex_;
  std::map<std::string, int> struck_ SLUICE_GUARDED_BY(mutex_);
  test::ScriptedServer server_;  // last: its threads use the members above
};

}  // namespace

std::unique_ptr<Server> make_scripted(bool faults, const Measure& measure, std::uint64_t seed) {
  return std::make_unique<Scripted>(faults, measure, seed);
}

}  // namespace sluice::torture
