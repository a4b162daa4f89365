#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "engine/report/receipt.h"
#include "io/result.h"

/// What is told of an upload once it is over.
namespace sluice {

/// The stage that the others waited for.
enum class Bottleneck { disk, checksum, journal, network, server };
const char* to_string(Bottleneck bottleneck);

/// Seconds of one stage: `busy_s`, it had work in hand; `wait_s`, it waited for another stage.
struct StageTimes {
  double busy_s = 0;
  double wait_s = 0;
};

/// Where the time went. Stages overlap, so the busy times of all may add up to more than the whole.
struct Stages {
  StageTimes read;      ///< busy: at least one read going on; wait: no free buffer, or all is read
  StageTimes checksum;  ///< busy: at least one block being hashed; wait: none there
  StageTimes send;      ///< busy: bytes going out; wait: no block ready to go out
  StageTimes server;    ///< busy: the answer awaited, the request being out; wait: the rest
  double wait_for_read_s = 0;      ///< of send's wait: the next block was still being read
  double wait_for_checksum_s = 0;  ///< of send's wait: the next block was still being hashed
  double wait_for_journal_s = 0;   ///< of send's wait: a checksum or the state was still being
                                   ///< written to the journal
};

Stages& operator+=(Stages& sum, const Stages& stages);

/// The journal, if the network side waited for it longer than for blocks, and longer than anything
/// behind it took. The checksums, if the network side waited for them longer than for the disk, and
/// longer than they were idle or anything behind them took. The disk, if the network side waited
/// for blocks longer than the readers waited for it (for a free buffer, or for the end once all was
/// read). Else the network or the server, whichever took longer.
Bottleneck find_bottleneck(const Stages& stages);

struct Report {
  enum class Status {
    registered,
    failed,
    interrupted,
    skipped,
    unconfirmed,  ///< all bytes are there, but whether they are registered is not known
  };

  std::string dataset;
  std::string file;  ///< the path as it was given
  std::string name;  ///< the name in the dataset that was asked for
  /// The name in the dataset, where the server has stored the file under another one; empty
  /// otherwise.
  std::string registered_as;
  std::uint64_t bytes = 0;      ///< the file's size
  std::uint64_t committed = 0;  ///< bytes that the server has confirmed
  Status status = Status::skipped;
  std::string protocol;
  double seconds = 0;  ///< from the first request to the last answer
  std::string xxh128;  ///< of the whole file; empty unless registered
  std::string md5;     ///< the same, and empty unless asked for
  std::string sha256;
  std::uint64_t chunks = 0;  ///< that the server has confirmed
  std::uint64_t retries = 0;
  std::uint64_t resumed_from = 0;  ///< offset
  std::uint64_t rate_limit = 0;    ///< bytes a second, of EngineOptions; 0: none
  unsigned lanes = 0;         ///< parts of the file that travelled side by side; 0: it went whole
  bool looked_ahead = false;  ///< chunks travelled ahead of the one that was answered
  /// Whether the same upload started again goes on from `committed`.
  bool resumable = false;
  /// What the same upload, started again, does about why it failed; nothing is registered.
  enum class Again {
    nothing,
    what_is_missing,  ///< sends what the server has lost, or has not joined
    whole,            ///< with UploadRequest::in_one_piece: sends all of it, and not in parts
  };
  Again again = Again::nothing;
  /// When an earlier run had it registered, as utc_time() writes it; then nothing was sent now, and
  /// digests and receipt are the journal's. Empty otherwise.
  std::string registered_before;
  /// Set if registered; not where registered_before is set and the journal has none.
  std::optional<Receipt> receipt;
  Stages stages;
  std::optional<Error> error;  ///< set if it failed or was interrupted

  /// Bytes confirmed in this run, a second, over the whole time.
  double bytes_per_second() const;
  /// The name in the dataset, as far as the server has told it.
  const std::string& stored_name() const { return registered_as.empty() ? name : registered_as; }
  Bottleneck bottleneck() const { return find_bottleneck(stages); }
};
const char* to_string(Report::Status status);

/// {"kind", "message"}, as compact JSON text.
std::string to_json(const Error& error);

/// One object of the JSON report's "uploads" (sluice-json(5)), as compact JSON text.
std::string to_json(const Report& report);

}  // namespace sluice
