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
#include "tools/sluice/commands/check_report.h"
#include "tools/sluice/config/address.h"
#include "tools/sluice/display/console.h"
#include "tools/sluice/display/report_text.h"
#include "tools/sluice/process/stop.h"
#include "tools/sluice/run/state_directory.h"
#include "tools/sluice/tokens/token_source.h"

namespace sluice::cli {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// The time for requests to the server; the whole check takes at most ten seconds.
constexpr auto server_timeout = 7s;
constexpr auto disk_test_time = 2s;
constexpr std::uint64_t disk_test_bytes = std::uint64_t{1} << 30;
/// Larger clock differences cause a warning. Certificates, tokens and uploads expire after minutes
/// at least.
constexpr auto max_clock_skew = 60s;
/// Warn this long before a certificate expires, so that the server's administrators can renew it.
constexpr std::int64_t expiry_warning_days = 14;

/// Checks the state directory as `put` does, and records the findings. Returns the error with which
/// `put` would fail.
Result<void> check_state_directory(const CheckOptions& options, Findings& findings) {
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

/// Fails if another process uploads into the dataset and blocks this upload. The phased protocol
/// has one staging area per dataset; other protocols allow concurrent uploads, unless the running
/// upload is phased.
Result<void> check_not_locked(const Findings& findings) {
  const auto& uploading = findings.state->uploading;
  if (uploading && (uploading->whole || findings.server->protocol == ProtocolKind::phased))
    return DatasetLock::held_by(*uploading, findings.dataset);
  return {};
}

void warn_of_certificate_expiry(Findings& findings) {
  const auto days = certificate_days_left(findings);
  if (!days || *days >= expiry_warning_days) return;
  findings.warnings.push_back(
      fmt::format("the certificate of {} expires in {} {}, and uploads fail from then on; tell the "
                  "administrators of the Data Bank",
                  findings.url, *days, *days == 1 ? "day" : "days"));
}

Result<ServerProfile> query_server(const CheckOptions& options, const Findings& findings,
                                   const Secret& token) {
  // The buffer pool is not used: choose the smallest.
  EngineOptions minimal;
  minimal.block_bytes = 4096;
  minimal.pool_bytes = 2 * minimal.block_bytes;
  minimal.journal = false;
  minimal.retry.retries = 0;
  minimal.network = options.network;
  TRY_ASSIGN(const auto engine, Engine::create(minimal));
  const auto deadline = Clock::now() + server_timeout;
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
                             findings.url, server_timeout.count())};
  return profile;
}

Result<void> run_checks(const CheckOptions& options, Findings& findings) {
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
    TRY_ASSIGN(findings.disk, measure_disk(options.file, disk_test_time, disk_test_bytes));
  }
  const Result<void> state = check_state_directory(options, findings);
  TRY_ASSIGN(findings.server, query_server(options, findings, token));
  const ServerProfile& server = *findings.server;
  if (server.clock_ahead && std::chrono::abs(*server.clock_ahead) > max_clock_skew)
    findings.warnings.push_back(fmt::format(
        "the clocks of this machine and of the server differ by {} s: certificates, "
        "tokens and unfinished uploads seem to expire too early or too late; correct the "
        "clock that is wrong",
        std::chrono::abs(*server.clock_ahead).count()));
  warn_of_certificate_expiry(findings);
  if (server.options_refused != 0)
    findings.warnings.push_back(about_refused_options(server.options_refused));
  TRY(state);
  return check_not_locked(findings);
}

}  // namespace

int check(const CheckOptions& options) {
  catch_stop_signals();
  Console console({});
  Findings findings;
  findings.dataset = options.dataset;
  if (Result<void> found = run_checks(options, findings); !found) {
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
