#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "io/result.h"
#include "tools/sluice/shards/shard_directory.h"

namespace sluice::cli {

/// The state of a file of a batch according to the journal.
struct ShardFileStatus {
  enum class State {
    not_begun,
    interrupted,  ///< by a signal, a time limit, a kill or a crash
    running,
    failed,
    unconfirmed,
    another_file,  ///< the name is registered from another file
    changed,       ///< registered, but the file's size or time has changed since
    registered,
  };
  State state = State::not_begun;
  std::string dataset;
  std::string name;
  std::string file;
  std::uint64_t bytes = 0;  ///< 0 if the file does not exist
  std::uint64_t sent = 0;   ///< committed by the server
  std::string detail;       ///< the process that uploads it, or the error; safe to print, may be
                            ///< empty
  std::string receipt;      ///< JSON text, if registered
};
/// Returns the name in reports: "not_begun", "interrupted" and so on.
const char* to_string(ShardFileStatus::State state);

/// The state of a batch: all of its shards, or one.
struct BatchStatus {
  struct Shard {
    std::size_t number = 0;  ///< from 1
    std::vector<ShardFileStatus> files;
  };
  std::string directory;
  std::string manifest;
  std::string url;
  std::size_t shard_count = 0;  ///< the number of shards of the batch
  std::vector<Shard> shards;

  bool all_registered() const;
};

/// Reads the state from the journal; changes nothing. `shard`: from 1; 0 for all. Errors: usage if
/// the shard does not exist, or its manifest cannot be read; those of Journal::open_existing().
Result<BatchStatus> batch_status(const ShardDirectory& directory, std::size_t shard);

/// Returns the state as text, with newlines: for each shard a line with the registered and sent
/// amounts, which changes only with progress, and a line for each file that is not registered;
/// totals at the end. `most`: the maximum number of files listed for each shard. Pure.
std::string text_of(const BatchStatus& status, std::size_t most);

/// Returns the state as JSON (sluice-json(5), REPORT OF BATCH), without a newline. Pure.
std::string json_of(const BatchStatus& status);

}  // namespace sluice::cli
