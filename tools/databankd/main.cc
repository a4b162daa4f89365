// databankd: a local Data Bank for whoever writes or tests a client.

#include <fmt/format.h>
#include <pthread.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tools/databankd/byte_size.h"
#include "tools/databankd/data_bank.h"
#include "tools/databankd/duration.h"
#include "tools/databankd/faults.h"
#include "tools/databankd/http_server.h"
#include "tools/databankd/join_time.h"
#include "tools/databankd/listener.h"
#include "tools/databankd/protocols.h"
#include "tools/databankd/token.h"
#include "tools/databankd/tus_settings.h"

namespace sluice::databankd {
namespace {

struct Options {
  std::string listen = "127.0.0.1:3000";
  DataBank::Options bank;
  std::vector<Fault> faults;
  HttpServer::Options server;
};

constexpr std::chrono::hours never(24 * 365 * 100);

constexpr const char* about_faults =
    R"(Faults: KIND[:ARG][,every=N][,at=N][,probability=P][,seed=S][,on=STEP]
  lose-request        nothing is done, and the connection closed without an answer
  lose-response       carried out, and the connection closed without an answer
  reset-mid-body      nothing is done; RST at a random place of the request's body
  reset-mid-response  carried out; the answer's head, a part of its body, RST
  status:CODE[:TEXT]  nothing is done; an answer with that status, or with TEXT as the
                      server's own words
  answer:CODE         carried out; that status and a front server's HTML page in place
                      of the answer
  front:CODE[:TIME]   from the request on that it strikes (the first, if not said) and for
                      that time (5s): nothing is done, and every request of its STEP is
                      answered as by answer:CODE; with any, whatever else is asked for too
  stall               nothing is done, and nothing answered until the client goes away
  slow:RATE           the body is read at so many bytes a second (500, 64K, 5M)
  partial-append      a random part of the chunk is appended, and the connection
                      closed without an answer; transfer and patch only
  forget-staging      all that is staged in the dataset is gone, or the tus upload that
                      it names, 404; then carried out
  expire-token        the dataset's token expires; then carried out
  garbage-body        carried out; the answer's body is random bytes
  huge-body           carried out; the answer's body is 64 MiB
  tail-timeout[:TIME] where the next bytes of a body take longer than that (500ms, 2s;
                      100ms if not said), nothing is done: 408, and the connection closed
  gzip                carried out; the answer's body is compressed, though nobody asked
  two-locations       carried out; a second Location names another upload
  expire              the tus upload that it names is gone, 410
  locked              nothing is done: 423
  checksum            nothing is done: 460, though the bytes may match
  stuck               nothing is done: 204 and the offset as it was
 Each counts the requests of its STEP: ask (setup without filesize), setup, transfer,
 probe (transfer with a negative previous_size), verify; options, create, head, patch,
 delete, join (a create that concatenates), register; binary; or any. It strikes the Nth
 of them (at), each Nth (every), each with that probability from 0 to 1, or all. Of several
 that are due the first given strikes. The same seed makes the same choices.
)";

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
  FaultPlan faults(options.faults);
  TRY_ASSIGN(std::unique_ptr<HttpServer> server,
             HttpServer::start(*bank, faults, std::move(listener), options.server));
  fmt::print("listening on {}\n", server->url());
  std::fflush(stdout);
  int received = 0;
  sigwait(&until, &received);
  bank->end_thinking();
  server.reset();  // when it has ended, all strikes are counted
  if (!options.faults.empty() && options.server.log != HttpServer::Log::quiet)
    fmt::print("faults struck: {}\n", faults.summary());
  return {};
}

int run(int argc, char** argv) {
  Options options;
  std::vector<std::string> datasets;
  std::vector<std::string> faults;
  std::string store;
  std::string think = "0";
  std::string protocols = "phased,tus,binary";
  std::string tus_extensions = TusExtensions().to_string();
  std::string tus_max_size = "2T";
  std::string tus_expires = "7d";
  std::string part_min = "0";
  std::string join_time = "0";
  std::string thread_wait = "120s";
  long long token_lifetime = 3LL * 24 * 60 * 60;
  bool verbose = false;
  bool quiet = false;

  CLI::App app("A local Illinois Data Bank that speaks all three upload protocols.", "databankd");
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
  app.add_flag("--rename", options.bank.rename,
               "Register under other names, as the Data Bank of 2018-08 does: blanks and signs "
               "become _, and what is before a backslash goes; verify then moves the staged file");
  app.add_option("--think", think,
                 "Take so long to append each chunk (200ms, 1.5s); those of one dataset wait for "
                 "each other, and what arrives meanwhile is read all the same")
      ->type_name("TIME")
      ->capture_default_str();
  app.add_option("--protocols", protocols, "What it speaks: phased, tus and binary, or fewer")
      ->type_name("LIST")
      ->capture_default_str();
  app.add_option("--tus-extensions", tus_extensions, "What of tus it announces, or none")
      ->type_name("LIST")
      ->capture_default_str();
  app.add_option("--tus-max-size", tus_max_size, "The longest upload over tus")
      ->type_name("SIZE")
      ->capture_default_str();
  app.add_option("--tus-expires", tus_expires, "How long an upload stays after its last byte")
      ->type_name("TIME")
      ->capture_default_str();
  app.add_option("--part-min", part_min,
                 "Throw away what a PATCH brings in less than a part of so many bytes, or a "
                 "10000th of the upload, and refuse to join a smaller part but the last one; the "
                 "Data Bank's is 5M")
      ->type_name("SIZE")
      ->capture_default_str();
  app.add_flag("--lazy-uploads", options.bank.tus.lazy,
               "Make no file of an upload before its first PATCH, so that one without any, an "
               "empty one, cannot be registered; an empty PATCH makes it");
  app.add_option("--join-time", join_time,
                 "Take so long to join partial uploads, or so long for each SIZE (2s/1G); carried "
                 "out even if the client goes away meanwhile")
      ->type_name("TIME[/SIZE]")
      ->capture_default_str();
  app.add_option("--backends", options.bank.back_ends,
                 "Be so many back ends, of which each knows the uploads begun at it only: a cookie "
                 "keeps a client at one, and requests without it go to all by turns")
      ->type_name("N")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--threads", options.server.threads.count,
                 "Work with so many threads: each request holds one, and one under /files needs "
                 "another at its beginning, to ask itself about the token; 0 is no limit")
      ->type_name("N")
      ->check(CLI::Range(0, 100000))
      ->capture_default_str();
  app.add_option("--thread-wait", thread_wait,
                 "How long a request under /files waits for that other thread; then it gets 401")
      ->type_name("TIME")
      ->capture_default_str();
  app.add_option("--location", options.server.tus.location,
                 "What Location says of an upload: absolute, http (whatever a proxy in front is), "
                 "relative, or an address to put before its path")
      ->type_name("absolute|http|relative|URL")
      ->check([](const std::string& text) {
        const bool known = text == "absolute" || text == "http" || text == "relative" ||
                           text.starts_with("http://") || text.starts_with("https://");
        return known ? std::string() : "absolute, http, relative or an address";
      })
      ->capture_default_str();
  app.add_option("--fault", faults, "Let something go wrong on purpose, see below; repeatable")
      ->type_name("SPEC")
      ->allow_extra_args(false);
  app.add_flag("--verbose", verbose, "A line on stderr for each request and each fault");
  app.add_flag("--quiet", quiet, "Nothing on stderr but errors")->excludes("--verbose");
  app.footer(about_faults);
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
  options.server.log = verbose ? HttpServer::Log::requests
                       : quiet ? HttpServer::Log::quiet
                               : HttpServer::Log::registrations;
  if (const auto duration = parse_duration(think); duration) {
    options.bank.think = *duration;
  } else {
    return fail({.kind = ErrorKind::usage,
                 .message = fmt::format("--think '{}': it takes a time up to a day, as in 200ms, "
                                        "1.5s or 0",
                                        think)});
  }
  const auto wrong = [&](const char* option, const std::string& text, const char* takes) {
    return fail({.kind = ErrorKind::usage,
                 .message = fmt::format("{} '{}': it takes {}", option, text, takes)});
  };
  if (const auto chosen = parse_protocols(protocols)) {
    options.server.protocols = *chosen;
  } else {
    return wrong("--protocols", protocols, "some of phased,tus,binary");
  }
  if (const auto chosen = parse_tus_extensions(tus_extensions)) {
    options.server.tus.extensions = *chosen;
  } else {
    return wrong("--tus-extensions", tus_extensions,
                 "none, or some of creation,creation-defer-length,termination,expiration,"
                 "concatenation,checksum");
  }
  TusStore::Options& tus = options.bank.tus;
  if (const auto size = parse_byte_size(tus_max_size)) {
    tus.max_size = *size;
  } else {
    return wrong("--tus-max-size", tus_max_size, "bytes, as in 50G or 53687091200");
  }
  if (const auto size = parse_byte_size(part_min)) {
    tus.part_min = *size;
  } else {
    return wrong("--part-min", part_min, "bytes, as in 5M");
  }
  if (const auto time = parse_join_time(join_time)) {
    options.bank.join_time = *time;
  } else {
    return wrong("--join-time", join_time, "a time up to a day, as in 8s, or 2s/1G");
  }
  if (const auto wait = parse_duration(thread_wait)) {
    options.server.threads.wait = *wait;
  } else {
    return wrong("--thread-wait", thread_wait, "a time up to a day, as in 120s or 200ms");
  }
  if (const auto lifetime = parse_lifetime(tus_expires)) {
    tus.lifetime = options.server.tus.extensions.expiration ? *lifetime : never;
  } else {
    return wrong("--tus-expires", tus_expires, "a time up to 1000 days, as in 7d, 12h or 500ms");
  }
  for (const std::string& text : datasets) {
    if (const auto added = add_dataset(text, options.bank); !added) return fail(added.error());
  }

  for (const std::string& text : faults) {
    auto fault = parse_fault(text);
    if (!fault) return fail(fault.error());
    if (!fault->seed && fault->draws()) {
      std::random_device random;
      fault->seed = (std::uint64_t{random()} << 32) | random();
      if (!quiet) fmt::print("fault {} seed {}\n", fault->name, *fault->seed);
    }
    options.faults.push_back(*std::move(fault));
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
