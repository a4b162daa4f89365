#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "io/result.h"
#include "tools/sluice/shards/shard_directory.h"

namespace sluice::cli {

/// How a file of a batch stands, as the journal has it.
struct ShardFileStatus {
  enum class State {
    not_begun,
    interrupted,  ///< by a signal, a time limit, a kill or a crash
    running,
    failed,
    unconfirmed,
    another_file,  ///< the name is registered, but from another file
    changed,       ///< it is registered, but the file has another size or time since
    registered,
  };
  State state = State::not_begun;
  std::string dataset;
  std::string name;
  std::string file;
  std::uint64_t bytes = 0;  ///< 0 where it is not there
  std::uint64_t sent = 0;   ///< that the server has confirmed
  std::string said;         ///< who uploads it, or why it failed; fit to show, empty for nothing
  std::string receipt;      ///< JSON text, once it is registered
};
/// As reports write it: "not_begun", "interrupted" and so on.
const char* to_string(ShardFileStatus::State state);

/// How a batch stands: all of its shards, or one.
struct BatchStatus {
  struct Shard {
    std::size_t number = 0;  ///< from 1
    std::vector<ShardFileStatus> files;
  };
  std::string directory;
  std::string manifest;
  std::string url;
  std::size_t of = 0;  ///< shards that the batch has
  std::vector<Shard> shards;

  bool all_registered() const;
};

/// Reads the journal of the batch; nothing is changed. `shard`: from 1; 0 for all. Errors: usage
/// where there is no such shard, or its manifest cannot be read; those of Journal::open_existing().
Result<BatchStatus> batch_status(const ShardDirectory& directory, std::size_t shard);

/// For people: of each shard a line with what is registered and sent, which changes only with
/// those, and a line for each file that is running or in trouble; a sum at the end. `most`: lines
/// for files, of each shard. With newlines. Pure.
std::string text_of(const BatchStatus& status, std::size_t most);

/// sluice-json(5), REPORT OF BATCH; without a newline. Pure.
std::string json_of(const BatchStatus& status);

}  // namespace sluice::cli
