#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "io/result.h"
#include "io/sync.h"
#include "tools/databankd/store/dataset.h"
#include "tools/databankd/store/digest.h"
#include "tools/databankd/store/tus_checksum.h"

namespace sluice::databankd {

class TusAppend;

/// What a client may know of an upload.
struct TusUpload {
  std::string id;
  std::optional<std::uint64_t> length;  ///< bytes; empty while it is deferred
  std::uint64_t offset = 0;             ///< bytes that count
  std::string metadata;                 ///< Upload-Metadata as it came
  std::string concat;                   ///< Upload-Concat as it came; empty for a plain upload
  std::chrono::system_clock::time_point expires;
};

/// The uploads under /files, each with its bytes in DIRECTORY/ID and what else is known of it in
/// DIRECTORY/ID.info. An upload expires so long after the last change of its bytes. A discarding
/// store keeps counts and digests only, in memory.
///
/// Errors have the HTTP status as their code: 404 for an upload that is unknown, 410 for one that
/// has expired, 423 for one that another request is in, 500 from the disk.
/// Thread safe.
class TusStore {
 public:
  struct Options {
    std::filesystem::path directory;
    bool discard = false;
    std::chrono::microseconds lifetime = std::chrono::hours(24 * 7);
    /// The least part, of which S3 takes 10000: what a PATCH brings in less than a part is thrown
    /// away, unless it reaches the end of the upload, and a join with a part under it that is not
    /// the last one is refused. 0: anything counts.
    std::uint64_t part_min = 0;
    std::uint64_t max_size = 2199023255552;  ///< bytes
    bool lazy = false;  ///< an upload has no file before its first PATCH, and no file, no deposit
    /// Called with its bytes before a join is carried out, on its thread: takes the time it takes.
    std::function<void(std::uint64_t)> before_join{};
  };

  /// Finds what earlier runs left. Error for a directory that cannot be used.
  static Result<std::unique_ptr<TusStore>> open(const Options& options);

  /// `upload` without its id, offset and time.
  Result<TusUpload> create(TusUpload upload);

  Result<TusUpload> find(const std::string& id);

  /// The one request that may append, until it is destroyed. `length`: of a deferred upload.
  /// Errors: 400 for another length than it has, 403 for a joined upload, 409 where it is not at
  /// `offset`.
  Result<std::unique_ptr<TusAppend>> append(const std::string& id, std::uint64_t offset,
                                            std::optional<std::uint64_t> length,
                                            std::optional<TusChecksum> checksum);

  /// Puts the partial uploads together in that order, as an upload that is complete; they are gone
  /// then. 400 where one is missing, unfinished or not partial, 500 where one that is not the last
  /// is under Options::part_min. `final`: metadata and concat.
  Result<TusUpload> join(const std::vector<std::string>& ids, TusUpload final);

  Result<void> remove(const std::string& id);

  /// As if its time had come: 410 from now on.
  void expire(const std::string& id);
  /// As if it had never been: 404 from now on.
  void forget(const std::string& id);

  /// The most that an upload can have: bytes.
  std::uint64_t max_size() const { return options_.max_size; }

  /// Makes what is there of the upload a file of the dataset, whatever its length. The upload
  /// stays. 400 for one that is not there, or has no file yet.
  Result<Registration> enlist(const std::string& id, Dataset& dataset, const std::string& name);

 private:
  friend class TusAppend;
  struct Item {
    TusUpload upload;
    std::optional<Digest> digest;  ///< of its bytes; empty where nobody has seen all of them pass
    bool busy = false;             ///< a request is in it, and has its digest
    bool gone = false;             ///< dropped, while a request may still be in it
    bool has_file = true;          ///< false in a lazy store until the first PATCH
  };
  using ItemPointer = std::shared_ptr<Item>;

  explicit TusStore(Options options) : options_(std::move(options)) {}

  Result<ItemPointer> look(const std::string& id) SLUICE_REQUIRES(mutex_);
  void drop(const std::string& id) SLUICE_REQUIRES(mutex_);
  void sweep() SLUICE_REQUIRES(mutex_);
  std::uint64_t part_size(const TusUpload& upload) const;
  std::filesystem::path data_path(const std::string& id) const { return options_.directory / id; }
  std::filesystem::path info_path(const std::string& id) const {
    return options_.directory / (id + ".info");
  }
  /// `committed`: the bytes that count, where more may be in the file.
  Result<void> write_info(const TusUpload& upload, std::optional<std::uint64_t> committed) const;
  void load(const std::filesystem::path& info) SLUICE_REQUIRES(mutex_);
  Result<void> gather(const std::vector<ItemPointer>& parts, const TusUpload& final) const;

  const Options options_;
  mutable Mutex mutex_;
  std::map<std::string, ItemPointer> items_ SLUICE_GUARDED_BY(mutex_);
  std::set<std::string> expired_ SLUICE_GUARDED_BY(mutex_);  ///< for 410, until the server ends
  std::chrono::steady_clock::time_point next_sweep_ SLUICE_GUARDED_BY(mutex_);
};

}  // namespace sluice::databankd
