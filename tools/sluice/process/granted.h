#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

/// What the scheduler granted to the job in which this process runs.
namespace sluice::cli {

struct Granted {
  std::optional<unsigned> cores;      ///< at least 1; nothing: as many as there are
  std::optional<std::size_t> memory;  ///< bytes on this node; nothing: no limit is known
};

/// What Slurm granted (sbatch(1), OUTPUT ENVIRONMENT VARIABLES); nothing outside of a job.
/// `variable`: getenv() as a function. Pure.
Granted granted_by_slurm(
    const std::function<std::optional<std::string>(const char* name)>& variable);

/// The same, from the environment. Not while another thread changes it.
Granted granted_by_slurm();

/// How many threads can compute at a time: the cores that the kernel lets this process use, or
/// fewer if the scheduler granted fewer. At least 1.
unsigned usable_cores();

/// The pool of `asked` bytes, or what fits into the granted memory: half of it, as threads,
/// connections and libraries need the rest, but two blocks at least. Pure.
std::size_t pool_within(const Granted& granted, std::size_t asked, std::size_t block_bytes);

/// "granted by Slurm: 2 cores, 4.00 GiB of memory; ..."; empty where nothing is known. Pure.
std::string describe(const Granted& granted, std::size_t asked_pool, std::size_t pool);

}  // namespace sluice::cli
