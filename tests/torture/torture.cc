#include "tests/torture/torture.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <iterator>
#include <thread>
#include <utility>

#include "tests/e2e/e2e.h"
#include "tests/support/process.h"

namespace sluice::torture {
namespace {

using nlohmann::json;

/// The number of chunks of a file of the usual size, so that there is progress between the kills.
constexpr std::uint64_t chunks_per_file = 24;
/// The mean number of chunks until a connection is cut: most chunks succeed.
constexpr double chunks_until_cut = 5;
/// The size of a response with its head.
constexpr double answer_bytes = 200;
constexpr double answers_until_cut = 8;
/// The fraction of signals that are SIGTERM, which lets sluice record the interruption.
constexpr double sigterm_fraction = 0.2;
/// The number of consecutive runs without a kill or a registration after which sluice counts as
/// hung.
constexpr int max_idle_runs = 60;
/// The number of runs to show when a check fails.
constexpr std::size_t max_shown_runs = 6;
/// The time until the user checks the dataset's page: the server has finished by then.
constexpr auto page_check_delay = std::chrono::seconds(1);

std::uint64_t chunk_for(const Options& options) {
  const auto kills = static_cast<std::uint64_t>(std::max(1, options.kills));
  const std::uint64_t wanted = options.size / std::max(chunks_per_file, 4 * kills);
  return std::clamp<std::uint64_t>(wanted, 4096, 16 << 20);
}

std::string no_progress() {
  return fmt::format("{} consecutive runs of sluice neither registered the file nor were killed",
                     max_idle_runs);
}

bool says_unconfirmed(const std::string& out) {
  const json report = json::parse(out, nullptr, /*allow_exceptions=*/false);
  return report.is_object() && report["uploads"].size() == 1 &&
         report["uploads"][0]["status"] == "unconfirmed";
}

}  // namespace

Torture::Torture(Options options)
    : options_(std::move(options)), chunk_(chunk_for(options_)), random_(options_.seed) {
  const Measure measure{chunk_, std::max<std::uint64_t>(1, options_.size / chunk_)};
  const bool faults = options_.faults != std::vector<std::string>{"none"};
  server_ = options_.scripted ? make_scripted(faults, measure, random_())
                              : make_databankd(options_.faults, measure, random_(), options_.tus);
  const double mean_up =
      options_.cut_after > 0 ? options_.cut_after : chunks_until_cut * static_cast<double>(chunk_);
  proxy_ = std::make_unique<test::CuttingProxy>(test::CuttingProxy::Options{
      .server = server_->url(),
      .seed = random_(),
      .mean_up = mean_up,
      .mean_down = answers_until_cut * answer_bytes,
      .before_passing_on = [this](int connection, test::Way way, std::string_view bytes) {
        killer_.passing(connection, way, bytes);
      }});
  for (const char* name : {"state", "receipts"})
    std::filesystem::create_directory(directory_ / name);
  ::chmod((directory_ / "state").c_str(), 0700);
  test::write_file(directory_ / "token", e2e::token);
  ::chmod((directory_ / "token").c_str(), 0600);
  watch_ = std::make_unique<DirectoryWatch>(std::map<std::filesystem::path, std::function<void()>>{
      {directory_ / "state", [this] { killer_.happened(Instant::Event::state_change); }},
      {directory_ / "receipts", [this] { killer_.happened(Instant::Event::receipt_change); }}});
}

Survived Torture::run() {
  while (survived_.uploads == 0 || survived_.kills < options_.kills) {
    const int left = options_.kills - survived_.kills;
    upload(options_.kills_per_upload > 0 ? std::min(left, options_.kills_per_upload) : left);
  }
  survived_.cuts = proxy_->cuts();
  survived_.faults = server_->end();
  return survived_;
}

void Torture::upload(int kills) {
  Upload upload;
  upload.kills = kills;
  // The last kills wait for the end of the upload, where a registration can go wrong. Only a few
  // per upload, because most of them let the registration happen.
  upload.early = kills - std::clamp(kills / 2, std::min(kills, 1), 5);
  upload.name = fmt::format("file {}.bin", survived_.uploads);
  upload.path = directory_ / upload.name;
  upload.block = std::uint64_t{4096} << 2 * below(3);
  // After an upload with most of the kills, the few others need no large file.
  const std::uint64_t size = survived_.uploads == 0 || options_.kills_per_upload > 0
                                 ? options_.size
                                 : options_.size / static_cast<std::uint64_t>(options_.kills) *
                                       static_cast<std::uint64_t>(kills);
  test::write_random_file(upload.path, size - below(std::min(size, upload.block) + 1), random_());

  int idle = 0;
  while (true) {
    const json entry = journal_entry(upload.name);
    server_->before_run();
    const Ended ended = start(command(upload, entry), instants(upload, entry));
    if (server_->registrations() > survived_.uploads + 1)
      lose(fmt::format("'{}' is registered twice", upload.name));
    if (ended.killed) {
      ++survived_.kills;
      ++upload.killed;
      idle = 0;
    } else if (ended.interrupted) {
      ++survived_.interrupted;
    } else if (options_.tus && ended.status == 1 && says_unconfirmed(ended.out)) {
      if (++idle > max_idle_runs) lose(no_progress());
      if (check_dataset_page(upload)) break;
    } else if (is_finished(ended)) {
      check_deposit(upload, true);
      break;
    } else if (++survived_.gave_up, ++idle > max_idle_runs) {
      lose(no_progress());
    }
  }
  ++survived_.uploads;
  std::filesystem::remove(upload.path);
}

std::vector<std::string> Torture::command(const Upload& upload, const json& entry) {
  std::vector<std::string> argv{e2e::sluice_binary};
  const bool open =
      !entry.is_null() && (entry["state"] == "unfinished" || entry["state"] == "verifying");
  if (open && chance(0.2))
    argv.insert(argv.end(), {"resume", e2e::dataset, upload.name});
  else
    argv.insert(argv.end(), {"put", "--url", proxy_->url(), "--protocol",
                             options_.tus ? "tus" : "phased", e2e::dataset, upload.path});

  const std::uint64_t blocks[] = {2, 3, 16};
  const std::uint64_t chunks[] = {chunk_, chunk_ / 2, 2 * chunk_, chunk_ - 1, chunk_ + 1};
  const char* const reads[] = {"auto", "direct", "mmap", "buffered"};
  argv.insert(argv.end(), {"--json", "--state-dir", directory_ / "state", "--receipt",
                           directory_ / "receipts", "--token-file", directory_ / "token"});
  argv.insert(argv.end(), {"--block", std::to_string(upload.block), "--pool",
                           std::to_string(upload.block * blocks[below(std::size(blocks))]),
                           "--chunk", std::to_string(chunks[below(std::size(chunks))]), "--read",
                           reads[below(std::size(reads))]});
  argv.insert(argv.end(), {"--register-wait", options_.register_wait, "--stall-timeout", "2",
                           "--response-timeout", std::to_string(1 + below(2)), "--retries",
                           std::to_string(2 + below(8))});
  const char* const lanes[] = {"0", "2", "3", "8"};
  const char* const verify[] = {"auto", "off"};
  if (options_.tus) {
    argv.insert(argv.end(), {"--lanes", options_.lanes.empty() ? lanes[below(std::size(lanes))]
                                                               : options_.lanes});
    argv.insert(argv.end(), {"--verify-chunks", verify[below(std::size(verify))]});
  }
  const char* const depths[] = {"auto", "0", "1", "3", "16"};
  const std::string depth = depths[below(std::size(depths))];
  argv.insert(argv.end(), {"--lookahead", options_.lookahead.empty() ? depth : options_.lookahead});
  if (chance(0.2)) argv.push_back("--verify-prefix");
  if (chance(0.2)) argv.insert(argv.end(), {"--digest", "md5,sha256"});
  return argv;
}

std::vector<Instant> Torture::instants(const Upload& upload, const json& entry) {
  using From = Instant::From;
  using Event = Instant::Event;
  if (upload.killed >= upload.kills) return {};
  const double kind = std::uniform_real_distribution<double>(0, 1)(random_);
  if (upload.killed >= upload.early) {
    if (kind < 0.1) return {{From::verify, Event::bytes_up, below(600)}};
    // While the server processes the request, or at a request after a missing response.
    if (kind < 0.35) return {{From::verify_complete, Event::bytes_up, 0}};
    if (kind < 0.45) return {{From::verify_complete, Event::bytes_up, below(3000)}};
    if (kind < 0.55) return {{From::verify_answer, Event::bytes_down, 0}};
    if (kind < 0.75) return {{From::verify_answer, Event::state_change, 1 + below(10)}};
    if (kind < 0.85) return {{From::verify_answer, Event::receipt_change, 1 + below(4)}};
    return {{From::start, Event::state_change, 1 + below(80)}};
  }
  // The interval that spreads the remaining kills over the bytes of the file.
  const std::uint64_t size = std::filesystem::file_size(upload.path);
  const std::uint64_t committed = entry.is_null() ? 0 : entry["committed"].get<std::uint64_t>();
  const std::uint64_t share =
      (size - std::min(size, committed)) / static_cast<std::uint64_t>(upload.early - upload.killed);
  const Instant longest{From::start, Event::bytes_up, 2 * share + 2000};
  if (kind < 0.5) return {{From::start, Event::bytes_up, below(longest.count)}};
  if (kind < 0.75) return {longest, {From::start, Event::state_change, 1 + below(80)}};
  const auto answers = 2 + 2 * share / chunk_;
  return {
      longest,
      {From::start, Event::bytes_down, below(answers * static_cast<std::uint64_t>(answer_bytes))}};
}

Torture::Ended Torture::start(const std::vector<std::string>& argv,
                              const std::vector<Instant>& instants) {
  std::string words = fmt::format("{}", fmt::join(argv, " "));
  const int signal = chance(sigterm_fraction) ? SIGTERM : SIGKILL;
  for (const Instant& instant : instants)
    words += fmt::format("\n  signal {} planned after {}", signal, to_string(instant));
  const auto limit = std::chrono::seconds(180 + options_.size / 1'000'000);

  ++survived_.runs;
  test::Process process({.argv = argv, .env = {}, .stdin_text = {}, .directory = {}});
  killer_.arm(process.pid(), signal, instants);
  Ended ended;
  ended.status = process.wait(limit);
  const bool struck = killer_.disarm();
  ended.out = process.out();
  ended.err = process.err();
  ended.killed = struck && ended.status == 128 + SIGKILL;
  ended.interrupted = struck && ended.status == 128 + SIGTERM;

  words += fmt::format("\n  exited with {}\n{}{}", ended.status, ended.err, ended.out);
  if (options_.verbose) fmt::print(stderr, "{}\n", words);
  history_.push_back(std::move(words));
  if (history_.size() > max_shown_runs) history_.erase(history_.begin());
  if (ended.status == 128 + SIGKILL && !ended.killed) lose("sluice hung and was killed");
  check_no_token(ended.out, "the stdout of sluice");
  check_no_token(ended.err, "the stderr of sluice");
  return ended;
}

json Torture::journal_entry(const std::string& name) {
  const test::Finished finished =
      test::run({.argv = {e2e::sluice_binary, "status", "--all", "--json", "--state-dir",
                          directory_ / "state"},
                 .env = {},
                 .stdin_text = {},
                 .directory = {}});
  const json status = json::parse(finished.out, nullptr, /*allow_exceptions=*/false);
  if (finished.status != 0 || !finished.err.empty() || !status.is_object())
    lose(fmt::format("cannot read the journal: 'sluice status' exited with {}\n{}{}",
                     finished.status, finished.err, finished.out));
  json found;
  for (const json& entry : status["uploads"]) {
    if (entry["name"] != name) continue;
    // Newest first: an abandoned entry may follow the one that replaced it.
    if (!found.is_null() && entry["state"] == "abandoned") continue;
    if (!found.is_null()) lose(fmt::format("'{}' is in the journal twice", name));
    found = entry;
  }
  return found;
}

bool Torture::is_finished(const Ended& ended) {
  if (ended.status == 0) return true;
  const json report = json::parse(ended.out, nullptr, /*allow_exceptions=*/false);
  if (!report.is_object() || report["uploads"].size() != 1)
    lose(fmt::format("sluice exited with {} and without a report", ended.status));
  const json& error = report["uploads"][0]["error"];
  const std::string kind = error["kind"], message = error["message"];
  // If sluice was killed between recording the registration and its end, the next run reports the
  // file as registered, unless it must compare.
  if (kind == "name_taken" && message.find("leave out --verify-prefix") != std::string::npos)
    return false;
  if (kind == "name_taken") lose("sluice does not recognise the registered file as its own");
  // Results of a bad server or network, after which the same command may be repeated.
  if (kind == "unreachable" || kind == "unconfirmed" ||
      message.find("gave up after") != std::string::npos ||
      message.find("lost the bytes sent") != std::string::npos ||
      // Two consecutive failures each; with the usual probabilities, once in some hundred uploads.
      message.find("bytes twice, but stored none of them") != std::string::npos ||
      message.find("wrong checksum twice") != std::string::npos ||
      // The response to the join was lost, and the parts were joined: they are sent again.
      message.find("is missing or incomplete on the server") != std::string::npos)
    return false;
  lose(fmt::format("sluice exited with {}, {}: {}", ended.status, kind, message));
}

bool Torture::check_dataset_page(const Upload& upload) {
  ++survived_.asked;
  std::this_thread::sleep_for(page_check_delay);
  const bool registered = server_->registrations() == survived_.uploads + 1;
  std::vector<std::string> argv{e2e::sluice_binary};
  if (registered)
    argv.insert(argv.end(), {"forget", "--registered", e2e::dataset, upload.name});
  else
    argv.insert(argv.end(),
                {"resume", "--register", e2e::dataset, upload.name, "--json", "--receipt",
                 directory_ / "receipts", "--token-file", directory_ / "token",
                 // By default, it would wait minutes for a server that does not respond.
                 "--response-timeout", "2"});
  argv.insert(argv.end(), {"--state-dir", directory_ / "state"});
  const Ended ended = start(argv, {});
  if (registered && ended.status != 0)
    lose("'sluice forget' failed for an upload whose file is registered");
  if (!registered && ended.status != 0)
    return false;  // the response was lost again: the next run
                   // reports it
  check_deposit(upload, !registered);
  return true;
}

void Torture::check_deposit(const Upload& upload, bool receipt_written) {
  if (const int registered = server_->registrations(); registered != survived_.uploads + 1)
    lose(fmt::format("{} registrations for {} files", registered, survived_.uploads + 1));
  if (!server_->holds(upload.name, upload.path))
    lose(fmt::format("the registered file '{}' differs from the uploaded file", upload.name));

  const json entry = journal_entry(upload.name);
  // `sluice forget --registered` has recorded the registration, without a receipt.
  if (options_.tus && !receipt_written && !entry.is_null() && entry["state"] == "registered" &&
      entry["receipt"].is_null())
    return;
  if (entry.is_null() || entry["state"] != "registered")
    lose(
        fmt::format("the journal does not have '{}' as registered: {}", upload.name, entry.dump()));
  check_receipt(upload, entry["receipt"]);
  const std::filesystem::path path = directory_ / "receipts" / (upload.name + ".sluice.json");
  if (std::filesystem::exists(path))  // complete, whenever sluice was killed
    check_receipt(upload, json::parse(test::read_file(path), nullptr, /*allow_exceptions=*/false));
  else if (receipt_written)
    lose(fmt::format("the receipt {} is missing", path.string()));
  check_no_token_in_files();
}

void Torture::check_receipt(const Upload& upload, const json& receipt) {
  if (!receipt.is_object() || receipt["xxh128"] != e2e::xxh128_of_file(upload.path) ||
      receipt["bytes"] != std::filesystem::file_size(upload.path) || receipt["name"] != upload.name)
    lose(fmt::format("the receipt is wrong: {}", receipt.dump()));
}

void Torture::check_no_token_in_files() {
  for (const char* below : {"state", "receipts"})
    for (const auto& file : std::filesystem::recursive_directory_iterator(directory_ / below))
      if (file.is_regular_file()) check_no_token(test::read_file(file), file.path().string());
}

void Torture::check_no_token(const std::string& text, const std::string& where) {
  if (text.find(e2e::token) != std::string::npos) lose("the token is in " + where);
}

void Torture::lose(const std::string& what) const {
  std::string text = what + "\n\nThe last runs:\n";
  for (const std::string& run : history_) text += run + "\n";
  throw Lost{text};
}

std::uint64_t Torture::below(std::uint64_t bound) {
  return std::uniform_int_distribution<std::uint64_t>(0, bound - 1)(random_);
}

bool Torture::chance(double probability) {
  return std::bernoulli_distribution(probability)(random_);
}

}  // namespace sluice::torture
