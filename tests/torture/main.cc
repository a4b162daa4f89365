// torture: kills sluice, cuts its connections and injects server faults until the file is
// registered; then checks the result.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <random>

#include "engine/base/units.h"
#include "tests/torture/torture.h"

namespace sluice::torture {
namespace {

int run(int argc, char** argv) {
  Options options;
  std::string server = "databankd";
  std::string size = "1MB";
  std::string cut_after;
  CLI::App app(
      "Uploads files while sluice is killed again and again, connections are cut at random bytes\n"
      "and the server has faults; then checks that each file is registered exactly once.",
      "torture");
  auto* const seed =
      app.add_option("--seed", options.seed, "Seed of all random choices (random)")->type_name("S");
  app.add_option("--kills", options.kills, "Kill sluice at least N times (10)")
      ->check(CLI::Range(0, 1000000))
      ->type_name("N");
  app.add_option("--kills-per-upload", options.kills_per_upload,
                 "Kill sluice at most N times during the upload of one file (all)")
      ->check(CLI::Range(1, 1000000))
      ->type_name("N");
  app.add_option("--size", size, "Size of a file (1MB)")->type_name("BYTES");
  app.add_option("--server", server,
                 "databankd (default), or scripted: a server that shares no code with databankd")
      ->check(CLI::IsMember({"databankd", "scripted"}).description(""))
      ->type_name("NAME");
  app.add_option(
         "--fault", options.faults,
         "A --fault of databankd, instead of the default faults; repeatable; none: no fault")
      ->type_name("SPEC")
      ->allow_extra_args(false);
  app.add_option("--cut-after", cut_after,
                 "Cut each connection after BYTES on average (some chunks)")
      ->type_name("BYTES");
  app.add_option("--register-wait", options.register_wait,
                 "--register-wait of sluice (2); with 0 this test fails, because the scripted "
                 "server takes up to 0.9 s to register a file")
      ->type_name("TIME");
  app.add_option("--lookahead", options.lookahead,
                 "--lookahead of sluice: auto or 0 to 16 (a random number for each run)")
      ->type_name("N");
  app.add_flag("--tus", options.tus, "Use tus instead of the phased protocol; only with databankd");
  app.add_option("--lanes", options.lanes,
                 "With --tus, --lanes of sluice: 0 to 16 (a random number for each run)")
      ->type_name("N");
  app.add_flag("--verbose", options.verbose, "Show each run of sluice on stderr");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  options.scripted = server == "scripted";
  const auto parsed_size = parse_size(size);
  const auto parsed_cut = parse_size(cut_after.empty() ? "0" : cut_after);
  if (!parsed_size || !parsed_cut || *parsed_size == 0) {
    fmt::print(stderr, "torture: --size and --cut-after must be sizes such as 1MB\n");
    return 2;
  }
  options.size = *parsed_size;
  options.cut_after = static_cast<double>(*parsed_cut);
  if (seed->count() == 0) options.seed = std::random_device()();

  fmt::print("{}, {} bytes, seed {}\n", server, options.size, options.seed);
  std::fflush(stdout);
  try {
    const Survived survived = Torture(options).run();
    fmt::print(
        "survived {} kills, {} SIGTERMs, {} cut connections, {} failed runs, {} unconfirmed "
        "registrations; {} files registered, each once and with the right bytes, in {} runs; "
        "faults: {}; seed {}\n",
        survived.kills, survived.interrupted, survived.cuts, survived.gave_up, survived.asked,
        survived.uploads, survived.runs, survived.faults, options.seed);
    return 0;
  } catch (const Lost& lost) {
    fmt::print("LOST: {}\nseed {}\n", lost.what, options.seed);
    return 1;
  }
}

}  // namespace
}  // namespace sluice::torture

int main(int argc, char** argv) {
  try {
    return sluice::torture::run(argc, argv);
  } catch (const std::exception& bug) {
    fmt::print(stderr, "torture: {}\n", bug.what());
    return 3;
  }
}
