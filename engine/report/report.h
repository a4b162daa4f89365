#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "engine/report/receipt.h"
#include "io/result.h"

/// The report of a finished upload.
namespace sluice {

/// The stage that limits the throughput of an upload.
enum class Bottleneck { disk, checksum, journal, network, server };
/// Returns the name in the JSON report, such as "disk".
const char* to_string(Bottleneck bottleneck);

/// The seconds of one stage. `busy_s`: the stage was working. `wait_s`: the stage waited for
/// another stage.
struct StageTimes {
  double busy_s = 0;
  double wait_s = 0;
};

/// The times of all stages. Stages overlap, so the sum of their busy times may exceed the duration
/// of the upload.
struct Stages {
  StageTimes read;      ///< busy: at least one read running; wait: no free buffer, or all is read
  StageTimes checksum;  ///< busy: at least one block being hashed; wait: no block to hash
  StageTimes send;      ///< busy: bytes being sent; wait: no block ready to send
  StageTimes server;    ///< busy: the request is sent and the response pending; wait: otherwise
  double wait_for_read_s = 0;      ///< part of send.wait_s: the next block was still being read
  double wait_for_checksum_s = 0;  ///< part of send.wait_s: the next block was still being hashed
  /// Part of send.wait_s: the journal was still writing a checksum or the state.
  double wait_for_journal_s = 0;
};

/// Adds the times of `stages` to `sum`.
Stages& operator+=(Stages& sum, const Stages& stages);

/// Returns the bottleneck, by the first of these rules that applies:
/// - journal: the network side waited for the journal longer than for blocks, and longer than
///   either the send stage or the server was busy.
/// - checksum: the network side waited for checksums longer than for reads, and either waited for
///   blocks longer than the checksum stage was idle, or waited for checksums longer than either the
///   send stage or the server was busy.
/// - disk: the network side waited for reads longer than for checksums, and waited for blocks
///   longer than the readers waited (for a free buffer, or for the end after the last read).
/// - otherwise network or server, whichever was busy longer.
Bottleneck find_bottleneck(const Stages& stages);

/// How an upload ended, how fast it was, and where the time went.
struct Report {
  enum class Status {
    registered,
    failed,
    interrupted,
    skipped,
    unconfirmed,  ///< the server has all bytes, but the registration is not confirmed
  };

  std::string dataset;  ///< the dataset's key
  std::string file;     ///< the path as given by the user
  std::string name;     ///< the requested name in the dataset
  /// The name under which the server stored the file, if it differs from `name`; empty otherwise.
  std::string registered_as;
  std::uint64_t bytes = 0;      ///< the file's size
  std::uint64_t committed = 0;  ///< bytes acknowledged by the server
  Status status = Status::skipped;
  std::string protocol;
  double seconds = 0;        ///< from the first request to the last response
  std::string xxh128;        ///< of the whole file; empty unless registered
  std::string md5;           ///< of the whole file; empty unless registered and requested
  std::string sha256;        ///< as `md5`
  std::uint64_t chunks = 0;  ///< chunks acknowledged by the server
  std::uint64_t retries = 0;
  std::uint64_t resumed_from = 0;  ///< the offset at which this run resumed
  std::uint64_t rate_limit = 0;    ///< bytes per second, from EngineOptions; 0: no limit
  unsigned lanes = 0;              ///< parallel parts of the file; 0: the file was sent as a whole
  bool looked_ahead = false;  ///< chunks were pipelined: sent before the response to the one before
  /// Whether the same upload, when started again, resumes from `committed`.
  bool resumable = false;
  /// What the same upload, when started again, does to correct the cause of the failure. The failed
  /// upload registered nothing.
  enum class Again {
    nothing,
    what_is_missing,  ///< sends the bytes that the server lost or has not joined
    whole,            ///< with UploadRequest::in_one_piece: sends the whole file, not in parts
  };
  Again again = Again::nothing;
  /// The time at which an earlier run registered the file, in the format of utc_time(); empty
  /// otherwise. If set, this run sent nothing, and the digests and the receipt come from the
  /// journal.
  std::string registered_before;
  /// Set if registered, except if `registered_before` is set and the journal has no receipt.
  std::optional<Receipt> receipt;
  Stages stages;
  std::optional<Error> error;  ///< set if the upload failed or was interrupted

  /// Returns the bytes acknowledged in this run, per second of the whole duration; 0 for a duration
  /// of 0.
  double bytes_per_second() const;
  /// Returns the name in the dataset, as far as the server has reported it.
  const std::string& stored_name() const { return registered_as.empty() ? name : registered_as; }
  Bottleneck bottleneck() const { return find_bottleneck(stages); }
};
/// Returns the name in the JSON report, such as "registered".
const char* to_string(Report::Status status);

/// Returns {"kind", "message"} as compact JSON text.
std::string to_json(const Error& error);

/// Returns one object of the JSON report's "uploads" (sluice-json(5)), as compact JSON text.
std::string to_json(const Report& report);

}  // namespace sluice
