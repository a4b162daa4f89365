// The option table of databankd, and the parsing of option values.
#include "tools/databankd/options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <optional>
#include <utility>

#include "tools/command_line/option_kinds.h"
#include "tools/databankd/base/byte_size.h"
#include "tools/databankd/base/duration.h"
#include "tools/databankd/protocol/protocols.h"
#include "tools/databankd/store/join_time.h"
#include "tools/databankd/store/token.h"

namespace sluice::databankd {
namespace {

using command_line::add_number;
using command_line::add_text;

constexpr std::chrono::hours never(24 * 365 * 100);

constexpr const char* about_faults =
    R"(Faults: KIND[:ARG][,every=N][,at=N][,probability=P][,seed=S][,on=STEP]
  lose-request          read the request, do nothing, close the connection
                        without a response
  lose-response         carry the request out, close the connection without a
                        response
  reset-mid-body        reset the connection at a random place of the request's
                        body
  reset-mid-response    carry the request out, send part of the response, reset
                        the connection
  partial-append        append a random part of the chunk, close the connection
                        without a response (transfer, patch,
                        create-with-upload)
  stall                 read the request, do nothing, send nothing until the
                        client goes away
  slow:RATE             read the body at RATE bytes a second
  tail-timeout[:TIME]   send 408 if the body pauses for TIME (100ms), close the
                        connection
  status:CODE[:TEXT]    do nothing; send this status, with TEXT as the server's
                        own words
  answer:CODE           carry the request out; send this status with the page of
                        a reverse proxy
  front:CODE[:TIME]     let a reverse proxy answer CODE for TIME (5s), from the
                        request that is struck on
  garbage-body          carry the request out; the response's body is 4 KiB of
                        random bytes
  huge-body             carry the request out; send 200 and a body of 64 MiB
  gzip                  carry the request out; compress the response's body
  two-locations         carry the request out; send a second Location (create,
                        create-with-upload, join)
  locked                do nothing; send 423 (patch, delete)
  checksum              do nothing; send 460 (patch, create-with-upload)
  stuck                 drop the bytes; send 204 with Upload-Offset unchanged,
                        or 201 with 0 (patch, create-with-upload)
  short-append          append a random part of the chunk; send the offset
                        behind it (patch, create-with-upload)
  forget-staging        forget what is staged in the dataset, or the tus uploads
                        in the request; then carry it out
  expire                let the tus uploads in the request expire; then carry it
                        out
  expire-token          let the dataset's token expire from this request on
STEP is ask (setup without filesize), setup, transfer, probe (a transfer with a
negative previous_size), verify; options, create, create-with-upload (a create
with bytes of the file), head, patch, delete, join, register; binary; or any (the
default). A fault counts the requests of its STEP from 1. It strikes the Nth (at),
each Nth (every), each with probability P, or all. The first of several that are
due strikes. The same seed makes the same choices.
Manual: man databankd)";

/// Adds an option that may be given several times, with one value each.
void add_list(CLI::App& app, const std::string& name, std::vector<std::string>& values,
              const std::string& type, const std::string& description) {
  app.add_option(name, values, description)->type_name(type)->allow_extra_args(false);
}

Error usage(std::string message) {
  return {ErrorKind::usage, std::move(message)};
}

/// Parses KEY=TOKEN, or KEY=@FILE to keep the token out of the process list, or for a token that
/// changes.
Result<void> add_dataset(const std::string& text, DataBank::Options& bank) {
  const std::size_t equals = text.find('=');
  // Do not print the text: it may be a token.
  if (equals == std::string::npos)
    return usage("--dataset: a value without '='; write KEY=TOKEN or KEY=@FILE");
  const std::string key = text.substr(0, equals);
  std::string token = text.substr(equals + 1);
  if (token.starts_with('@')) {
    const std::string path = token.substr(1);
    std::optional<std::string> read = read_token(path);
    if (!read)
      return usage(fmt::format(
          "--dataset: cannot read the token of dataset {} from {}; give a readable file "
          "whose first line is the token",
          key, path));
    token = *std::move(read);
    bank.token_files.emplace(key, path);
  }
  if (!bank.tokens.emplace(key, std::move(token)).second)
    return usage(fmt::format("--dataset: dataset {} is given twice", key));
  return {};
}

/// Parses `text` with `parse`. If that fails, returns an error that says what `option` accepts.
template <class Parse>
auto parsed(const char* option, const std::string& text, const char* takes, const Parse& parse)
    -> Result<typename decltype(parse(text))::value_type> {
  if (auto value = parse(text)) return *std::move(value);
  return usage(fmt::format("{}: invalid value '{}'; give {}", option, text, takes));
}

bool is_location(const std::string& text) {
  return text == "absolute" || text == "http" || text == "relative" ||
         text.starts_with("http://") || text.starts_with("https://");
}

}  // namespace

void add_options(CLI::App& app, OptionTexts& words) {
  app.option_defaults()->group("Address, store and datasets");
  add_text(app, "--listen", words.listen, "ADDR:PORT",
           "Accept connections on this address; port 0 lets the system choose a free port.");
  add_text(app, "--store", words.store, "DIR",
           "Keep everything in this directory, which is made if it does not exist.")
      ->required();
  add_list(
      app, "--dataset", words.datasets, "KEY=TOKEN",
      "Make a draft dataset and accept this token for it; KEY=@FILE reads the token from FILE, "
      "and again when a token is refused; repeatable.");
  add_list(app, "--published", words.published, "KEY",
           "Make a dataset that is no longer a draft; repeatable.");
  add_number(app, "--token-lifetime", words.token_lifetime, "SECONDS", 0, 315360000,
             "Let tokens expire SECONDS after the start.");
  app.add_flag("--discard", words.discard, "Compute the checksum of each file and drop its bytes.");
  app.add_flag("--rename", words.rename,
               "Register files under the names that the Data Bank of August 2018 makes.");

  app.option_defaults()->group("Protocols");
  add_text(app, "--protocols", words.protocols, "LIST", "Speak only these protocols.");
  add_text(app, "--tus-extensions", words.tus_extensions, "LIST",
           "Announce these tus extensions and support no others; none for none.");
  add_text(app, "--tus-max-size", words.tus_max_size, "SIZE",
           "Refuse tus uploads longer than this with 413.");
  add_text(app, "--tus-expires", words.tus_expires, "TIME",
           "Let a tus upload expire TIME after its last byte. Range: 0 to 1000d.");
  add_text(
      app, "--part-min", words.part_min, "SIZE",
      "Store tus uploads in parts of at least SIZE bytes, as the Data Bank does on S3; the Data "
      "Bank has 5M.");
  app.add_flag("--lazy-uploads", words.lazy_uploads,
               "Make no file for a tus upload before its first PATCH.");
  add_text(app, "--location", words.location, "KIND",
           "What Location says of a new tus upload: absolute (the full address), http (always with "
           "http), relative (the path alone), or a URL to put before the path.");

  app.option_defaults()->group("Time, threads and load");
  add_text(app, "--think", words.think, "TIME",
           "Take TIME to append each chunk, before the response. Range: 0 to 24 hours.");
  add_text(app, "--join-time", words.join_time, "TIME[/SIZE]",
           "Take TIME to join tus uploads, or TIME for each SIZE of the result. Range: 0 to 24 "
           "hours.");
  add_number(app, "--threads", words.threads, "N", 0, 100000,
             "Serve with N threads, as a Rails server does; 0 is no limit.");
  add_text(
      app, "--thread-wait", words.thread_wait, "TIME",
      "How long a request under /files waits for its second thread; then it gets 401. Range: 0 "
      "to 24 hours.");
  add_number(app, "--backends", words.back_ends, "N", 1, 1000,
             "Behave like N servers behind a load balancer.");

  app.option_defaults()->group("Faults and log");
  add_list(app, "--fault", words.faults, "SPEC", "Misbehave on purpose, see below; repeatable.");
  app.add_flag("--verbose", words.verbose,
               "Write a line to stderr for each request and each fault that strikes.");
  app.add_flag("--quiet", words.quiet,
               "Write nothing but errors to stderr, and nothing about faults to stdout.")
      ->excludes("--verbose");
  app.footer(about_faults);
}

Result<Options> parse_options(const OptionTexts& words) {
  constexpr const char* day = "a time of up to a day, such as 200ms, 1.5s or 0";
  Options options;
  options.listen = words.listen;
  DataBank::Options& bank = options.bank;
  bank.store = words.store;
  bank.published = words.published;
  bank.token_lifetime = std::chrono::seconds(words.token_lifetime);
  bank.discard = words.discard;
  bank.rename = words.rename;
  bank.back_ends = words.back_ends;
  TRY_ASSIGN(bank.think, parsed("--think", words.think, day, parse_duration));
  TRY_ASSIGN(bank.join_time,
             parsed("--join-time", words.join_time, "a time of up to a day, such as 8s, or 2s/1G",
                    parse_join_time));
  TRY_ASSIGN(bank.tus.max_size, parsed("--tus-max-size", words.tus_max_size,
                                       "a size, such as 50G or 53687091200", parse_byte_size));
  TRY_ASSIGN(bank.tus.part_min,
             parsed("--part-min", words.part_min, "a size, such as 5M", parse_byte_size));
  bank.tus.lazy = words.lazy_uploads;

  HttpServer::Options& server = options.server;
  server.log = words.verbose ? HttpServer::Log::requests
               : words.quiet ? HttpServer::Log::quiet
                             : HttpServer::Log::registrations;
  TRY_ASSIGN(server.protocols, parsed("--protocols", words.protocols,
                                      "one or more of phased,tus,binary", parse_protocols));
  TRY_ASSIGN(server.tus.extensions,
             parsed("--tus-extensions", words.tus_extensions,
                    "none, or one or more of creation,creation-with-upload,creation-defer-length,"
                    "termination,expiration,concatenation,checksum",
                    parse_tus_extensions));
  TRY_ASSIGN(const auto lifetime,
             parsed("--tus-expires", words.tus_expires,
                    "a time of up to 1000 days, such as 7d, 12h or 500ms", parse_lifetime));
  bank.tus.lifetime = server.tus.extensions.expiration ? lifetime : never;
  if (!is_location(words.location))
    return usage(
        fmt::format("--location: invalid value '{}'; give absolute, http, relative or an "
                    "http address",
                    words.location));
  server.tus.location = words.location;
  server.threads.count = words.threads;
  TRY_ASSIGN(server.threads.wait, parsed("--thread-wait", words.thread_wait, day, parse_duration));

  for (const std::string& text : words.datasets) TRY(add_dataset(text, bank));
  for (const std::string& text : words.faults) {
    TRY_ASSIGN(Fault fault, parse_fault(text));
    options.faults.push_back(std::move(fault));
  }
  return options;
}

}  // namespace sluice::databankd
