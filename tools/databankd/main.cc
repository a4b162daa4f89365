// databankd: a local Data Bank for whoever writes or tests a client.

#include <fmt/format.h>
#include <pthread.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tools/databankd/data_bank.h"
#include "tools/databankd/http_server.h"
#include "tools/databankd/listener.h"
#include "tools/databankd/token.h"

namespace sluice::databankd {
namespace {

struct Options {
  std::string listen = "127.0.0.1:3000";
  DataBank::Options bank;
  HttpServer::Log log = HttpServer::Log::registrations;
};

/// KEY=TOKEN, or KEY=@FILE for a token that shall not show in a list of processes, or that changes.
Result<void> add_dataset(const std::string& text, DataBank::Options& bank) {
  const auto wrong = [](std::string message) {
    return Error{.kind = ErrorKind::usage, .message = std::move(message)};
  };
  const std::size_t equals = text.find('=');
  // The text is not repeated: it may be a token.
  if (equals == std::string::npos) return wrong("--dataset takes KEY=TOKEN or KEY=@FILE");
  const std::string key = text.substr(0, equals);
  std::string token = text.substr(equals + 1);
  if (token.starts_with('@')) {
    const std::string path = token.substr(1);
    std::optional<std::string> read = read_token(path);
    if (!read) return wrong(fmt::format("cannot read the token of dataset {} from {}", key, path));
    token = *std::move(read);
    bank.token_files.emplace(key, path);
  }
  if (!bank.tokens.emplace(key, std::move(token)).second)
    return wrong(fmt::format("dataset {} is given twice", key));
  return {};
}

/// Everything up to the point where it listens; then until SIGINT or SIGTERM.
Result<void> serve(const Options& options, const sigset_t& until) {
  TRY_ASSIGN(const std::unique_ptr<DataBank> bank, DataBank::open(options.bank));
  TRY_ASSIGN(Listener listener, listen_on(options.listen));
  TRY_ASSIGN(const std::unique_ptr<HttpServer> server,
             HttpServer::start(*bank, std::move(listener), options.log));
  fmt::print("listening on {}\n", server->url());
  std::fflush(stdout);
  int received = 0;
  sigwait(&until, &received);
  return {};
}

int run(int argc, char** argv) {
  Options options;
  std::vector<std::string> datasets;
  std::string store;
  long long token_lifetime = 3LL * 24 * 60 * 60;
  bool verbose = false;
  bool quiet = false;

  CLI::App app("A local Illinois Data Bank that speaks the phased upload protocol.", "databankd");
  app.set_version_flag("--version", "databankd " DATABANKD_VERSION);
  app.add_option("--listen", options.listen, "Address and port; port 0 lets the system choose one")
      ->type_name("ADDR:PORT")
      ->capture_default_str();
  app.add_option("--store", store, "Directory for the files and registered.jsonl")
      ->type_name("DIR")
      ->required();
  app.add_option(
         "--dataset", datasets,
         "A draft dataset and its token, or @ and a file that holds it, and is read again when "
         "a token is refused; repeatable")
      ->type_name("KEY=TOKEN")
      ->allow_extra_args(false);
  app.add_option("--published", options.bank.published,
                 "A dataset that is no longer a draft; repeatable")
      ->type_name("KEY")
      ->allow_extra_args(false);
  app.add_option("--token-lifetime", token_lifetime, "How long the tokens hold, from now on")
      ->type_name("SECONDS")
      ->check(CLI::Range(0LL, 10LL * 365 * 24 * 60 * 60))
      ->capture_default_str();
  app.add_flag("--discard", options.bank.discard, "Hash the files and drop their bytes");
  app.add_flag("--verbose", verbose, "A line on stderr for each request");
  app.add_flag("--quiet", quiet, "Nothing on stderr but errors")->excludes("--verbose");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }

  const auto fail = [](const Error& error) {
    fmt::print(stderr, "databankd: {}\n", error.message);
    return error.kind == ErrorKind::usage ? 2 : 1;
  };
  options.bank.store = store;
  options.bank.token_lifetime = std::chrono::seconds(token_lifetime);
  options.log = verbose ? HttpServer::Log::requests
                : quiet ? HttpServer::Log::quiet
                        : HttpServer::Log::registrations;
  for (const std::string& text : datasets) {
    if (const auto added = add_dataset(text, options.bank); !added) return fail(added.error());
  }

  // Before any thread is made, so that all of them inherit it and only sigwait() sees the two
  // signals.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // a limit on file sizes shall be an answer, like a full disk
  sigset_t until;
  sigemptyset(&until);
  sigaddset(&until, SIGINT);
  sigaddset(&until, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &until, nullptr);

  if (const auto served = serve(options, until); !served) return fail(served.error());
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
