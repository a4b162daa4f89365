#pragma once

#include <memory>
#include <optional>
#include <string>

#include "engine/protocol/inquiry.h"
#include "engine/protocol/server_profile.h"
#include "engine/upload/engine_options.h"
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
/// An upload that ended before its file was registered can be started again, also by another
/// process. With a state_dir, the upload resumes at the server's offset: the journal in that
/// directory records what was sent.
///
/// An Engine has one or more network threads, one pool of buffers and one set of checksum workers
/// for all its uploads. Errors of an upload are in its Report. Errors of the request itself are
/// returned by start(), before any byte is sent.
namespace sluice {

class EngineResources;

/// An engine that uploads files. Outlives its uploads.
class Engine {
 public:
  /// Creates an engine and starts its threads. Errors: usage for options out of range, for a
  /// network.ca_file or ca_dir without certificates, or for an invalid network.proxy; failed if
  /// memory or threads cannot be allocated.
  static Result<std::unique_ptr<Engine>> create(const EngineOptions& options);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// Detects the protocol of a server (protocol section "Which one"), and checks that the server
  /// accepts the token for the dataset. Takes one round trip and has no side effects.
  ///
  /// The protocol of a base URL is cached in the journal for a day. Once the server has accepted
  /// a token for a dataset, the engine does not check that pair again. If a reverse proxy rejects
  /// that check, a warning is logged and ServerProfile::token_taken is false. Without a dataset and
  /// a token, the result says only whether the server speaks tus.
  ///
  /// Errors: usage (key, address, token); token_refused; no_such_dataset; unreachable, after the
  /// retries of the RetryPolicy; failed if the server speaks none of the protocols, or not the
  /// requested one; interrupted. Any thread. Blocks until the server has answered.
  Result<ServerProfile> ask_server(const Inquiry& inquiry);

  /// Permanently deletes unfinished uploads at a tus server, if the server announces tus's
  /// termination extension. An upload that the server does not find counts as deleted.
  ///
  /// Errors, in the result: token_refused; unreachable, after the retries of the RetryPolicy;
  /// failed if the server refuses; interrupted; usage for an address of another server. Any thread.
  /// Blocks until the server has answered.
  Terminated terminate(const Termination& termination);

  /// Checks the request, opens the file and starts the upload. Resumes an earlier, unfinished
  /// upload of that file if the journal has one. A file that an earlier run registered with the
  /// same path, size, time and name is not sent again (Report::registered_before).
  ///
  /// Errors: usage (key, name, token, address, lookahead; another upload into the dataset is
  /// unfinished and would be lost), local_file (missing, unreadable, not a regular file, too large,
  /// not the file that was being uploaded), failed (another process uploads into that dataset),
  /// interrupted. Any thread. May block on the disk, and on the server until request.stop returns
  /// true.
  Result<std::unique_ptr<Upload>> start(const UploadRequest& request);

  /// Changes EngineOptions::uploads_at_a_time to `uploads`, at least 1. Any thread.
  void set_uploads_at_a_time(unsigned uploads);

  /// Returns how many concurrent requests the server at `base_url` is known to handle over tus and
  /// binary. Returns nullopt unless the server was overloaded after the first upload to it was
  /// started, or in the week before that. More concurrent uploads would only wait for each other.
  /// `base_url`: as check_base_url() returns it. Any thread.
  std::optional<unsigned> request_limit(const std::string& base_url) const;

 private:
  explicit Engine(std::unique_ptr<EngineResources> resources);
  const std::unique_ptr<EngineResources> resources_;
};

}  // namespace sluice
