#include "tools/sluice/process/granted.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <thread>

#include "engine/base/units.h"
#include "engine/http/http_proxy.h"

namespace sluice::cli {
namespace {

/// Returns a number other than 0: Slurm writes 0 if all of a resource was granted.
std::optional<std::uint64_t> granted_number(const std::optional<std::string>& text) {
  std::uint64_t number = 0;
  if (!text) return {};
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error != std::errc() || end != text->data() + text->size() || number == 0) return {};
  return number;
}

}  // namespace

Granted granted_by_slurm(
    const std::function<std::optional<std::string>(const char* name)>& variable) {
  if (!variable("SLURM_JOB_ID")) return {};
  const auto on_node = granted_number(variable("SLURM_CPUS_ON_NODE"));
  // Set only with --cpus-per-task; without it, a batch script has all of the job's cores on the
  // node.
  auto cores = granted_number(variable("SLURM_CPUS_PER_TASK"));
  if (!cores) cores = on_node;
  Granted granted;
  if (cores) granted.cores = static_cast<unsigned>(std::min<std::uint64_t>(*cores, 4096));
  auto mebibytes = granted_number(variable("SLURM_MEM_PER_NODE"));
  if (const auto per_cpu = granted_number(variable("SLURM_MEM_PER_CPU")); !mebibytes && per_cpu)
    mebibytes = *per_cpu * on_node.value_or(cores.value_or(1));
  constexpr std::uint64_t most = std::uint64_t{1} << 40;
  if (mebibytes) granted.memory = static_cast<std::size_t>(std::min(*mebibytes, most)) << 20;
  return granted;
}

Granted granted_by_slurm() {
  return granted_by_slurm(from_environment);
}

unsigned usable_cores() {
  const unsigned available = std::max(1U, std::thread::hardware_concurrency());
  return std::min(available, granted_by_slurm().cores.value_or(available));
}

std::size_t pool_within(const Granted& granted, std::size_t asked, std::size_t block_bytes) {
  if (!granted.memory) return asked;
  return std::min(asked, std::max(*granted.memory / 2, 2 * block_bytes));
}

std::string describe(const Granted& granted, std::size_t asked_pool, std::size_t pool) {
  if (!granted.cores && !granted.memory) return {};
  std::string text = "granted by Slurm: ";
  if (granted.cores)
    text += fmt::format("{} {}", *granted.cores, *granted.cores == 1 ? "core" : "cores");
  if (granted.memory)
    text += fmt::format("{}{} of memory", granted.cores ? ", " : "", format_size(*granted.memory));
  text += fmt::format("; a pool of {}", format_size(pool));
  if (pool < asked_pool) text += fmt::format(" instead of {}", format_size(asked_pool));
  if (granted.cores) text += fmt::format(", {} checksum workers at most", *granted.cores);
  return text;
}

}  // namespace sluice::cli
