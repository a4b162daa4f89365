#include "tests/simulation/world.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <exception>
#include <memory>
#include <stdexcept>
#include <utility>

#include "io/random.h"
#include "tests/simulation/client.h"
#include "tests/simulation/file.h"

namespace sluice::sim {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t block = 4096;

/// An invariant does not hold.
struct Violation : std::runtime_error {
  using std::runtime_error::runtime_error;
};

std::string xxh128(const std::string& bytes) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes.data(), bytes.size()));
  return fmt::format("{:02x}", fmt::join(canonical.digest, ""));
}

/// Everything about a world that its seed chooses at the start.
struct Plan {
  explicit Plan(std::uint64_t seed);

  Dice dice;
  Faults::Weather weather;
  Network::Setting network;
  Client::Setting client;
  Bank bank;
  TusSetting tus;
  std::uint64_t size = 0;
  std::uint64_t content_seed = 0;
  std::size_t change_at = 0;
};

std::uint64_t choose_size(Dice& dice) {
  switch (dice.below(8)) {
    case 0:
      return dice.below(3);
    case 1:
      return dice.below(block + 2);
    case 2:
      return dice.between(1, 8) * block;
    case 3:
      return dice.below(400'000);
    default:
      return dice.below(60'000);
  }
}

Plan::Plan(std::uint64_t seed) : dice(seed) {
  bank.generation = dice.pick({Bank::Generation::phased, Bank::Generation::phased,
                               Bank::Generation::tus, Bank::Generation::binary});
  size = choose_size(dice);
  content_seed = dice.bits();

  weather.requests = dice.pick({0.0, 0.02, 0.1, 0.3});
  weather.moments = dice.pick({0.0, 0.0, 0.02, 0.1});
  weather.crashes = dice.pick({0.0, 0.0, 0.005, 0.03});
  weather.budget = static_cast<unsigned>(dice.below(9));
  weather.crash_budget = static_cast<unsigned>(dice.below(5));

  network.link.rate = dice.pick({2e4, 1e6, 1e7, 1e8});
  network.link.round_trip = std::chrono::microseconds(dice.pick({200, 5'000, 40'000, 200'000}));
  network.max_in_flight_bytes = dice.pick<std::uint64_t>({32 << 10, 256 << 10, 4 << 20});
  network.front_collects = dice.chance(0.15);
  if (dice.chance(0.1))
    network.body_patience = std::chrono::milliseconds(dice.between(300, 20'000));
  network.keeps_idle = dice.pick<Duration>({100ms, 5s, 75s});
  network.thinks = dice.pick<Duration>({0ms, 3ms, 100ms});
  network.registers = dice.pick<Duration>({0ms, 50ms, 4s});

  // A pause is more than the way of a piece.
  if (network.body_patience)
    *network.body_patience +=
        4 * network.link.round_trip +
        Duration(static_cast<std::int64_t>(131'072 / network.link.rate * 1e9));

  EngineOptions& options = client.options;
  options.block_bytes = block;
  options.pool_bytes = dice.between(2, 9) * block;
  options.workers = 1;
  UploadRequest& request = client.request;
  request.base_url = "http://bank.sim";
  request.dataset = bank.dataset;
  request.path = "/sim/scan.h5";
  request.name = dice.chance(0.15) ? "my scan.h5" : "scan.h5";
  bank.renames = dice.chance(0.5);
  request.server.token_taken = dice.chance(0.8);
  request.server.round_trip =
      dice.chance(0.7) ? std::optional(std::chrono::duration_cast<std::chrono::microseconds>(
                             network.link.round_trip))
                       : std::nullopt;
  // No more than some tens of chunks, so that a run is short.
  if (dice.chance(0.85)) request.chunk_bytes = size / 40 + dice.between(1, 6 * block);
  if (dice.chance(0.7)) request.lookahead = static_cast<unsigned>(dice.below(4));
  if (dice.chance(0.1)) request.digests = {DigestKind::md5};
  client.asks_first = dice.chance(0.3);
  request.token_wait = dice.pick({0s, 60s});

  client.transport.piece_bytes = static_cast<std::size_t>(dice.pick({1500, 5000, 16384, 65536}));
  client.transport.kernel_tells = dice.chance(0.8);
  client.transport.bbr = dice.chance(0.3);
  client.executor.read = dice.pick<Duration>({20us, 500us, 10ms});
  client.executor.write = dice.pick<Duration>({200us, 3ms, 60ms});
  bank.moves = dice.chance(0.3);
  switch (bank.generation) {
    case Bank::Generation::phased:
      request.server.protocol = ProtocolKind::phased;
      break;
    case Bank::Generation::binary:
      request.server.protocol = ProtocolKind::binary;
      break;
    case Bank::Generation::tus:
      request.server.protocol = ProtocolKind::tus;
      tus.extensions = {"creation", "expiration"};
      for (const char* extension : {"termination", "creation-with-upload", "concatenation"})
        if (dice.chance(0.6)) tus.extensions.emplace_back(extension);
      if (dice.chance(0.25)) {
        tus.extensions.emplace_back("checksum");
        request.server.tus.algorithms = {"sha1"};
      }
      tus.sends_resumable = dice.chance(0.85);
      tus.keeps_broken = dice.chance(0.7);
      tus.relative_location = dice.chance(0.5);
      tus.lazy = dice.chance(0.15);
      request.server.tus.extensions = tus.extensions;
      request.server.tus.sends_resumable = tus.sends_resumable;
      const bool joins = std::find(tus.extensions.begin(), tus.extensions.end(), "concatenation") !=
                         tus.extensions.end();
      // One part is cheap, and is joined as several are.
      if (joins && dice.chance(0.3)) request.lanes = 1;
      if (dice.chance(0.01)) {
        // Parts have 5 MiB at least.
        size = dice.between(10 << 20, 12 << 20);
        options.block_bytes = 256 << 10;
        options.pool_bytes = dice.between(8, 12) * options.block_bytes;
        network.link.rate = std::max(network.link.rate, 1e7);
        network.max_in_flight_bytes = 4 << 20;
        if (joins) request.lanes = static_cast<unsigned>(dice.below(4));
        client.transport.piece_bytes = 256 << 10;
      }
      break;
  }
}

class World {
 public:
  World(std::uint64_t seed, bool prints);
  /// Throws Violation or Endless.
  void run();
  Outcome& outcome() { return outcome_; }
  Timeline& time() { return time_; }
  const Faults& faults() const { return faults_; }
  std::uint64_t trace() const { return trace_.hash(); }

 private:
  bool run_once();
  void moment();
  void strike(Fault fault);
  void be_down();
  void check_journal();
  void settle();
  void check_registered();
  void check_report(const Report& report);
  bool has_reason(const Error& error) const;
  void check_survival(const Error& error);
  void note_end(Report::Status status, const std::optional<Error>& error);
  [[noreturn]] void violate(const std::string& what) {
    trace_.say("VIOLATION: {}", what);
    throw Violation(what);
  }

  Outcome outcome_;
  Plan plan_;
  std::unique_ptr<Server> server_;  ///< outlives the events, which hold requests of it
  Timeline time_;
  ScopedTimeSource clock_{time_};
  Trace trace_;
  Faults faults_;
  File file_;
  ScopedFileSystem files_{file_};
  Network network_;
  SimTransport::Doubt doubt_;
  std::string journal_;
  std::optional<Clock::time_point> full_until_;
  std::size_t token_number_ = 0;
  bool journal_failed_ = false;
  bool clock_jumped_ = false;  ///< in this run, or while the client was down
  Error last_error_;
  std::unique_ptr<Client> client_;
};

std::unique_ptr<Server> make_server(Plan& plan) {
  switch (plan.bank.generation) {
    case Bank::Generation::phased:
      return make_phased_server(plan.bank);
    case Bank::Generation::tus:
      return make_tus_server(plan.bank, plan.tus);
    case Bank::Generation::binary:
      break;
  }
  return make_binary_server(plan.bank);
}

World::World(std::uint64_t seed, bool prints)
    : plan_(seed),
      server_(make_server(plan_)),
      trace_(time_, prints),
      faults_(Dice(plan_.dice.bits()), plan_.weather),
      file_(plan_.client.request.path,
            content(plan_.content_seed, static_cast<std::size_t>(plan_.size))),
      network_(plan_.network, time_, trace_, faults_, plan_.bank, *server_) {
  outcome_.seed = seed;
  outcome_.generation = plan_.bank.generation;
  random_bits().seed(plan_.dice.bits());
  UploadRequest& request = plan_.client.request;
  request.renew_token = [this]() -> std::optional<Secret> { return Secret(plan_.bank.token); };
  if (prints)
    plan_.client.options.log = [this](LogLevel level, const std::string& text) {
      trace_.say("  {}: {}", level == LogLevel::warning ? "warning" : "info", text);
    };
  trace_.note("world", static_cast<std::uint64_t>(plan_.bank.generation), plan_.size);
  trace_.say("  {} bytes, chunk {}, pool {} blocks, round trip {} us, rate {} B/s", plan_.size,
             request.chunk_bytes, plan_.client.options.pool_bytes / block,
             plan_.network.link.round_trip.count() / 1000, plan_.network.link.rate);
}

/// Once a while, something happens that no request has to do with.
void World::moment() {
  if (const auto fault = faults_.at_moment()) strike(*fault);
}

void World::strike(Fault fault) {
  Dice& dice = faults_.dice();
  trace_.note(to_string(fault));
  const auto now = time_.steady_now();
  switch (fault) {
    case Fault::dead_connections:
      if (client_) client_->kill_connections();
      break;
    case Fault::token_expires:
      plan_.bank.token = fmt::format("t0k3n-{}", ++token_number_);
      break;
    case Fault::upload_expires:
      server_->expire(dice);
      break;
    case Fault::outage:
      network_.go_down(now + std::chrono::milliseconds(dice.between(10, 60'000)));
      break;
    case Fault::slow_link:
      network_.link().slow_down(100, now + std::chrono::milliseconds(dice.between(10, 20'000)));
      break;
    case Fault::restart:
      network_.restart();
      break;
    case Fault::read_error:
      file_.fail_reads(static_cast<unsigned>(dice.between(1, 3)));
      break;
    case Fault::file_changes:
    case Fault::file_replaced: {
      std::string bytes = file_.bytes();
      if (bytes.empty() || dice.chance(0.2)) bytes += "more";
      // In each block, so that what was read before and after is a mixture.
      for (std::size_t at = 0; at < bytes.size(); at += 1000) bytes[at] ^= 1;
      file_.change(std::move(bytes), fault == Fault::file_replaced);
      break;
    }
    case Fault::file_touched:
      file_.touch();
      break;
    case Fault::full_disk:
      full_until_ = now + std::chrono::milliseconds(dice.between(10, 60'000));
      break;
    case Fault::clock_jumps:
      clock_jumped_ = true;
      time_.jump(std::chrono::seconds(dice.between(1, 100'000)) * (dice.chance(0.5) ? 1 : -1));
      break;
    case Fault::cancel:
      if (client_) client_->cancel();
      break;
    default:
      break;
  }
}

/// The time between a crash and the next process.
void World::be_down() {
  Dice& dice = faults_.dice();
  if (dice.chance(0.2)) {
    clock_jumped_ = true;
    time_.jump(std::chrono::seconds(dice.between(1, 100'000)));
  }
  // A batch system starts it again at once, a person later.
  time_.pass_until(time_.steady_now() +
                   std::chrono::milliseconds(dice.between(1, dice.chance(0.5) ? 500 : 60'000)));
  // A process cannot know how long ago an earlier one wrote to the journal, if somebody has set the
  // clock: it must find no registration that still runs.
  if (std::exchange(clock_jumped_, false)) settle();
  if (const auto fault = faults_.at_pause()) strike(*fault);
  check_registered();
}

/// After the server has refused a registration, the journal must say so, because the next process
/// would take the file for registered, or wait.
void World::check_journal() {
  if (!doubt_.refused || doubt_.open || journal_failed_ || !client_->journal_rests()) return;
  doubt_.refused = false;
  if (client_->journal_says_verifying())
    violate("the journal says that the file may be registered, and the server has refused it");
}

void World::check_registered() {
  if (!plan_.bank.misuse.empty()) violate(plan_.bank.misuse);
  const auto& registered = plan_.bank.registered;
  if (registered.size() > 1)
    violate(fmt::format("{} files are registered for one upload", registered.size()));
  if (registered.empty()) return;
  const std::string& name = plan_.client.request.name;
  if (registered.front().name != name &&
      !(plan_.bank.renames && registered.front().name == renamed(name)))
    violate("registered under another name: " + registered.front().name);
  if (!file_.was(registered.front().bytes))
    violate(fmt::format("the registered {} bytes are not the file's {}",
                        registered.front().bytes.size(), file_.bytes().size()));
}

void World::check_report(const Report& report) {
  const bool is_registered = !plan_.bank.registered.empty();
  switch (report.status) {
    case Report::Status::registered:
      if (!is_registered) violate("the report says registered, and nothing is");
      if (!report.xxh128.empty() && report.xxh128 != xxh128(plan_.bank.registered.front().bytes))
        violate("the report's digest is not that of the registered bytes");
      break;
    case Report::Status::failed:
    case Report::Status::interrupted:
      // Whoever stops an upload within its registration is told so.
      if (is_registered && report.status == Report::Status::interrupted && doubt_.open &&
          report.error->message.find("unconfirmed") != std::string::npos)
        break;
      // Without a journal, a run cannot know of what an earlier one has registered.
      if (is_registered && !journal_failed_)
        violate(fmt::format("the report says {}, and the file is registered: {}",
                            to_string(report.status), report.error ? report.error->message : ""));
      break;
    case Report::Status::unconfirmed:
      if (!doubt_.open)
        violate("the report says unconfirmed, and no answer was lost: " + report.error->message);
      break;
    case Report::Status::skipped:
      violate("skipped");
  }
}

/// Whether something that happened in this world is why an upload fails for good.
bool World::has_reason(const Error& error) const {
  const auto happened = [&](std::initializer_list<Fault> faults) {
    for (const Fault fault : faults)
      if (faults_.count(fault) > 0) return true;
    return false;
  };
  // A network that changes the bytes of a chunk twice is broken.
  if (faults_.count(Fault::changed_bytes) > 1 &&
      error.message.find("wrong checksum twice") != std::string::npos)
    return true;
  switch (error.kind) {
    case ErrorKind::local_file:
      return happened({Fault::read_error, Fault::file_changes, Fault::file_replaced});
    case ErrorKind::usage:
      return error.message.find("in parallel parts") != std::string::npos;
    case ErrorKind::name_taken:
    case ErrorKind::integrity:
      // A run that could write nothing down leaves bytes, or a file, that the next knows nothing
      // of.
      return journal_failed_;
    case ErrorKind::interrupted:
      return happened({Fault::cancel});
    case ErrorKind::failed:
      // A front server that answers OPTIONS for a server which nobody knows yet hides that it
      // speaks tus; what was found out is remembered for a day.
      return plan_.client.asks_first && plan_.bank.generation == Bank::Generation::tus &&
             error.message.find("the binary protocol") != std::string::npos;
    default:
      return false;
  }
}

/// Whatever passes, a run survives some of it: it fails only where something is for good, or where
/// much has struck.
void World::check_survival(const Error& error) {
  constexpr std::uint64_t survived = 3;
  std::uint64_t passing = 0;
  for (std::size_t i = 0; i < fault_kinds; ++i) {
    const auto fault = static_cast<Fault>(i);
    // An outage and an expired upload cost several tries.
    if (fault == Fault::outage || fault == Fault::upload_expires || fault == Fault::full_disk)
      passing += (survived + 1) * faults_.counts()[i];
    else if (fault != Fault::crash)
      passing += faults_.counts()[i];
  }
  // What a server that nobody knows says first may be its last word.
  const bool is_known = plan_.client.asks_first || plan_.client.request.server.token_taken;
  if (passing > survived || !is_known || has_reason(error)) return;
  violate(fmt::format("{} faults have ended a run: {}", passing, error.message));
}

void World::note_end(Report::Status status, const std::optional<Error>& error) {
  trace_.note("ended", static_cast<std::uint64_t>(status));
  if (error) trace_.say("  {}", error->message);
  last_error_ = error.value_or(Error{});
  outcome_.error = error ? fmt::format("{}: {}", to_string(error->kind), error->message) : "";
  switch (status) {
    case Report::Status::registered:
      outcome_.ending = Ending::registered;
      break;
    case Report::Status::unconfirmed:
      outcome_.ending = Ending::unconfirmed;
      break;
    case Report::Status::interrupted:
      outcome_.ending = Ending::interrupted;
      break;
    case Report::Status::failed:
    case Report::Status::skipped:
      outcome_.ending = Ending::failed;
      break;
  }
}

/// What the server still does, it does.
void World::settle() {
  time_.pass_until(time_.steady_now() + 60s);
  check_registered();
}

/// One process. Returns whether another one is worth it.
bool World::run_once() {
  ++outcome_.runs;
  doubt_.refused = false;
  plan_.bank.joining.clear();
  plan_.client.request.token = Secret(plan_.bank.token);
  client_ = std::make_unique<Client>(
      plan_.client,
      Client::Surroundings{.time = time_,
                           .trace = trace_,
                           .network = network_,
                           .faults = faults_,
                           .doubt = doubt_,
                           .may_commit =
                               [this] {
                                 if (!full_until_ || time_.steady_now() >= *full_until_)
                                   return true;
                                 journal_failed_ = true;
                                 return false;
                               }},
      outcome_.runs, journal_);
  trace_.note("run", outcome_.runs);
  if (!client_->start()) {
    const Error error = *client_->error();
    const bool unconfirmed = error.kind == ErrorKind::unconfirmed;
    note_end(unconfirmed ? Report::Status::unconfirmed : Report::Status::failed, error);
    // A journal that could not be written may still say that a registration was about to be sent.
    if (unconfirmed && !doubt_.open && !journal_failed_)
      violate("not started as unconfirmed, and no answer was lost");
    client_.reset();
    return !unconfirmed && error.kind != ErrorKind::local_file;
  }
  std::uint64_t next_moment = time_.ran() + 20;
  while (!client_->over()) {
    if (!time_.run_one()) violate("nothing happens any more, and the upload is not over");
    check_registered();
    check_journal();
    if (time_.ran() >= next_moment) {
      next_moment = time_.ran() + 20;
      moment();
    }
    if (faults_.crashes()) {
      trace_.note("crash");
      ++outcome_.crashes;
      // Nobody knows whether what was noted was begun.
      doubt_.open = doubt_.open || client_->journal_says_verifying();
      journal_ = client_->crash();
      client_.reset();
      be_down();
      outcome_.ending = Ending::interrupted;
      return true;
    }
  }
  const Report report = client_->finish();
  if (client_->open_exchanges() > 0) {
    // A question, or a request to delete, that nobody waits for may be out; it ends soon.
    time_.pass_until(time_.steady_now() + 2min);
    if (client_->open_exchanges() > 0) violate("an exchange is open after the upload");
  }
  if (client_->buffers_out() > 0)
    violate(fmt::format("{} buffers are not back in the pool", client_->buffers_out()));
  journal_ = client_->journal();
  outcome_.resumed = outcome_.resumed || report.resumed_from > 0;
  outcome_.in_parts = outcome_.in_parts || report.lanes > 0;
  outcome_.ahead = outcome_.ahead || report.looked_ahead;
  client_.reset();
  note_end(report.status, report.error);
  check_report(report);
  // What the same command does over is no end: sluice runs it again by itself.
  if (report.status == Report::Status::failed && report.again == Report::Again::nothing)
    check_survival(*report.error);
  if (report.status == Report::Status::registered || report.status == Report::Status::unconfirmed)
    return false;
  return true;
}

void World::run() {
  constexpr unsigned most_runs = 12;
  while (outcome_.runs < most_runs) {
    const bool again = run_once();
    // What a killed process has sent may still be carried out when the next one begins.
    if (!again || outcome_.ending != Ending::interrupted || clock_jumped_) settle();
    clock_jumped_ = false;
    if (!again) break;
    // Whoever runs a command again does it for ever; what strikes ends at some time.
    if (outcome_.runs > 6) faults_.end();
  }
  if (outcome_.ending == Ending::failed && !has_reason(last_error_))
    violate("the last run failed, and nothing in this world is a reason: " + last_error_.message);
  if (outcome_.ending == Ending::registered && plan_.bank.registered.empty())
    violate("registered, and nothing is");
  // What an earlier run has registered in doubt is said to be in doubt by all that follow.
  const bool is_said =
      doubt_.open && last_error_.message.find("may be registered") != std::string::npos;
  if (outcome_.ending == Ending::failed && !plan_.bank.registered.empty() && !journal_failed_ &&
      !is_said)
    violate("failed, and the file is registered");
}

}  // namespace

const char* to_string(Ending ending) {
  switch (ending) {
    case Ending::registered:
      return "registered";
    case Ending::failed:
      return "failed";
    case Ending::unconfirmed:
      return "unconfirmed";
    case Ending::interrupted:
      break;
  }
  return "interrupted";
}

Outcome run_world(std::uint64_t seed, bool prints) {
  World world(seed, prints);
  Outcome& outcome = world.outcome();
  try {
    world.run();
  } catch (const std::exception& error) {
    outcome.violation = error.what();
    world.time().lift_limits();
  }
  outcome.trace = world.trace();
  outcome.events = world.time().ran();
  outcome.virtual_s = std::chrono::duration<double>(world.time().elapsed()).count();
  outcome.faults = world.faults().counts();
  return std::move(outcome);
}

}  // namespace sluice::sim
