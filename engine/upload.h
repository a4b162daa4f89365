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
/// An upload that ends before its file is registered can be started again, also by another process.
/// With a state_dir it resumes at the server's offset: the journal there knows what was sent.
///
/// An Engine has one network thread or several, one pool of buffers and one set of checksum
/// workers, for all its uploads. What goes wrong with an upload is in its Report; what is wrong
/// with the request itself is start()'s error, before a byte is sent.
namespace sluice {

class EngineResources;

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

 private:
  explicit Engine(std::unique_ptr<EngineResources> resources);
  const std::unique_ptr<EngineResources> resources_;
};

}  // namespace sluice
