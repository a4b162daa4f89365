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

/// What a program asks of an Engine for one file, and what it gets back to watch the upload by.
namespace sluice {

inline constexpr unsigned most_lookahead = 16;
inline constexpr unsigned most_lanes = 16;

struct UploadRequest {
  std::string base_url;  ///< passes check_base_url(); engine/http/base_url.h
  std::string dataset;   ///< the dataset's key
  Secret token;
  std::string path;  ///< the file
  std::string name;  ///< what it is called in the dataset
  /// How to speak to the server: what Engine::ask_server() found out, or was told to take.
  ServerProfile server;
  ReadMode read_mode = ReadMode::automatic;
  /// Payload of one request; 0: what is measured decides (engine/policy/chunk_sizer.h).
  std::uint64_t chunk_bytes = 0;
  /// How many chunks may be on their way while an earlier one is not confirmed yet, most_lookahead
  /// at most; nothing: what is measured decides.
  std::optional<unsigned> lookahead;
  /// How many parts of the file may travel side by side, each an upload of its own that the server
  /// joins at the end (tus's concatenation extension), most_lanes at most; nothing: what is
  /// measured decides. 0 is none, 1 is one.
  std::optional<unsigned> lanes;
  VerifyChunks verify_chunks = VerifyChunks::automatic;
  bool dry_run = false;  ///< ask whether the name is free, and end there with status `skipped`
  /// Send less at once where this server has refused as much as too large before.
  bool heed_chunk_limit = true;
  /// Forget what was sent of it before, at the server too, and send it anew.
  bool restart = false;
  /// Report::Again::whole: send it in one piece, and delete the parts that an earlier run has sent
  /// of it at the server, if it can.
  bool in_one_piece = false;
  /// Register what is there completely, although an earlier request to do so may have been carried
  /// out: somebody has looked.
  bool register_again = false;
  bool resume_only = false;  ///< an error if there is nothing to go on with
  /// Read again what an earlier run sent, while the upload goes on, and compare; also with a file
  /// of the same size whose inode and time are both others, which is refused without. Done anyway
  /// where either of them alone is another.
  bool verify_prefix = false;
  std::vector<DigestKind> digests;  ///< of the whole file, besides XXH128
  /// Compared before the file is registered: where one differs, the upload fails with `integrity`.
  /// Those of kinds that are not in `digests` are not compared.
  ExpectedDigests expected;
  /// Called when the server has refused the token: the token there is now, or nothing where none
  /// can be had. On a network thread, several at once where several parts or uploads ask; again
  /// every few seconds until token_wait is over.
  std::function<std::optional<Secret>()> renew_token;
  std::chrono::seconds token_wait{0};  ///< how long to wait for a token that works
  /// Called when the upload is over, on one of the engine's threads, or in start() where an earlier
  /// run has registered the file; before its report can be had without waiting. Must not wait
  /// itself.
  std::function<void()> on_over;
  /// Asked several times a second on the thread that calls start(), while that waits for the server
  /// (a large file's lanes need its round trip); true ends start() with `interrupted`. May be
  /// empty.
  std::function<bool()> stop;
  /// Where the token was read from, absolute; for the journal, so that a later run finds it. Empty
  /// for elsewhere.
  std::string token_file;
};

/// How far an upload is. Bytes only grow, but for `sent`, which goes back when a chunk is sent
/// again.
struct Progress {
  std::uint64_t total = 0;      ///< the file's size
  std::uint64_t sent = 0;       ///< handed to the network
  std::uint64_t committed = 0;  ///< confirmed by the server
  /// Handed to the network since start(), what was sent again as well: never goes back.
  std::uint64_t handed = 0;
  /// Where the time went since start(), as of a quarter of a second ago at most while a request is
  /// out, and as of the end of the last one otherwise.
  Stages stages = {};
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

}  // namespace sluice
