#include "tests/simulation/world.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <utility>

#include "io/random.h"
#include "tests/simulation/client.h"
#include "tests/simulation/file.h"
#include "tests/simulation/world_plan.h"

namespace sluice::sim {
namespace {

using namespace std::chrono_literals;

/// A run survives this many consecutive faults.
constexpr std::uint64_t survived = 3;

/// The violation of an invariant.
struct Violation : std::runtime_error {
  using std::runtime_error::runtime_error;
};

std::string xxh128(const std::string& bytes) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes.data(), bytes.size()));
  return fmt::format("{:02x}", fmt::join(canonical.digest, ""));
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
  bool crashed(const char* how);
  bool registers_again();
  void come_again();
  void request_came(const Head& head);
  void check_time();
  void note_progress();
  std::uint64_t passed() const;
  void come_back() {
    if (std::exchange(is_gone_, false)) network_.go_down(time_.steady_now());
  }
  void moment();
  void cancel_later();
  void strike(Fault fault);
  void be_down();
  void check_journal();
  void settle();
  void check_registered();
  void check_report(const Report& report);
  void check_second(const Report& report);
  /// Returns whether the journal may lack a registration that is still running.
  bool is_unnoted() const { return journal_failed_ && doubt_.open; }
  bool has_changed() const {
    return faults_.count(Fault::file_changes) + faults_.count(Fault::file_replaced) > 0;
  }
  /// Returns whether no error is permanent for being the first of an unknown server.
  bool server_is_known() const {
    return plan_.client.asks_first || plan_.client.request.server.token_taken;
  }
  const Bank::Registered* registered() const { return registered_as(plan_.client.request.name); }
  const Bank::Registered* registered_as(const std::string& name) const;
  bool has_reason(const Error& error) const;
  void check_survival(const Error& error);
  void note_end(Report::Status status, const std::optional<Error>& error);
  [[noreturn]] void violate(const std::string& what) {
    trace_.say("VIOLATION: {}", what);
    throw Violation(what);
  }

  Outcome outcome_;
  WorldPlan plan_;
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
  std::optional<Clock::time_point> cancelled_at_;
  Clock::time_point quiet_since_{};       ///< time of the last fault, or of the start of the run
  std::uint64_t faults_then_ = 0;         ///< number of faults at quiet_since_
  std::uint64_t most_committed_ = 0;      ///< in this run
  std::uint64_t passed_at_progress_ = 0;  ///< number of transient faults at the last progress
  std::size_t token_number_ = 0;
  bool inherits_doubt_ = false;  ///< an unconfirmed registration was repeated
  bool is_again_ = false;        ///< the command runs although the file is registered
  bool is_gone_ = false;         ///< the server refuses connections until the run ends
  bool journal_failed_ = false;
  bool clock_jumped_ = false;  ///< in this run, or while the client was down
  Error last_error_;
  std::unique_ptr<Client> client_;
};

std::unique_ptr<Server> make_server(WorldPlan& plan) {
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

Network::Setting hooked(Network::Setting setting, std::function<void(const Head&)> on_request) {
  setting.on_request = std::move(on_request);
  return setting;
}

World::World(std::uint64_t seed, bool prints)
    : plan_(seed),
      server_(make_server(plan_)),
      trace_(time_, prints),
      faults_(Dice(plan_.dice.bits()), plan_.weather),
      file_(plan_.client.request.path,
            content(plan_.content_seed, static_cast<std::size_t>(plan_.size))),
      network_(hooked(plan_.network, [this](const Head& head) { request_came(head); }), time_,
               trace_, faults_, plan_.bank, *server_) {
  faults_.aim(Dice(plan_.content_seed ^ 0xA1), plan_.aimed_budget);
  faults_.lose_patches(Dice(plan_.content_seed ^ 0xB1), plan_.lossy_budget);
  faults_.fail_reads_without_buffer(Dice(plan_.content_seed ^ 0xC1), plan_.buffer_budget);
  if (plan_.cancels_in_doubt) faults_.lose_registration();
  file_.fail_reads_if([this] {
    if (!client_ || !faults_.fails_read(client_->has_free_buffer())) return false;
    trace_.note(to_string(Fault::read_error));
    return true;
  });
  doubt_.name = plan_.client.second_name.empty() ? "" : plan_.client.request.name;
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
             request.chunk_bytes,
             plan_.client.options.pool_bytes / plan_.client.options.block_bytes,
             plan_.network.link.round_trip.count() / 1000, plan_.network.link.rate);
}

/// Applies, from time to time, a fault that is independent of requests.
void World::moment() {
  if (const auto fault = faults_.at_moment()) strike(*fault);
}

/// Applies a fault shortly after a request has arrived: while the server carries out the request,
/// while the response travels, or while the client waits to retry.
void World::request_came(const Head& head) {
  const auto later = faults_.after_request(head.body_size > 0);
  if (!later) return;
  if (later->at_once) {
    strike(later->fault);
    return;
  }
  Dice& dice = faults_.dice();
  const auto delay = dice.pick<Duration>(
      {1ms, plan_.network.link.round_trip, 3 * plan_.network.link.round_trip, 2s});
  time_.after(Duration(dice.below(static_cast<std::uint64_t>(delay.count()))), 0,
              [this, fault = later->fault] { strike(fault); });
}

/// Lets the user cancel some time later, while the client waits for the registration.
void World::cancel_later() {
  time_.after(std::chrono::milliseconds(faults_.dice().below(15'000)), 0,
              [this] { strike(Fault::cancel); });
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
    case Fault::gone:
      if (!client_) break;
      network_.go_down(Clock::time_point::max());
      is_gone_ = true;
      break;
    case Fault::slow_link:
      network_.link().slow_down(100, now + std::chrono::milliseconds(dice.between(10, 20'000)));
      break;
    case Fault::restart:
      network_.restart();
      break;
    case Fault::read_error:
      // Not the next read: several reads are in progress.
      file_.fail_reads(static_cast<unsigned>(dice.between(1, 3)),
                       plan_.aimed_budget > 0 ? static_cast<unsigned>(dice.below(12)) : 0);
      break;
    case Fault::file_changes:
    case Fault::file_replaced: {
      std::string bytes = file_.bytes();
      if (bytes.empty() || dice.chance(0.2)) bytes += "more";
      // Changes each block, so that bytes read before and after differ in every block.
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
      if (!client_) break;
      client_->cancel();
      if (!cancelled_at_) cancelled_at_ = now;
      break;
    default:
      break;
  }
}

/// Passes the time between a crash and the next process.
void World::be_down() {
  Dice& dice = faults_.dice();
  if (dice.chance(0.2)) {
    clock_jumped_ = true;
    time_.jump(std::chrono::seconds(dice.between(1, 100'000)));
  }
  // A batch system restarts the command at once, a person later.
  time_.pass_until(time_.steady_now() +
                   std::chrono::milliseconds(dice.between(1, dice.chance(0.5) ? 500 : 60'000)));
  // After a change of the system clock, a process cannot know how long ago the journal was written:
  // no registration may still be running.
  if (std::exchange(clock_jumped_, false) || is_unnoted()) settle();
  if (const auto fault = faults_.at_pause()) strike(*fault);
  check_registered();
}

/// Checks that the journal records a refused registration. Otherwise the next process would take
/// the file for registered, or wait. But a registration of an earlier run remains in doubt.
void World::check_journal() {
  if (!doubt_.refused || doubt_.open || journal_failed_ || !client_->journal_rests()) return;
  doubt_.refused = false;
  const bool says_verifying = client_->journal_says_verifying();
  if (says_verifying && !plan_.client.request.register_again)
    violate("the journal says that the file may be registered, and the server has refused it");
  if (!says_verifying && plan_.client.request.register_again)
    violate("the journal forgets that an earlier run may have registered the file");
}

void World::check_registered() {
  if (!plan_.bank.misuse.empty()) violate(plan_.bank.misuse);
  const auto& all = plan_.bank.registered;
  const std::string& second = plan_.client.second_name;
  if (all.size() > (second.empty() ? 1 : 2) ||
      (all.size() == 2 && (all[0].name == second) == (all[1].name == second)))
    violate(fmt::format("{} files are registered for one upload", all.size()));
  const std::string& name = plan_.client.request.name;
  for (const Bank::Registered& one : all) {
    if (one.name != name && !(plan_.bank.renames && one.name == renamed(name)) &&
        (second.empty() || one.name != second))
      violate("registered under another name: " + one.name);
    if (!file_.was(one.bytes))
      violate(fmt::format("the registered {} bytes are not the file's {}", one.bytes.size(),
                          file_.bytes().size()));
  }
}

const Bank::Registered* World::registered_as(const std::string& name) const {
  for (const Bank::Registered& one : plan_.bank.registered)
    if (one.name == name || (plan_.bank.renames && one.name == renamed(name))) return &one;
  return nullptr;
}

void World::check_time() {
  const auto now = time_.steady_now();
  if (std::exchange(faults_then_, faults_.total()) != faults_.total()) quiet_since_ = now;
  // The longest wait of the engine is that for Retry-After: an hour.
  if (now - quiet_since_ > 3h) violate("three hours after the last fault, the run is not over");
  // A cancelled upload does not wait for the server.
  if (cancelled_at_ && now - *cancelled_at_ > 5s) violate("cancelled, and not over");
}

/// Faults before the progress do not excuse a later failure of the run.
void World::note_progress() {
  const std::uint64_t committed = client_->committed();
  if (committed <= most_committed_) return;
  most_committed_ = committed;
  passed_at_progress_ = passed();
}

void World::check_report(const Report& report) {
  const Bank::Registered* const found = registered();
  const bool is_registered = found != nullptr;
  switch (report.status) {
    case Report::Status::registered:
      if (!is_registered) violate("the report says registered, and nothing is");
      if (!report.xxh128.empty() && report.xxh128 != xxh128(found->bytes))
        violate("the report's digest is not that of the registered bytes");
      if (report.bytes != found->size || report.committed != found->size)
        violate(fmt::format("the report says {} of {} bytes, and {} are registered",
                            report.committed, report.bytes, found->size));
      break;
    case Report::Status::failed:
    case Report::Status::interrupted:
      // The user cancelled within the registration.
      if (is_registered && report.status == Report::Status::interrupted && doubt_.open &&
          report.error->message.find("unconfirmed") != std::string::npos)
        break;
      // The server has a file of that name, and the file at the path is or may be another one.
      if (is_again_ && report.error->kind == ErrorKind::name_taken) break;
      // Without a journal, a run cannot know what an earlier run registered.
      if (is_registered && !journal_failed_)
        violate(fmt::format("the report says {}, and the file is registered: {}",
                            to_string(report.status), report.error ? report.error->message : ""));
      break;
    case Report::Status::unconfirmed:
      if (!doubt_.open && !inherits_doubt_)
        violate("the report says unconfirmed, and no answer was lost: " + report.error->message);
      break;
    case Report::Status::skipped:
      violate("skipped");
  }
}

/// Checks less than for the first upload, because both share what the engine learns from responses.
void World::check_second(const Report& report) {
  const bool is_registered = registered_as(plan_.client.second_name) != nullptr;
  if (report.status == Report::Status::registered && !is_registered)
    violate("the report of the second upload says registered, and nothing is");
  const bool is_told = report.error && report.error->kind == ErrorKind::name_taken && has_changed();
  if (report.status == Report::Status::failed && is_registered && !journal_failed_ && !is_told)
    violate("the report of the second upload says failed, and the file is registered: " +
            report.error->message);
}

/// Returns whether a fault of this world explains a permanent failure.
bool World::has_reason(const Error& error) const {
  const auto happened = [&](std::initializer_list<Fault> faults) {
    for (const Fault fault : faults)
      if (faults_.count(fault) > 0) return true;
    return false;
  };
  // Two changed chunks mean that the network is broken.
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
      // A run that could not write the journal leaves bytes or a file unknown to the next run.
      return journal_failed_;
    case ErrorKind::interrupted:
      return happened({Fault::cancel});
    case ErrorKind::failed:
      // A front server that answers the first OPTIONS hides that the server supports tus, and the
      // journal remembers the result for a day.
      return plan_.client.asks_first && plan_.bank.generation == Bank::Generation::tus &&
             error.message.find("the binary protocol") != std::string::npos;
    default:
      return false;
  }
}

/// Returns the number of faults so far that cost at most one attempt each.
std::uint64_t World::passed() const {
  std::uint64_t count = faults_.total();
  // Each of these can cost several attempts, or none.
  for (const Fault fault :
       {Fault::outage, Fault::gone, Fault::upload_expires, Fault::full_disk, Fault::crash})
    count -= faults_.count(fault);
  return count;
}

/// Checks that a run failed only because of a permanent fault or of many transient faults.
void World::check_survival(const Error& error) {
  std::uint64_t passing = passed() - passed_at_progress_;
  for (const Fault fault : {Fault::outage, Fault::gone, Fault::upload_expires, Fault::full_disk})
    passing += (survived + 1) * faults_.count(fault);
  if (passing > survived || !server_is_known() || has_reason(error)) return;
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

/// Lets the server finish all requests.
void World::settle() {
  time_.pass_until(time_.steady_now() + 60s);
  check_registered();
}

/// Runs one process. Returns whether to run another one.
bool World::run_once() {
  ++outcome_.runs;
  cancelled_at_.reset();
  quiet_since_ = time_.steady_now();
  most_committed_ = 0;
  passed_at_progress_ = 0;
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
    plan_.client.killed_in_question.reset();
    if (client_->was_killed()) return crashed("crash in the first question");
    const Error error = *client_->error();
    const bool unconfirmed = error.kind == ErrorKind::unconfirmed;
    note_end(unconfirmed                            ? Report::Status::unconfirmed
             : error.kind == ErrorKind::interrupted ? Report::Status::interrupted
                                                    : Report::Status::failed,
             error);
    come_back();
    // If the journal could not be written, it may still announce a registration.
    if (unconfirmed && !doubt_.open && !inherits_doubt_ && !journal_failed_)
      violate("not started as unconfirmed, and no answer was lost");
    client_.reset();
    return !unconfirmed && error.kind != ErrorKind::local_file;
  }
  std::uint64_t next_moment = time_.ran() + 20;
  while (!client_->over()) {
    if (!time_.run_one()) violate("nothing happens any more, and the upload is not over");
    check_registered();
    check_time();
    if (time_.ran() % 8 == 0) note_progress();
    check_journal();
    if (doubt_.open && faults_.cancels_in_doubt()) cancel_later();
    if (time_.ran() >= next_moment) {
      next_moment = time_.ran() + 20;
      moment();
    }
    if (faults_.crashes()) return crashed("crash");
  }
  const Report report = client_->finish();
  const std::optional<Report> second = client_->finish_second();
  if (client_->open_exchanges() > 0) {
    // An unneeded question or a DELETE may be in flight, and ends soon.
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
  come_back();
  note_end(report.status, report.error);
  check_report(report);
  if (second) check_second(*second);
  // Not final: sluice runs the same upload again (Report::again).
  if (report.status == Report::Status::failed && report.again == Report::Again::nothing &&
      !is_again_)
    check_survival(*report.error);
  if (report.status == Report::Status::registered || report.status == Report::Status::unconfirmed)
    return false;
  return true;
}

/// Kills the process. Returns true: another process follows.
bool World::crashed(const char* how) {
  trace_.note(how);
  ++outcome_.crashes;
  // It is unknown whether the announced registration was sent.
  doubt_.open = doubt_.open || client_->journal_says_verifying();
  journal_ = client_->crash();
  client_.reset();
  be_down();
  outcome_.ending = Ending::interrupted;
  return true;
}

/// After an unconfirmed registration, the user finds the file missing on the page of the dataset,
/// and the next process is sluice resume --register. Returns false if the user does nothing.
bool World::registers_again() {
  if (outcome_.ending != Ending::unconfirmed || registered() != nullptr ||
      plan_.bank.generation != Bank::Generation::tus || !plan_.client.second_name.empty())
    return false;
  if (!std::exchange(plan_.registers_again, false)) return false;
  plan_.client.request.register_again = plan_.client.request.resume_only = true;
  inherits_doubt_ = true;
  doubt_.open = false;
  return true;
}

/// Runs the same command again, although the file is registered.
void World::come_again() {
  is_again_ = true;
  faults_.end();
  plan_.client.killed_in_question.reset();
  if (server_is_known() && faults_.dice().chance(0.5)) faults_.spoil_question();
  const Outcome before = outcome_;
  static_cast<void>(run_once());
  settle();
  const bool is_same = !has_changed() && faults_.count(Fault::file_touched) == 0;
  if (outcome_.ending != Ending::registered && is_same && !journal_failed_)
    violate("registered, and the same command then fails: " + outcome_.error);
  outcome_ = before;
}

void World::run() {
  constexpr unsigned most_runs = 12;
  while (outcome_.runs < most_runs) {
    const bool again = run_once();
    plan_.client.request.register_again = plan_.client.request.resume_only = false;
    // Requests of a killed process may still be carried out when the next process starts.
    if (!again || outcome_.ending != Ending::interrupted || clock_jumped_ || is_unnoted()) settle();
    clock_jumped_ = false;
    if (!again && !registers_again()) break;
    // The command is repeated until the upload ends, so the faults must end.
    if (outcome_.runs > 6) faults_.end();
  }
  if (outcome_.ending == Ending::failed && !has_reason(last_error_))
    violate("the last run failed, and nothing in this world is a reason: " + last_error_.message);
  if (outcome_.ending == Ending::registered && registered() == nullptr)
    violate("registered, and nothing is");
  // If a registration of an earlier run is in doubt, all later runs say so.
  const bool is_said =
      doubt_.open && last_error_.message.find("may be registered") != std::string::npos;
  if (outcome_.ending == Ending::failed && registered() != nullptr && !journal_failed_ && !is_said)
    violate("failed, and the file is registered");
  if (outcome_.ending == Ending::registered && plan_.comes_again) come_again();
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
