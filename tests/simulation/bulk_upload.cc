#include "tests/simulation/bulk_upload.h"

#include <algorithm>
#include <memory>
#include <stdexcept>

#include "io/random.h"
#include "tests/simulation/client.h"
#include "tests/simulation/counted_file.h"

namespace sluice::sim {
namespace {

using namespace std::chrono_literals;

/// Bytes in one round trip.
std::uint64_t in_flight_at_full_rate(const BulkUpload& bulk) {
  return static_cast<std::uint64_t>(bulk.payload_rate *
                                    std::chrono::duration<double>(bulk.round_trip).count());
}

/// As bench/link does.
std::uint64_t queue_of(const BulkUpload& bulk) {
  constexpr std::uint64_t least = 256 << 10;
  return bulk.queue.value_or(std::max(least, in_flight_at_full_rate(bulk)));
}

/// An eighth of what is in flight: finer than that changes no rate, and costs events.
std::uint64_t segment_of(const BulkUpload& bulk) {
  constexpr std::uint64_t least = 64 << 10;
  constexpr std::uint64_t most = 1 << 20;
  return std::clamp(std::min(in_flight_at_full_rate(bulk), bulk.send_buffer) / 8, least, most);
}

Network::Setting network_of(const BulkUpload& bulk) {
  Network::Setting network;
  network.link = {.rate = bulk.payload_rate,
                  .round_trip = bulk.round_trip,
                  .queue = queue_of(bulk),
                  .loss = bulk.loss};
  network.max_in_flight_bytes = bulk.send_buffer;
  network.thinks = bulk.thinks;
  network.registers = 50ms;
  network.tcp = TcpSender::Setting{.congestion = bulk.congestion, .segment = segment_of(bulk)};
  return network;
}

std::unique_ptr<Server> bulk_server(Bank& bank) {
  if (bank.generation == Bank::Generation::tus)
    return make_tus_server(
        bank, {.extensions = {"creation", "creation-with-upload", "termination", "concatenation"}});
  return make_phased_server(bank);
}

Client::Setting client_of(const BulkUpload& bulk, const Bank& bank, const Log& log) {
  Client::Setting client;
  client.options.workers = 1;
  client.options.log = log;
  client.request.base_url = "http://bank.sim";
  client.request.dataset = bank.dataset;
  client.request.token = Secret(bank.token);
  client.request.path = "/sim/scan.h5";
  client.request.name = "scan.h5";
  client.request.chunk_bytes = bulk.chunk_bytes.value_or(0);
  client.request.lookahead = bulk.lookahead;
  client.request.lanes = bulk.lanes;
  client.asks_first = true;
  client.transport.piece_bytes = std::size_t{1} << 20;
  client.transport.bbr = bulk.congestion == Congestion::bbr;
  client.transport.bodies = SimTransport::Bodies::counted;
  // Eight readers of 4 MiB blocks get 33 GB/s, more than any of the links.
  client.executor = {.read = 1ms, .write = 250us, .busy = 0};
  return client;
}

/// The time between bodies' bytes at the server.
class Pauses {
 public:
  explicit Pauses(Timeline& time) : time_(time) {}

  void begin() { last_ = time_.steady_now(); }
  void received(std::uint64_t bytes) {
    longest_ = std::max<Duration>(longest_, time_.steady_now() - last_);
    last_ = time_.steady_now();
    bytes_ += bytes;
  }
  double longest() const { return std::chrono::duration<double>(longest_).count(); }
  std::uint64_t bytes() const { return bytes_; }

 private:
  Timeline& time_;
  Clock::time_point last_{};
  Duration longest_{};
  std::uint64_t bytes_ = 0;
};

}  // namespace

BulkResult run_bulk_upload(const BulkUpload& bulk, const Log& log) {
  random_bits().seed(bulk.seed);
  Bank bank;
  bank.generation = bulk.generation;
  const auto server = bulk_server(bank);  // outlives the events, which hold requests of it
  Timeline time({.events = ~std::uint64_t{0}, .time = Duration::max()});
  const ScopedTimeSource clock(time);
  Trace trace(time, /*prints=*/false);
  Faults faults(Dice(bulk.seed), {});
  const Client::Setting setting = client_of(bulk, bank, log);
  CountedFile file(setting.request.path, bulk.size, setting.options.block_bytes);
  const ScopedFileSystem files(file);
  Pauses pauses(time);
  Network::Setting network_setting = network_of(bulk);
  network_setting.on_received = [&](std::uint64_t bytes) { pauses.received(bytes); };
  Network network(network_setting, time, trace, faults, bank, *server);
  SimTransport::Doubt doubt;
  Client client(setting,
                Client::Surroundings{.time = time,
                                     .trace = trace,
                                     .network = network,
                                     .faults = faults,
                                     .doubt = doubt,
                                     .may_commit = [] { return true; }},
                1, {});
  pauses.begin();
  if (!client.start()) throw std::runtime_error(client.error()->message);
  BulkResult result;
  bool cancelled = false;
  while (!client.over()) {
    if (!time.run_one()) throw std::runtime_error("nothing happens any more");
    constexpr std::uint64_t look_every = 64;
    if (time.ran() % look_every != 0) continue;
    result.most_buffers = std::max(result.most_buffers, client.buffers_out());
    if (!cancelled && time.ran() > bulk.most_events) {
      cancelled = true;
      client.cancel();
    }
  }
  result.report = client.finish();
  for (const Bank::Registered& one : bank.registered) result.registered += one.size;
  result.received = pauses.bytes();
  result.seconds = std::chrono::duration<double>(time.elapsed()).count();
  result.requests = client.counts().exchanges;
  result.connections = client.counts().connections;
  result.longest_pause = pauses.longest();
  result.events = time.ran();
  return result;
}

}  // namespace sluice::sim
