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

/// The properties of an upload that clients can see.
struct TusUpload {
  std::string id;
  std::optional<std::uint64_t> length;  ///< bytes; empty while it is deferred
  std::uint64_t offset = 0;             ///< bytes that count
  std::string metadata;                 ///< Upload-Metadata as received
  std::string concat;                   ///< Upload-Concat as received; empty for a plain upload
  std::chrono::system_clock::time_point expires;
};

/// The uploads under /files, each with its bytes in DIRECTORY/ID and its properties in
/// DIRECTORY/ID.info. An upload expires some time after the last change of its bytes. A discarding
/// store keeps counts and digests only, in memory.
///
/// Errors have the HTTP status as their code: 404 for an unknown upload, 410 for an expired one,
/// 423 for one that is locked by another request, 500 from the disk. Any thread.
class TusStore {
 public:
  struct Options {
    std::filesystem::path directory;
    bool discard = false;
    std::chrono::microseconds lifetime = std::chrono::hours(24 * 7);
    /// The minimum part size; S3 allows 10000 parts. The bytes of a PATCH after the last whole part
    /// are discarded, unless they reach the end of the upload, and a join is refused if a part
    /// other than the last is smaller. 0: no minimum.
    std::uint64_t part_min = 0;
    std::uint64_t max_size = 2199023255552;  ///< bytes
    bool lazy = false;  ///< an upload has no file before its first PATCH, and cannot be registered
                        ///< without one
    /// Called before a join with its number of bytes, on the thread of the join; may block.
    std::function<void(std::uint64_t)> before_join{};
  };

  /// Reads the uploads of earlier runs. Error if the directory cannot be used.
  static Result<std::unique_ptr<TusStore>> open(const Options& options);

  /// Creates an upload. Ignores the id, offset and expiry of `upload`.
  Result<TusUpload> create(TusUpload upload);

  Result<TusUpload> find(const std::string& id);

  /// Opens an upload for appending, which locks it until the result is destroyed. `length`: sets
  /// the length of an upload that was created without one; empty: unchanged. `checksum`: of all
  /// bytes to append, which TusAppend::finish() compares; empty: none. Errors: 400 if the upload
  /// has another length, 403 for a joined upload, 409 if its offset is not `offset`.
  Result<std::unique_ptr<TusAppend>> append(const std::string& id, std::uint64_t offset,
                                            std::optional<std::uint64_t> length,
                                            std::optional<TusChecksum> checksum);

  /// Joins the partial uploads in that order into a complete upload, and deletes them. Errors: 400
  /// if one is missing, unfinished or not partial; 500 if one other than the last is smaller than
  /// Options::part_min. `final`: has metadata and concat.
  Result<TusUpload> join(const std::vector<std::string>& ids, TusUpload final);

  Result<void> remove(const std::string& id);

  /// Makes the upload expire: 410 from now on.
  void expire(const std::string& id);
  /// Deletes the upload without a trace: 404 from now on.
  void forget(const std::string& id);

  /// Returns the maximum size of an upload in bytes.
  std::uint64_t max_size() const { return options_.max_size; }

  /// Registers the upload's bytes as a file of the dataset, whatever its length. The upload stays.
  /// 400 if it does not exist or has no file yet.
  Result<Registration> register_upload(const std::string& id, Dataset& dataset,
                                       const std::string& name);

 private:
  friend class TusAppend;
  struct Item {
    TusUpload upload;
    std::optional<Digest> digest;  ///< of its bytes; empty if not all of them were hashed
    bool busy = false;             ///< locked by a request, which has its digest
    bool deleted = false;          ///< deleted, although a request may still use it
    bool has_file = true;          ///< false in a lazy store until the first PATCH
  };
  using ItemPointer = std::shared_ptr<Item>;

  explicit TusStore(Options options) : options_(std::move(options)) {}

  Result<ItemPointer> find_item(const std::string& id) SLUICE_REQUIRES(mutex_);
  void drop(const std::string& id) SLUICE_REQUIRES(mutex_);
  void remove_expired() SLUICE_REQUIRES(mutex_);
  std::uint64_t part_size(const TusUpload& upload) const;
  std::filesystem::path data_path(const std::string& id) const { return options_.directory / id; }
  std::filesystem::path info_path(const std::string& id) const {
    return options_.directory / (id + ".info");
  }
  /// `committed`: the bytes that count, if the file may have more.
  Result<void> write_info(const TusUpload& upload, std::optional<std::uint64_t> committed) const;
  void load(const std::filesystem::path& info) SLUICE_REQUIRES(mutex_);
  Result<void> join_files(const std::vector<ItemPointer>& parts, const TusUpload& final) const;

  const Options options_;
  mutable Mutex mutex_;
  std::map<std::string, ItemPointer> items_ SLUICE_GUARDED_BY(mutex_);
  std::set<std::string> expired_ SLUICE_GUARDED_BY(mutex_);  ///< for 410, until the server ends
  std::chrono::steady_clock::time_point next_removal_ SLUICE_GUARDED_BY(mutex_);
};

}  // namespace sluice::databankd
