#include "tests/simulation/world_plan.h"

#include <algorithm>
#include <chrono>
#include <optional>

namespace sluice::sim {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t block = 4096;

std::uint64_t choose_size(Dice& dice) {
  switch (dice.below(8)) {
    case 0:
      return dice.below(3);
    case 1:
      return dice.below(block + 2);
    case 2:
      return dice.between(1, 8) * block;
    case 3:
      return dice.below(400'000);
    default:
      return dice.below(60'000);
  }
}

}  // namespace

WorldPlan::WorldPlan(std::uint64_t seed) : dice(seed) {
  bank.generation = dice.pick({Bank::Generation::phased, Bank::Generation::phased,
                               Bank::Generation::tus, Bank::Generation::binary});
  size = choose_size(dice);
  content_seed = dice.bits();

  weather.requests = dice.pick({0.0, 0.02, 0.1, 0.3});
  weather.moments = dice.pick({0.0, 0.0, 0.02, 0.1});
  weather.crashes = dice.pick({0.0, 0.0, 0.005, 0.03});
  weather.budget = static_cast<unsigned>(dice.below(9));
  weather.crash_budget = static_cast<unsigned>(dice.below(5));

  network.link.rate = dice.pick({2e4, 1e6, 1e7, 1e8});
  network.link.round_trip = std::chrono::microseconds(dice.pick({200, 5'000, 40'000, 200'000}));
  network.max_in_flight_bytes = dice.pick<std::uint64_t>({32 << 10, 256 << 10, 4 << 20});
  network.front_collects = dice.chance(0.15);
  if (dice.chance(0.1))
    network.body_patience = std::chrono::milliseconds(dice.between(300, 20'000));
  network.keeps_idle = dice.pick<Duration>({100ms, 5s, 75s});
  network.thinks = dice.pick<Duration>({0ms, 3ms, 100ms});
  network.registers = dice.pick<Duration>({0ms, 50ms, 4s});

  // Longer than the travel time of a piece, which is no pause.
  if (network.body_patience)
    *network.body_patience +=
        4 * network.link.round_trip +
        Duration(static_cast<std::int64_t>(131'072 / network.link.rate * 1e9));

  EngineOptions& options = client.options;
  options.block_bytes = block;
  options.pool_bytes = dice.between(2, 9) * block;
  options.workers = 1;
  UploadRequest& request = client.request;
  request.base_url = "http://bank.sim";
  request.dataset = bank.dataset;
  request.path = "/sim/scan.h5";
  request.name = dice.chance(0.15) ? "my scan.h5" : "scan.h5";
  bank.renames = dice.chance(0.5);
  request.server.token_taken = dice.chance(0.8);
  request.server.round_trip =
      dice.chance(0.7) ? std::optional(std::chrono::duration_cast<std::chrono::microseconds>(
                             network.link.round_trip))
                       : std::nullopt;
  // At most some tens of chunks, to keep the run short.
  if (dice.chance(0.85)) request.chunk_bytes = size / 40 + dice.between(1, 6 * block);
  if (dice.chance(0.7)) request.lookahead = static_cast<unsigned>(dice.below(4));
  if (dice.chance(0.1)) request.digests = {DigestKind::md5};
  client.asks_first = dice.chance(0.3);
  request.token_wait = dice.pick({0s, 60s});

  client.transport.piece_bytes = static_cast<std::size_t>(dice.pick({1500, 5000, 16384, 65536}));
  client.transport.kernel_tells = dice.chance(0.8);
  client.transport.bbr = dice.chance(0.3);
  client.executor.read = dice.pick<Duration>({20us, 500us, 10ms});
  client.executor.write = dice.pick<Duration>({200us, 3ms, 60ms});
  bank.moves = dice.chance(0.3);
  switch (bank.generation) {
    case Bank::Generation::phased:
      request.server.protocol = ProtocolKind::phased;
      break;
    case Bank::Generation::binary:
      request.server.protocol = ProtocolKind::binary;
      break;
    case Bank::Generation::tus:
      request.server.protocol = ProtocolKind::tus;
      tus.extensions = {"creation", "expiration"};
      for (const char* extension : {"termination", "creation-with-upload", "concatenation"})
        if (dice.chance(0.6)) tus.extensions.emplace_back(extension);
      if (dice.chance(0.25)) {
        tus.extensions.emplace_back("checksum");
        request.server.tus.algorithms = {"sha1"};
      }
      tus.sends_resumable = dice.chance(0.85);
      tus.keeps_broken = dice.chance(0.7);
      tus.relative_location = dice.chance(0.5);
      tus.lazy = dice.chance(0.15);
      request.server.tus.extensions = tus.extensions;
      request.server.tus.sends_resumable = tus.sends_resumable;
      const bool joins = std::find(tus.extensions.begin(), tus.extensions.end(), "concatenation") !=
                         tus.extensions.end();
      // A single part is cheap, and is joined like several parts.
      if (joins && dice.chance(0.3)) request.lanes = 1;
      if (dice.chance(0.01)) {
        // The minimum size of a part is 5 MiB.
        size = dice.between(10 << 20, 12 << 20);
        options.block_bytes = 256 << 10;
        options.pool_bytes = dice.between(8, 12) * options.block_bytes;
        network.link.rate = std::max(network.link.rate, 1e7);
        network.max_in_flight_bytes = 4 << 20;
        if (joins) request.lanes = static_cast<unsigned>(dice.below(4));
        client.transport.piece_bytes = 256 << 10;
      }
      break;
  }
  aim();
  lose();
  strain();
}

void WorldPlan::aim() {
  Dice own(content_seed ^ 0xA1A1);
  comes_again = own.chance(0.05);
  if (client.asks_first && own.chance(0.15))
    client.killed_in_question = Duration(own.below(static_cast<std::uint64_t>(
        (network.link.round_trip * 4 + network.thinks * 3 + 100ms).count())));
  if (!own.chance(0.16)) return;
  aimed_budget = static_cast<unsigned>(own.between(1, 6));
  client.executor.check = own.pick<Duration>({10us, 1ms, 30ms});
  const bool has_chunks = bank.generation != Bank::Generation::binary;
  if (has_chunks && own.chance(0.06)) {
    // Many faults, with progress between them.
    weather.requests = 0.3;
    weather.budget = 40;
    if (client.request.chunk_bytes > 0) client.request.chunk_bytes = size / 40 + 1;
  }
  if (has_chunks && own.chance(0.3)) {
    // Chunks larger than the pool and than the first window of a connection.
    client.options.pool_bytes = own.between(2, 3) * client.options.block_bytes;
    client.request.chunk_bytes = std::max<std::uint64_t>(size / 3, 1);
  }
  // Over tus, only such a server gets a file below 5 MiB in several chunks.
  const bool is_tus = bank.generation == Bank::Generation::tus;
  if (has_chunks && own.chance(is_tus ? 0.6 : 0.2))
    network.most_body = 3000 + size / own.between(2, 20);
  if ((!has_chunks || (is_tus && !client.request.lanes)) && own.chance(0.2))
    client.second_name = "second.h5";
}

void WorldPlan::lose() {
  Dice own(content_seed ^ 0xB1B1);
  const bool is_small = size >= 8000 && size <= 400'000;  // not hundred thousands of chunks
  if (bank.generation != Bank::Generation::tus || !is_small || !own.chance(0.04)) return;
  lossy_budget = static_cast<unsigned>(own.between(1, 3));
  // Only such a server gets a file below 5 MiB in several chunks.
  if (!network.most_body) network.most_body = 3000 + size / own.between(2, 20);
}

void WorldPlan::strain() {
  Dice own(content_seed ^ 0xC1C1);
  if (size > client.options.pool_bytes && own.chance(0.04))
    buffer_budget = static_cast<unsigned>(own.between(1, 2));
  cancels_in_doubt = own.chance(0.02);
  // The client asks every 20 s whether the server has finished, and must not wait that long after a
  // cancel.
  if (cancels_in_doubt && bank.generation == Bank::Generation::phased)
    client.options.register_wait = 10min;
  registers_again = own.chance(0.5);
}

}  // namespace sluice::sim
