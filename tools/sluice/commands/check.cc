#include "tools/sluice/commands/check.h"

#include <fmt/format.h>

#include <chrono>
#include <string>
#include <utility>

#include "engine/base/text.h"
#include "engine/journal/journal.h"
#include "engine/journal/state_trial.h"
#include "engine/protocol/deposit.h"
#include "engine/upload.h"
#include "tools/sluice/commands/address.h"
#include "tools/sluice/commands/check_report.h"
#include "tools/sluice/display/console.h"
#include "tools/sluice/display/report_text.h"
#include "tools/sluice/process/stop.h"
#include "tools/sluice/run/state_directory.h"
#include "tools/sluice/tokens/token_source.h"

namespace sluice::cli {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// Of the ten seconds that the whole takes at most.
constexpr auto longest_asking = 7s;
constexpr auto longest_reading = 2s;
constexpr std::uint64_t most_read = std::uint64_t{1} << 30;
/// Certificates and the expiry of tokens and uploads are about minutes at least.
constexpr auto largest_skew = 60s;
/// Long enough for the server's administrators to get a new one.
constexpr std::int64_t soon_days = 14;

/// What `put` would find in the state directory; the error that would keep it from starting.
Result<void> look_at_state(const CheckOptions& options, Findings& findings) {
  UploadOptions place;
  place.state_dir = options.state_dir;
  StateFindings state;
  TRY_ASSIGN(state.directory, cli::state_dir(place));
  StateTrial trial = try_state_dir(state.directory);
  state.usable = !trial.error && !trial.trouble;
  state.journal = trial.journal != nullptr;
  if (trial.journal) findings.facts = trial.journal->facts(findings.url).value_or(ServerFacts{});
  if (trial.trouble)
    findings.warnings.push_back(
        fmt::format("{}; an interrupted upload cannot be resumed, and two sluice processes can "
                    "disturb each other in the same dataset",
                    trial.trouble->message));
  if (!findings.dataset.empty()) {
    const auto holder = DatasetLock::holder(state.directory, findings.url, findings.dataset);
    if (holder) state.uploading = *holder;
  }
  findings.state = std::move(state);
  if (trial.error) return *std::move(trial.error);
  return {};
}

/// The phased protocol has one staging area a dataset; over the others another file can go beside
/// what is being uploaded, unless that is phased.
Result<void> check_nobody_is_in_the_way(const Findings& findings) {
  const auto& uploading = findings.state->uploading;
  if (uploading && (uploading->whole || findings.server->protocol == ProtocolKind::phased))
    return DatasetLock::held_by(*uploading, findings.dataset);
  return {};
}

void warn_of_the_certificate(Findings& findings) {
  const auto days = certificate_days_left(findings);
  if (!days || *days >= soon_days) return;
  findings.warnings.push_back(
      fmt::format("the certificate of {} expires in {} {}, and uploads fail from then on; tell the "
                  "administrators of the Data Bank",
                  findings.url, *days, *days == 1 ? "day" : "days"));
}

Result<ServerProfile> ask(const CheckOptions& options, const Findings& findings,
                          const Secret& token) {
  // Nothing of the pool is used, so the least there can be.
  EngineOptions least;
  least.block_bytes = 4096;
  least.pool_bytes = 2 * least.block_bytes;
  least.journal = false;
  least.retry.retries = 0;
  least.network = options.network;
  TRY_ASSIGN(const auto engine, Engine::create(least));
  const auto deadline = Clock::now() + longest_asking;
  Inquiry inquiry;
  inquiry.base_url = findings.url;
  if (findings.had_token) {
    inquiry.dataset = findings.dataset;
    inquiry.token = token;
  }
  inquiry.fresh = true;
  inquiry.stop = [deadline] { return stop_signal() != 0 || Clock::now() >= deadline; };
  Result<ServerProfile> profile = engine->ask_server(inquiry);
  if (!profile && profile.error().kind == ErrorKind::interrupted && stop_signal() == 0)
    return Error{ErrorKind::unreachable,
                 fmt::format("no response from {} within {} s; check the address, and whether a "
                             "firewall or a proxy blocks the connection",
                             findings.url, longest_asking.count())};
  return profile;
}

Result<void> find_out(const CheckOptions& options, Findings& findings) {
  TRY_ASSIGN(findings.url, chosen_url(options.url, options.system, options.insecure_http));
  TRY_ASSIGN(findings.proxy, proxy_for(findings.url, options.network));
  TRY_ASSIGN(Trust trust, find_trust(options.network));
  if (findings.url.starts_with("https:")) findings.trust = std::move(trust);
  Secret token;
  if (!options.dataset.empty()) {
    TRY(check_dataset_key(options.dataset));
    TRY_ASSIGN(FoundToken found, find_token({.token_file = options.token_file,
                                             .allowed = options.token_file_mode,
                                             .system = findings.url,
                                             .dataset = options.dataset}));
    if (!found.warning.empty()) findings.warnings.push_back(std::move(found.warning));
    token = std::move(found.token);
    findings.had_token = true;
  }
  if (!options.file.empty()) {
    TRY_ASSIGN(findings.disk, measure_disk(options.file, longest_reading, most_read));
  }
  const Result<void> state = look_at_state(options, findings);
  TRY_ASSIGN(findings.server, ask(options, findings, token));
  const ServerProfile& server = *findings.server;
  if (server.clock_ahead && std::chrono::abs(*server.clock_ahead) > largest_skew)
    findings.warnings.push_back(
        fmt::format("the clocks of this machine and of the server differ by {} s: certificates, "
                    "tokens and unfinished uploads seem to expire too early or too late; set the "
                    "wrong clock",
                    std::chrono::abs(*server.clock_ahead).count()));
  warn_of_the_certificate(findings);
  if (server.options_refused != 0)
    findings.warnings.push_back(about_refused_options(server.options_refused));
  TRY(state);
  return check_nobody_is_in_the_way(findings);
}

}  // namespace

int check(const CheckOptions& options) {
  catch_stop_signals();
  Console console({});
  Findings findings;
  findings.dataset = options.dataset;
  if (Result<void> found = find_out(options, findings); !found) {
    findings.error = found.error();
    findings.error->message = printable(findings.error->message);
  }
  console.result(options.json ? json_of(findings) : text_of(findings));
  for (const std::string& warning : findings.warnings) console.warning(warning);
  int code = 0;
  if (findings.error) {
    console.error(findings.error->message);
    code = findings.error->kind == ErrorKind::interrupted && stop_signal() != 0
               ? 128 + stop_signal()
               : exit_code(*findings.error);
  }
  return console.finish(code);
}

}  // namespace sluice::cli
