#include "tools/sluice/process/memory.h"

#include <fmt/format.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <new>

#include "engine/base/units.h"

namespace sluice::cli {
namespace {

constexpr std::size_t mib = std::size_t{1} << 20;
constexpr std::size_t reserve_bytes = 4 * mib;
/// curl, OpenSSL and SQLite need less than 100 KiB of stack, a oneTBB worker or a reader some KiB.
constexpr std::size_t small_stack_bytes = 512 * 1024;
/// Measured address space of sluice without the pool, with stacks of that size: threads, heaps, and
/// for each transfer the buffers of its connections and its readers.
constexpr std::size_t base_bytes = 24 * mib;
constexpr std::size_t transfer_bytes = 3 * mib;

std::atomic<char*> reserve = nullptr;
std::atomic<bool> ran_out = false;

/// The new-handler. operator new retries the allocation after it returns.
void on_no_memory() {
  ran_out = true;
  char* const memory = reserve.exchange(nullptr);
  if (memory == nullptr) throw std::bad_alloc();
  std::free(memory);
}

void write_error(const char* text) {
  if (::write(STDERR_FILENO, text, std::strlen(text)) < 0) return;
}

/// Prints the uncaught exception and ends the process. Must not allocate.
[[noreturn]] void on_terminate() {
  const std::exception_ptr current = std::current_exception();
  if (!current)
    std::abort();  // terminate() without an exception is a bug, for example a joinable
                   // thread was destroyed
  write_error("sluice: ");
  try {
    std::rethrow_exception(current);
  } catch (const std::bad_alloc&) {
    write_error(
        "out of memory: raise the limit (ulimit -v), or use a smaller --pool and fewer "
        "--transfers");
  } catch (const std::exception& error) {
    write_error("internal error: ");
    write_error(error.what());
  } catch (...) {
    std::abort();
  }
  write_error("; list unfinished uploads with: sluice status\n");
  ::_exit(1);
}

}  // namespace

void prepare_for_low_memory() {
  std::set_terminate(on_terminate);
  rlimit limit{};
  if (::getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
    ::mallopt(M_ARENA_MAX, 1);  // NOLINT(concurrency-mt-unsafe): no other thread has been started
    pthread_attr_t attributes;
    if (::pthread_attr_init(&attributes) == 0) {
      ::pthread_attr_setstacksize(&attributes, small_stack_bytes);
      ::pthread_setattr_default_np(&attributes);
      ::pthread_attr_destroy(&attributes);
    }
  }
  reserve = static_cast<char*>(std::malloc(reserve_bytes));
  std::set_new_handler(on_no_memory);
}

bool memory_ran_out() {
  return ran_out;
}

Error out_of_memory_error() {
  return Error{ErrorKind::failed,
               "out of memory: raise the limit (ulimit -v), or use a smaller --pool and fewer "
               "--transfers"};
}

AddressSpace address_space() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return {};
  AddressSpace space{.limit = static_cast<std::size_t>(limit.rlim_cur)};
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen("/proc/self/statm", "re"),
                                                             &std::fclose);
  std::size_t pages = 0;
  if (file && std::fscanf(file.get(), "%zu", &pages) == 1)
    space.used = pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return space;
}

Result<void> check_memory(const AddressSpace& space, std::size_t pool_bytes, unsigned transfers) {
  if (space.limit == 0) return {};
  const std::size_t left = space.limit > space.used ? space.limit - space.used : 0;
  const std::size_t others = base_bytes + transfers * transfer_bytes;
  if (left >= others && left - others >= pool_bytes) return {};
  std::string advice = "raise the limit";
  if (left >= others + 2 * mib)
    advice = fmt::format("use --pool {}M or less, or raise the limit", (left - others) / mib);
  else if (transfers > 1)
    advice = "use fewer --transfers and a smaller --pool, or raise the limit";
  return Error{
      ErrorKind::failed,
      fmt::format("not enough memory: the pool (--pool) needs {}, threads and connections need {}, "
                  "but the limit (ulimit -v) is {}, of which {} are in use; {}",
                  format_size(pool_bytes), format_size(others), format_size(space.limit),
                  format_size(space.used), advice)};
}

}  // namespace sluice::cli
