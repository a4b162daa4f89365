#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

/// The resources that the scheduler granted to the job of this process.
namespace sluice::cli {

struct Granted {
  std::optional<unsigned> cores;      ///< at least 1; nullopt: all cores
  std::optional<std::size_t> memory;  ///< bytes on this node; nullopt: no known limit
};

/// Returns the resources granted by Slurm (sbatch(1), OUTPUT ENVIRONMENT VARIABLES); nullopt
/// outside a job. `variable`: replaces getenv(). Pure.
Granted granted_by_slurm(
    const std::function<std::optional<std::string>(const char* name)>& variable);

/// Returns the resources from this process's environment, which no other thread may change
/// meanwhile.
Granted granted_by_slurm();

/// Returns the number of cores that this process can use: those allowed by the kernel, or fewer if
/// the scheduler granted fewer. At least 1.
unsigned usable_cores();

/// Returns the size of the pool: `asked` bytes, but at most half of the granted memory, because
/// threads, connections and libraries need the rest; at least two blocks. Pure.
std::size_t pool_within(const Granted& granted, std::size_t asked, std::size_t block_bytes);

/// Returns "granted by Slurm: 2 cores, 4.00 GiB of memory; ..."; empty if nothing was granted.
/// Pure.
std::string describe(const Granted& granted, std::size_t asked_pool, std::size_t pool);

}  // namespace sluice::cli
