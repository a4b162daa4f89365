// databankd: a local Data Bank for writing and testing clients.

#include <fmt/format.h>
#include <pthread.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <memory>
#include <random>

#include "tools/command_line/help_formatter.h"
#include "tools/command_line/usage_error.h"
#include "tools/databankd/faults/faults.h"
#include "tools/databankd/http/http_server.h"
#include "tools/databankd/http/listener.h"
#include "tools/databankd/options.h"
#include "tools/databankd/store/data_bank.h"

namespace sluice::databankd {
namespace {

/// Starts the server, and runs it until SIGINT or SIGTERM.
Result<void> serve(const Options& options, const sigset_t& signals) {
  TRY_ASSIGN(const std::unique_ptr<DataBank> bank, DataBank::open(options.bank));
  TRY_ASSIGN(Listener listener, listen_on(options.listen));
  FaultPlan faults(options.faults);
  TRY_ASSIGN(std::unique_ptr<HttpServer> server,
             HttpServer::start(*bank, faults, std::move(listener), options.server));
  fmt::print("listening on {}\n", server->url());
  std::fflush(stdout);
  int received = 0;
  sigwait(&signals, &received);
  bank->end_thinking();
  server.reset();  // after this, all strikes are counted
  if (!options.faults.empty() && options.server.log != HttpServer::Log::quiet)
    fmt::print("faults struck: {}\n", faults.summary());
  return {};
}

/// Chooses and prints a random seed for each fault that needs one and has none, so that a run can
/// be repeated.
void choose_seeds(Options& options) {
  for (Fault& fault : options.faults) {
    if (fault.seed || !fault.is_random()) continue;
    std::random_device random;
    fault.seed = (std::uint64_t{random()} << 32) | random();
    if (options.server.log != HttpServer::Log::quiet)
      fmt::print("fault {} seed {}\n", fault.name, *fault.seed);
  }
}

int run(int argc, char** argv) {
  OptionTexts texts;
  CLI::App app("A local Illinois Data Bank that speaks all three upload protocols.", "databankd");
  app.formatter(std::make_shared<command_line::HelpFormatter>());
  app.set_version_flag("--version", "databankd " DATABANKD_VERSION)
      ->description("Print the version and exit.")
      ->group("Faults and log");
  app.get_help_ptr()->description("Print this help and exit.")->group("Faults and log");
  app.failure_message([](const CLI::App*, const CLI::Error& error) {
    return fmt::format("databankd: {}; see databankd --help\n", error.what());
  });
  add_options(app, texts);
  try {
    command_line::refuse_empty_values(argc, argv);
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  const auto fail = [](const Error& error) {
    fmt::print(stderr, "databankd: {}\n", error.message);
    return error.kind == ErrorKind::usage ? 2 : 1;
  };
  Result<Options> options = parse_options(texts);
  if (!options) return fail(options.error());
  choose_seeds(*options);

  // Block the signals before any thread is created: all threads inherit the mask, and only
  // sigwait() gets the two signals.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // a limit on file sizes causes an error response, like a full
                                  // disk
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  if (const auto served = serve(*options, signals); !served) return fail(served.error());
  return 0;
}

}  // namespace
}  // namespace sluice::databankd

int main(int argc, char** argv) {
  try {
    return sluice::databankd::run(argc, argv);
  } catch (const std::exception& bug) {
    fmt::print(stderr, "databankd: {}\n", bug.what());
    return 1;
  }
}
