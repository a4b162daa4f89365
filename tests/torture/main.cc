// torture: kills sluice, cuts its connections and lets the server misbehave, until the file is
// registered; then looks at what became of it.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <random>

#include "engine/units.h"
#include "tests/torture/torture.h"

namespace sluice::torture {
namespace {

int run(int argc, char** argv) {
  Options options;
  std::string server = "databankd";
  std::string size = "1MB";
  std::string cut_after;
  CLI::App app(
      "Uploads files while sluice is killed with SIGKILL again and again, connections are cut at\n"
      "random bytes and the server misbehaves; then checks that the bytes are registered once.",
      "torture");
  auto* const seed =
      app.add_option("--seed", options.seed, "Of all that is random (random)")->type_name("S");
  app.add_option("--kills", options.kills, "How often sluice is killed, at least (10)")
      ->check(CLI::Range(0, 1000000))
      ->type_name("N");
  app.add_option("--kills-per-upload", options.kills_per_upload,
                 "Of these, at most so many in the upload of one file (all)")
      ->check(CLI::Range(1, 1000000))
      ->type_name("N");
  app.add_option("--size", size, "Of a file (1MB)")->type_name("BYTES");
  app.add_option("--server", server, "databankd (default), or scripted: one that shares no code")
      ->check(CLI::IsMember({"databankd", "scripted"}).description(""))
      ->type_name("NAME");
  app.add_option("--fault", options.faults,
                 "Instead of the usual ones: databankd's --fault; repeatable; none for none")
      ->type_name("SPEC")
      ->allow_extra_args(false);
  app.add_option("--cut-after", cut_after,
                 "Bytes sent through a connection until it is cut, on average (some chunks)")
      ->type_name("BYTES");
  app.add_option("--register-wait", options.register_wait,
                 "What sluice is told about how long a server may be at it (2); 0 shows that this "
                 "test can fail, as the scripted server takes up to 0.9 s")
      ->type_name("TIME");
  app.add_option("--lookahead", options.lookahead,
                 "How many chunks travel ahead: auto or 0..16 (another one for each run)")
      ->type_name("N");
  app.add_flag("--tus", options.tus, "Over tus, and not over the phased protocol; databankd only");
  app.add_option("--lanes", options.lanes,
                 "With --tus: parts of the file side by side, 0..16 (another number for each run)")
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
    fmt::print(stderr, "torture: --size and --cut-after take sizes like 1MB\n");
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
        "survived {} kills, {} SIGTERMs, {} cuts, {} runs that gave up, {} looks at the dataset's "
        "page; {} registered, each once "
        "and with its "
        "own bytes, in {} runs; faults: {}; seed {}\n",
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
