#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "engine/report.h"
#include "engine/secret.h"
#include "io/result.h"
#include "io/source.h"

/// Start here: the engine that uploads files into a Data Bank.
///
///     auto engine = sluice::Engine::create({});
///     auto upload = (*engine)->start({.base_url = "https://databank.illinois.edu",
///                                     .dataset = "IDB-1234567",
///                                     .token = sluice::Secret(token),
///                                     .path = "scan.h5",
///                                     .name = "scan.h5"});
///     sluice::Report report = (*upload)->wait();
///
/// An Engine has one network thread, one pool of buffers and one set of checksum workers, for all
/// its uploads. What goes wrong with an upload is in its Report; what is wrong with the request
/// itself is start()'s error, before a byte is sent.
namespace sluice {

enum class LogLevel { info, warning };

struct EngineOptions {
  std::size_t pool_bytes = std::size_t{64} << 20;  ///< all buffers together, at least 2 blocks
  std::size_t block_bytes = std::size_t{4}
                            << 20;     ///< a multiple of 4096, at least that, at most 1 GiB
  std::uint64_t bytes_per_second = 0;  ///< limit over all uploads together; 0 for none
  /// How long no byte may move while there is something to send.
  std::chrono::seconds stall_timeout{60};
  /// How long the server may take to answer, once it has a whole request; 0: 2 minutes, and 10 to
  /// register.
  std::chrono::seconds response_timeout{0};
  /// What is worth knowing but no error, one sentence at a time. Called from any thread, several at
  /// once. Never holds the token.
  std::function<void(LogLevel, const std::string&)> log;
};

struct UploadRequest {
  std::string base_url;  ///< passes check_base_url(); engine/base_url.h
  std::string dataset;   ///< the dataset's key
  Secret token;
  std::string path;  ///< the file
  std::string name;  ///< what it is called in the dataset
  ReadMode read_mode = ReadMode::automatic;
  std::uint64_t chunk_bytes = std::uint64_t{64} << 20;  ///< payload of one request, at least 1
  bool dry_run = false;  ///< ask whether the name is free, and end there with status `skipped`
};

/// How far an upload is. Bytes only grow, but for `sent`, which goes back when a chunk is sent
/// again.
struct Progress {
  std::uint64_t total = 0;      ///< the file's size
  std::uint64_t sent = 0;       ///< handed to the network
  std::uint64_t committed = 0;  ///< confirmed by the server
};

/// One upload. Every member may be called from any thread. The destructor cancels what is not over
/// and waits for it; uploads must go before their engine.
class Upload {
 public:
  virtual ~Upload() = default;
  virtual Progress progress() const = 0;
  /// Ends it soon, with status `interrupted`; no effect on one that is over.
  virtual void cancel() = 0;
  /// Whether it was over by then.
  virtual bool wait_until(std::chrono::steady_clock::time_point deadline) = 0;
  /// Waits for the end.
  virtual Report wait() = 0;
};

class Engine {
 public:
  /// Errors: usage for options out of range; failed where memory or threads are not to be had.
  static Result<std::unique_ptr<Engine>> create(const EngineOptions& options);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// Checks the request, opens the file and starts. Errors: usage (key, name, token, address, chunk
  /// size), local_file (missing, unreadable, no regular file, too large). Any thread.
  Result<std::unique_ptr<Upload>> start(const UploadRequest& request);

  struct Shared;

 private:
  explicit Engine(std::unique_ptr<Shared> shared);
  std::unique_ptr<Shared> shared_;
};

}  // namespace sluice
