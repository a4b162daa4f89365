// bench_simulate: one upload of a large file in virtual time, as a line of JSON. bench/simulate
// runs it for each row of its table, and README.md says what it measures.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <exception>
#include <string>

#include "tests/simulation/bulk_upload.h"

namespace sluice::bench {
namespace {

struct Options {
  sim::BulkUpload bulk;
  double rate = 1e9;           ///< of the line, bits per second
  double round_trip_s = 0.05;  ///< seconds
  double think_s = 0;          ///< seconds
  std::string protocol = "phased";
  std::string congestion = "bbr";
  bool verbose = false;
};

/// Of a packet of 1500 bytes.
constexpr double payload_share = static_cast<double>(sim::packet_bytes) / 1500;

sim::Duration simulated(double seconds) {
  return std::chrono::duration_cast<sim::Duration>(std::chrono::duration<double>(seconds));
}

sim::BulkUpload bulk_of(const Options& options) {
  sim::BulkUpload bulk = options.bulk;
  bulk.payload_rate = options.rate / 8 * payload_share;
  bulk.round_trip = simulated(options.round_trip_s);
  bulk.thinks = simulated(options.think_s);
  bulk.generation =
      options.protocol == "tus" ? sim::Bank::Generation::tus : sim::Bank::Generation::phased;
  bulk.congestion = options.congestion == "cubic" ? sim::Congestion::cubic : sim::Congestion::bbr;
  return bulk;
}

std::string to_json_line(const sim::BulkUpload& bulk, const sim::BulkResult& result) {
  const Report& report = result.report;
  const double bytes = static_cast<double>(report.committed);
  return fmt::format(
      R"({{"status":"{}","error":"{}","registered":{},"received":{},"committed":{},)"
      R"("seconds":{:.6f},"rate":{:.1f},"payload_rate":{:.1f},"chunks":{},"requests":{},)"
      R"("connections":{},"lanes":{},"looked_ahead":{},"retries":{},"longest_pause_s":{:.6f},)"
      R"("most_buffers":{},"events":{}}})",
      to_string(report.status), report.error ? to_string(report.error->kind) : "",
      result.registered, result.received, report.committed, result.seconds, bytes / result.seconds,
      bulk.payload_rate, report.chunks, result.requests, result.connections, report.lanes,
      report.looked_ahead, report.retries, result.longest_pause, result.most_buffers,
      result.events);
}

void add_options(CLI::App& app, Options& options) {
  app.add_option("--size", options.bulk.size, "size of the file in bytes")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--rate", options.rate, "rate of the line in bits per second")
      ->capture_default_str()
      ->check(CLI::Range(1e3, 1e12));
  app.add_option("--rtt", options.round_trip_s, "round trip in seconds")
      ->capture_default_str()
      ->check(CLI::Range(1e-6, 10.0));
  app.add_option("--loss", options.bulk.loss, "share of the packets that are lost")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 0.9));
  app.add_option("--queue", options.bulk.queue,
                 "bytes that may wait in front of the line (one round trip, 256 KiB at least)");
  app.add_option("--buffer", options.bulk.send_buffer,
                 "bytes of the file that the send buffer of a connection holds")
      ->capture_default_str()
      ->check(CLI::Range(std::uint64_t{16384}, ~std::uint64_t{0} >> 1));
  app.add_option("--think", options.think_s, "seconds that the server takes for each request")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 3600.0));
  app.add_option("--protocol", options.protocol, "phased or tus")
      ->capture_default_str()
      ->check(CLI::IsMember({"phased", "tus"}));
  app.add_option("--congestion", options.congestion, "bbr or cubic")
      ->capture_default_str()
      ->check(CLI::IsMember({"bbr", "cubic"}));
  app.add_option("--chunk", options.bulk.chunk_bytes, "sluice put --chunk, in bytes (chosen)");
  app.add_option("--lookahead", options.bulk.lookahead, "sluice put --lookahead (chosen)");
  app.add_option("--lanes", options.bulk.lanes, "sluice put --lanes (chosen)");
  app.add_option("--seed", options.bulk.seed, "seed of all random numbers")->capture_default_str();
  app.add_option("--events", options.bulk.most_events,
                 "stop after so many events; the rate is that of the bytes so far")
      ->capture_default_str();
  app.add_flag("--verbose", options.verbose, "print the engine's messages to stderr");
}

int run(int argc, char** argv) {
  Options options;
  CLI::App app("Uploads one large file in virtual time. Prints one line of JSON.");
  add_options(app, options);
  CLI11_PARSE(app, argc, argv);
  const sim::BulkUpload bulk = bulk_of(options);
  Log log;
  if (options.verbose)
    log = [](LogLevel, const std::string& text) { fmt::print(stderr, "{}\n", text); };
  try {
    const sim::BulkResult result = sim::run_bulk_upload(bulk, log);
    fmt::print("{}\n", to_json_line(bulk, result));
    const bool is_whole =
        result.report.status == Report::Status::registered && result.registered == bulk.size;
    // A run that was stopped by --events has a rate as well.
    return is_whole || result.events > bulk.most_events ? 0 : 1;
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_simulate: {}\n", error.what());
    return 1;
  }
}

}  // namespace
}  // namespace sluice::bench

int main(int argc, char** argv) {
  return sluice::bench::run(argc, argv);
}
