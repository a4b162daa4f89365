#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>

#include "io/result.h"
#include "io/sync.h"
#include "io/unique_fd.h"
#include "tools/databankd/store/digest.h"
#include "tools/databankd/store/registry.h"
#include "tools/databankd/store/thinking.h"
#include "tools/databankd/store/token.h"

namespace sluice::databankd {

class Dataset;

/// The payload of a transfer request while it arrives, before it is known whether it is accepted.
///
/// Does not touch the staged file before Dataset::append(): the destructor of this object removes
/// all traces of a request that breaks off. Keeps no bytes in memory:
/// - A storing server writes the chunk to an unnamed file, and append() copies that to the end of
///   the staged file inside the kernel, all or nothing.
/// - A discarding server hashes the chunk with a copy of the staged file's running digest, and
///   append() keeps that copy. A chunk that arrives before the one that it follows was appended
///   cannot be hashed yet: it goes to an unnamed file until then.
/// One thread at a time; must not outlive its dataset.
class Chunk {
 public:
  /// `previous_size`: of the request, if its fields came before its payload. Saves work only;
  /// append() decides.
  Chunk(Dataset& dataset, std::optional<std::int64_t> previous_size);

  /// Adds bytes. Never fails: append() reports errors, because the request body must be read to its
  /// end in any case.
  void write(std::span<const std::byte> data);

  /// Returns the bytes written.
  std::uint64_t size() const { return size_; }

  /// Keeps only the first `size` bytes. Requires a chunk without previous_size: others may be
  /// hashed already.
  void cut(std::uint64_t size);

 private:
  friend class Dataset;
  void try_digest();
  void spool(std::span<const std::byte> data);

  Dataset& dataset_;
  const std::optional<std::int64_t> previous_size_;
  std::uint64_t size_ = 0;
  std::optional<Digest> digest_;  ///< of the staged file and this chunk
  std::uint64_t generation_ = 0;  ///< of the staged file that digest_ started from
  UniqueFd spool_;                ///< this chunk's bytes; may be closed
  int error_ = 0;                 ///< the first errno of the spooling
};

/// A dataset: its token, and its staged file.
///
/// Any thread. setup, append and register_file exclude each other, so that comparing previous_size
/// and appending the chunk are atomic.
class Dataset {
 public:
  struct Options {
    std::string key;
    DatasetToken::Options token;
    bool published = false;         ///< exists, but is no longer a draft
    bool discard = false;           ///< hash the bytes and discard them
    bool rename = false;            ///< register under carrierwave_name(), and delete the staged
                                    ///< file
    std::filesystem::path store;    ///< registered files go to store/KEY/
    std::filesystem::path staging;  ///< the staged file is in staging/KEY/
  };

  /// The result of append(). `size`: of the staged file.
  struct Appended {
    enum class Outcome { appended, unexpected_previous_size, nothing_staged };
    Outcome outcome = Outcome::nothing_staged;
    std::uint64_t size = 0;  ///< bytes
  };

  /// A file to register that was not staged.
  struct Deposit {
    std::string name;
    UniqueFd file;           ///< open for reading; unused by a discarding server
    std::uint64_t size = 0;  ///< bytes from its beginning
    std::string xxh128;      ///< of those bytes; empty if unknown
    bool share = false;  ///< the file will not change, so the registered file may be a hard link to
                         ///< it
  };

  /// The directories of `options` must exist; `registry` and `thinking` must outlive this object.
  Dataset(Options options, Registry& registry, Thinking& thinking);

  const std::string& key() const { return options_.key; }
  bool published() const { return options_.published; }
  DatasetToken& token() { return token_; }
  bool has_file(const std::string& name) const { return registry_.has(key(), name); }
  /// Returns the path that the Data Bank shows for a staged file; hides the paths of this machine.
  std::string shown_path(const std::string& name) const;

  /// Deletes everything staged in this dataset and creates an empty staged file. Error for a name
  /// that is not a base name, or from the disk.
  Result<void> setup(const std::string& name);

  /// Deletes everything staged in this dataset. Error from the disk.
  Result<void> forget_staged();

  /// Returns the bytes staged under that name; empty if there are none.
  std::optional<std::uint64_t> staged_size(const std::string& name);

  /// Appends the whole chunk if exactly `previous_size` bytes are staged under that name; otherwise
  /// appends nothing. Error from the disk. Includes the delay of Thinking, during which other calls
  /// for staged files wait; a chunk can arrive meanwhile.
  Result<Appended> append(Chunk& chunk, const std::string& name, std::int64_t previous_size);

  /// Registers what is staged under that name, whatever its size. It stays staged, so a second call
  /// registers it again; with Options::rename it does not. Empty if nothing is staged. Error from
  /// the disk.
  Result<std::optional<Registration>> register_file(const std::string& name);

  /// Registers the file, even if a file of that name exists. Error for a name that is not a base
  /// name, or from the disk.
  Result<Registration> deposit(const Deposit& deposit);

  /// Opens an unnamed file for a deposit; sets errno if the result is empty. Always empty for a
  /// discarding server.
  UniqueFd open_spool() const;
  bool discards() const { return options_.discard; }
  bool renames() const { return options_.rename; }

 private:
  friend class Chunk;

  /// The staged file. Modified only with files_ held; readable with either mutex.
  struct Staged {
    std::string name;
    std::uint64_t size = 0;
    /// Counts the setups and appends of this dataset: the same generation has the same bytes.
    std::uint64_t generation = 0;
    /// Of its bytes; empty if an earlier run staged them and they were not read yet.
    std::optional<Digest> digest;
  };

  Result<void> check_name(const std::string& name) const;
  std::string registered_name(const std::string& name) const;
  Result<void> clear() SLUICE_REQUIRES(files_);
  bool refresh_staged(const std::string& name) SLUICE_REQUIRES(files_);
  void publish(std::optional<Staged> staged) SLUICE_REQUIRES(files_);
  std::optional<Staged> staged_now() const;
  std::filesystem::path staged_path(const std::string& name) const;
  Result<UniqueFd> open_to_append(const std::string& name, std::uint64_t size)
      SLUICE_REQUIRES(files_);
  Result<void> copy_to_staged(const Chunk& chunk, const Staged& staged) SLUICE_REQUIRES(files_);
  Result<void> store_file(int file, std::uint64_t size, bool share, const std::string& name)
      SLUICE_REQUIRES(files_);

  const Options options_;
  Registry& registry_;
  Thinking& thinking_;
  DatasetToken token_;
  /// Held while files change, including the copy of a chunk and the delay. Locked before state_.
  mutable Mutex files_;
  /// Held only briefly, so that arriving chunks can read the state while another one is appended.
  mutable Mutex state_;
  std::optional<Staged> staged_ SLUICE_GUARDED_BY(state_);
  std::uint64_t generations_ SLUICE_GUARDED_BY(files_) = 0;
};

}  // namespace sluice::databankd
