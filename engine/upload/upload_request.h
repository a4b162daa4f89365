#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/secret.h"
#include "engine/digest/digest_kind.h"
#include "engine/policy/verify_chunks.h"
#include "engine/protocol/server_profile.h"
#include "engine/report/expected_digests.h"
#include "engine/report/report.h"
#include "io/result.h"
#include "io/source.h"

/// The request for one upload, its progress, and the handle of a running upload.
namespace sluice {

inline constexpr unsigned most_lookahead = 16;
inline constexpr unsigned most_lanes = 16;

/// The arguments of Engine::start(): one file and how to upload it.
struct UploadRequest {
  std::string base_url;  ///< passes check_base_url(); engine/http/base_url.h
  std::string dataset;   ///< the dataset's key
  Secret token;
  std::string path;  ///< of the file
  std::string name;  ///< the file's name in the dataset
  /// The profile of the server, as Engine::ask_server() returned it.
  ServerProfile server;
  ReadMode read_mode = ReadMode::automatic;
  /// Chunk length in bytes; 0: chosen by measurement (engine/policy/chunk_sizer.h).
  std::uint64_t chunk_bytes = 0;
  /// Maximum number of chunks pipelined behind an unconfirmed one, at most most_lookahead. Empty:
  /// chosen by measurement.
  std::optional<unsigned> lookahead;
  /// Maximum number of parallel parts of the file, each a separate upload that the server joins at
  /// the end (tus's concatenation extension), at most most_lanes. Empty: chosen by measurement. 0:
  /// the file goes in one piece. 1: parts, one at a time.
  std::optional<unsigned> lanes;
  VerifyChunks verify_chunks = VerifyChunks::automatic;
  bool dry_run = false;  ///< only ask whether the name is free, and end with status `skipped`
  /// Limit the chunk length to what this server accepted after an earlier 413.
  bool heed_chunk_limit = true;
  /// Restart from the beginning: discard the bytes of earlier runs, also at the server.
  bool restart = false;
  /// Send the file in one piece, and delete the parts of an earlier run at the server, if the
  /// server supports it. For Report::Again::whole.
  bool in_one_piece = false;
  /// Register the complete upload although an earlier request may have registered it: the user has
  /// checked that the file is not registered.
  bool register_again = false;
  bool resume_only = false;  ///< error usage if no unfinished upload exists
  /// Read again the bytes that an earlier run sent, in parallel to the upload, and compare them.
  /// Also accepts a file of the same size whose inode and modification time both changed, which is
  /// an error otherwise. If only one of them changed, the bytes are always compared.
  bool verify_prefix = false;
  std::vector<DigestKind> digests;  ///< of the whole file, in addition to XXH128
  /// Digests that are compared before the file is registered; if one differs, the upload fails with
  /// `integrity`. Kinds that are not in `digests` are not compared.
  ExpectedDigests expected;
  /// Called after the server refused the token. Returns the current token; nullopt if there is
  /// none. Runs on a network thread, concurrently for several parts or uploads, and again every 2 s
  /// until token_wait has passed.
  std::function<std::optional<Secret>()> renew_token;
  std::chrono::seconds token_wait{0};  ///< how long to wait for a new token
  /// Called when the upload has ended, before wait() returns without blocking. Runs on one of the
  /// engine's threads, or in start() if an earlier run has registered the file. Must not block.
  std::function<void()> on_over;
  /// Called several times a second on the thread that calls start(), while start() waits for the
  /// server (to measure the round trip for the parts of a large file). Returning true ends start()
  /// with `interrupted`. May be empty.
  std::function<bool()> stop;
  /// Absolute path of the file that the token was read from, for the journal: a later run reads the
  /// token there. Empty: not from a file.
  std::string token_file;
};

/// The progress of an upload. Byte counts never decrease, except `sent`, which decreases when a
/// chunk is sent again.
struct Progress {
  std::uint64_t total = 0;      ///< the file's size
  std::uint64_t sent = 0;       ///< bytes of the file handed to the network
  std::uint64_t committed = 0;  ///< confirmed by the server
  /// Bytes handed to the network since start(), including bytes sent again.
  std::uint64_t transmitted = 0;
  /// Stage times since start(): at most 250 ms old while a request is in flight, otherwise as of
  /// the end of the last request.
  Stages stages = {};
};

/// The handle of one upload. Every member may be called from any thread. The destructor cancels a
/// running upload and blocks until its end. Must be destroyed before the engine.
class Upload {
 public:
  virtual ~Upload() = default;
  virtual Progress progress() const = 0;
  /// Cancels the upload; it ends soon, with status `interrupted`. No effect after the end.
  virtual void cancel() = 0;
  /// Blocks until the upload has ended or the deadline has passed. Returns whether the upload has
  /// ended.
  virtual bool wait_until(std::chrono::steady_clock::time_point deadline) = 0;
  /// Blocks until the upload has ended, and returns its report.
  virtual Report wait() = 0;
};

}  // namespace sluice
