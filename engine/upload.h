#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "engine/base/log.h"
#include "engine/http/network_options.h"
#include "engine/policy/retry.h"
#include "engine/protocol/inquiry.h"
#include "engine/protocol/server_profile.h"
#include "engine/upload/termination_request.h"
#include "engine/upload/upload_request.h"
#include "io/result.h"

/// Start here: the engine that uploads files into a Data Bank.
///
///     sluice::UploadRequest request{.base_url = "https://databank.illinois.edu",
///                                   .dataset = "IDB-1234567",
///                                   .token = sluice::Secret(token),
///                                   .path = "scan.h5",
///                                   .name = "scan.h5"};
///     auto engine = sluice::Engine::create({});
///     request.server = *(*engine)->ask_server({.base_url = request.base_url,
///                                              .dataset = request.dataset,
///                                              .token = request.token});
///     auto upload = (*engine)->start(request);
///     sluice::Report report = (*upload)->wait();
///
/// An upload that ends before its file is registered can be started again, also by another process.
/// With a state_dir it resumes at the server's offset: the journal there knows what was sent.
///
/// An Engine has one network thread or several, one pool of buffers and one set of checksum
/// workers, for all its uploads. What goes wrong with an upload is in its Report; what is wrong
/// with the request itself is start()'s error, before a byte is sent.
namespace sluice {

struct EngineOptions {
  std::size_t pool_bytes = std::size_t{64} << 20;  ///< all buffers together, at least 2 blocks
  std::size_t block_bytes = std::size_t{4}
                            << 20;  ///< a multiple of 4096, at least that, at most 1 GiB
  /// Threads that compute checksums, besides those that read and those that send; 0: as many as the
  /// cores that this process may use.
  unsigned workers = 0;
  /// Threads that send, most_network_threads at most; uploads and parts of files are spread over
  /// them. 0: one, and more where one would have too much to do (TLS costs a CPU second a GiB): at
  /// most a quarter of the cores, that is of `workers`, and 4. (engine/http/network_threads.h)
  unsigned network_threads = 0;
  /// How many uploads run at a time, at most, until Engine::set_uploads_at_a_time(): they divide
  /// the pool, and what each may need of it before it can send anything (a chunk that is
  /// checksummed first) is measured for that.
  unsigned uploads_at_a_time = 1;
  /// How many requests may be in flight to one server at first, over tus and binary, 256 at most;
  /// 0: 4, or as many as the server took when it was overloaded in the last week. Fewer where the
  /// server is overloaded or was in the last week, and more, twice as many each time, as long as
  /// none is (engine/policy/request_limit.h).
  unsigned requests_at_a_time = 0;
  std::uint64_t bytes_per_second = 0;  ///< limit over all uploads together; 0 for none
  /// How long no byte may move while there is something to send.
  std::chrono::seconds stall_timeout{60};
  /// How long the server may take to answer, once it has a whole request; 0: 150 s, and 10
  /// minutes to register or join. For a join, at least 30 s and a second more for each 200 MB of
  /// the file.
  std::chrono::seconds response_timeout{0};
  RetryPolicy retry;
  /// After a lost answer to the registration, or to a join of the file's parts: how long the server
  /// may still be at it, before it is asked again. Nothing: 30 s, and a second more for each 200 MB
  /// of the file.
  std::optional<std::chrono::seconds> register_wait;
  /// Where the journal and the locks are, made if missing (engine/journal/state_dir.h has the usual
  /// place); empty for none, and then an upload can only be tried again by this engine, not
  /// resumed.
  std::string state_dir;
  NetworkOptions network;
  bool journal = true;  ///< false: only the locks, so that nothing is resumed
  Log log;
};

inline constexpr unsigned most_network_threads = 16;

class Engine {
 public:
  /// Errors: usage for options out of range, and for a network.ca_file or ca_dir without
  /// certificates, or a network.proxy that is none; failed where memory or threads are not to be
  /// had.
  static Result<std::unique_ptr<Engine>> create(const EngineOptions& options);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// Finds out how to speak to a server (protocol section "Which one"), and whether it takes the
  /// token for the dataset: in one round trip, without side effects. What that base URL speaks is
  /// remembered for a day, in the journal; about the token and the dataset the server is asked once
  /// in the life of the engine. Where something in front of the server does not let that question
  /// through, a warning says so, and ServerProfile::token_taken is false. Without a dataset and a
  /// token, whether it speaks tus is all there is to find out.
  ///
  /// Errors: usage (key, address, token); token_refused, no_such_dataset; unreachable, after what
  /// the RetryPolicy allows for; failed where it speaks none of the protocols, or not the one it is
  /// to be taken for; interrupted. Any thread; waits for the server.
  Result<ServerProfile> ask_server(const Inquiry& inquiry);

  /// Deletes uploads that a tus server holds and nobody wants any more, for good, where it
  /// announces that it can (tus's termination extension). What is not there counts as deleted. The
  /// error: token_refused; unreachable, after what the RetryPolicy allows for; failed where it
  /// refuses; interrupted; usage for an address of another server. Any thread; waits for the
  /// server.
  Terminated terminate(const Termination& termination);

  /// Checks the request, opens the file and starts; goes on with an earlier, unfinished upload of
  /// that file if the journal has one. What an earlier run has registered, of that path, size and
  /// time and under that name, is not sent again (Report::registered_before). Errors: usage (key,
  /// name, token, address, lookahead; another upload into the dataset is unfinished, and would be
  /// lost), local_file (missing, unreadable, no regular file, too large, not what was being
  /// uploaded), failed (another process uploads into that dataset), interrupted. Any thread; may
  /// wait for the disk, and for the server as long as request.stop lets it.
  Result<std::unique_ptr<Upload>> start(const UploadRequest& request);

  /// So many uploads run at a time from now on, 1 or more: EngineOptions::uploads_at_a_time. Any
  /// thread.
  void set_uploads_at_a_time(unsigned uploads);

  /// How many requests at a time the server at that address is known to take, over tus and binary:
  /// nothing unless it was overloaded, since the first upload to it was started or in the last week
  /// before. More uploads would only wait for each other. `base_url`: as check_base_url() returns
  /// it. Any thread.
  std::optional<unsigned> request_limit(const std::string& base_url) const;

  struct Shared;

 private:
  explicit Engine(std::unique_ptr<Shared> shared);
  std::unique_ptr<Shared> shared_;
};

}  // namespace sluice
