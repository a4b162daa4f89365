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

/// The payload of one transfer request while it arrives, before anyone knows whether it will fit.
///
/// Nothing of it touches the staged file until Dataset::append(): a request that breaks off
/// half-way leaves no trace but this object, which its destructor removes. So that no byte is held
/// in memory:
///  - a storing server writes the chunk to an unnamed file of its own, and append() copies that
///  behind
///    the staged file inside the kernel, all or nothing;
///  - a discarding server hashes it behind a copy of the staged file's running digest, and append()
///  keeps
///    that copy. A chunk that arrives before the one it follows (its body may travel while the
///    other is being appended) cannot be hashed yet: it goes to an unnamed file until the other is
///    in.
/// One thread at a time; it must not outlive its dataset.
class Chunk {
 public:
  /// `previous_size`: what the request said, where its fields came before its payload. It only
  /// saves work; append() decides.
  Chunk(Dataset& dataset, std::optional<std::int64_t> previous_size);

  /// The next bytes. Never fails: append() reports what went wrong here, since the request's body
  /// must be read to its end in any case.
  void write(std::span<const std::byte> data);

  /// Bytes written up to now.
  std::uint64_t size() const { return size_; }

  /// Keeps the first `size` bytes only, of at least so many. For a chunk that was made without a
  /// previous_size: any other may be hashed to its end already, and its bytes dropped.
  void cut(std::uint64_t size);

 private:
  friend class Dataset;
  void try_digest();
  void spool(std::span<const std::byte> data);

  Dataset& dataset_;
  const std::optional<std::int64_t> previous_size_;
  std::uint64_t size_ = 0;
  std::optional<Digest> digest_;  ///< of the staged file and all of this chunk
  std::uint64_t generation_ = 0;  ///< of the staged file that digest_ started from
  UniqueFd spool_;                ///< all of this chunk, or closed
  int error_ = 0;                 ///< the first errno that stopped the spooling
};

/// One dataset: its token, and the one file that is staged in it.
///
/// Thread safe. setup, append and register_file exclude each other, so that a previous_size is
/// compared and its chunk appended in one step.
class Dataset {
 public:
  struct Options {
    std::string key;
    DatasetToken::Options token;
    bool published = false;         ///< known, but no longer a draft
    bool discard = false;           ///< hash the bytes and drop them
    bool rename = false;            ///< register under carrierwave_name(), and keep nothing staged
    std::filesystem::path store;    ///< registered files go to store/KEY/
    std::filesystem::path staging;  ///< the staged file lies in staging/KEY/
  };

  /// What append() did. `size` is what the staged file holds now.
  struct Appended {
    enum class Outcome { appended, unexpected_previous_size, nothing_staged };
    Outcome outcome = Outcome::nothing_staged;
    std::uint64_t size = 0;  ///< bytes
  };

  /// A file that comes from elsewhere than the staging area.
  struct Deposit {
    std::string name;
    UniqueFd file;           ///< open for reading; not used by a discarding server
    std::uint64_t size = 0;  ///< bytes, from its beginning
    std::string xxh128;      ///< of those; empty where nobody knows it
    bool share = false;  ///< the file will not change any more, and may become the registered one
  };

  /// The directories of `options` exist; `registry` and `thinking` outlive this.
  Dataset(Options options, Registry& registry, Thinking& thinking);

  const std::string& key() const { return options_.key; }
  bool published() const { return options_.published; }
  DatasetToken& token() { return token_; }
  bool has_file(const std::string& name) const { return registry_.has(key(), name); }
  /// Where the Data Bank would say that a staged file lies: this machine's paths are nobody's
  /// business.
  std::string shown_path(const std::string& name) const;

  /// Deletes everything staged in this dataset and creates an empty staged file. Error for a name
  /// that is no base name, or from the disk.
  Result<void> setup(const std::string& name);

  /// Deletes everything staged in this dataset. Error from the disk.
  Result<void> forget_staged();

  /// Bytes staged under that name; empty where nothing is.
  std::optional<std::uint64_t> staged_size(const std::string& name);

  /// Appends the chunk if exactly `previous_size` bytes are staged under that name: the whole chunk
  /// or, on any other outcome, nothing. Error from the disk. Thinks before it returns, and whoever
  /// else has to do with what is staged waits; a chunk that arrives meanwhile does not.
  Result<Appended> append(Chunk& chunk, const std::string& name, std::int64_t previous_size);

  /// Makes what is staged under that name a file of the dataset, whatever its size. It stays
  /// staged, so a second call registers it a second time; with Options::rename it does not. Empty
  /// where nothing is staged. Error from the disk.
  Result<std::optional<Registration>> register_file(const std::string& name);

  /// Makes it a file of the dataset, whether or not there is one of that name. Error for a name
  /// that is no base name, or from the disk.
  Result<Registration> deposit(const Deposit& deposit);

  /// An unnamed file for what is to be deposited; errno where it is empty. None for a discarding
  /// server, which has no use for it.
  UniqueFd open_spool() const;
  bool discards() const { return options_.discard; }
  bool renames() const { return options_.rename; }

 private:
  friend class Chunk;

  /// The staged file as everyone may see it. It changes only under files_, and is read under
  /// either.
  struct Staged {
    std::string name;
    std::uint64_t size = 0;
    /// Counts the setups and appends of this dataset: same generation, same bytes.
    std::uint64_t generation = 0;
    /// Of its bytes; empty where another run of this server staged them and nobody has read them
    /// yet.
    std::optional<Digest> digest;
  };

  Result<void> check_name(const std::string& name) const;
  std::string registered_name(const std::string& name) const;
  Result<void> clear() SLUICE_REQUIRES(files_);
  bool look(const std::string& name) SLUICE_REQUIRES(files_);
  void publish(std::optional<Staged> staged) SLUICE_REQUIRES(files_);
  std::optional<Staged> staged_now() const;
  std::filesystem::path staged_path(const std::string& name) const;
  Result<UniqueFd> open_to_append(const std::string& name, std::uint64_t size)
      SLUICE_REQUIRES(files_);
  Result<void> copy_to_staged(const Chunk& chunk, const Staged& staged) SLUICE_REQUIRES(files_);
  Result<void> place(int file, std::uint64_t size, bool share, const std::string& name)
      SLUICE_REQUIRES(files_);

  const Options options_;
  Registry& registry_;
  Thinking& thinking_;
  DatasetToken token_;
  /// Held while files change, for as long as a chunk takes to be copied and thought about. Taken
  /// before state_.
  mutable Mutex files_;
  /// Held for moments, so that chunks on their way can look while another one is being appended.
  mutable Mutex state_;
  std::optional<Staged> staged_ SLUICE_GUARDED_BY(state_);
  std::uint64_t generations_ SLUICE_GUARDED_BY(files_) = 0;
};

}  // namespace sluice::databankd
