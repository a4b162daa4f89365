#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "io/result.h"
#include "io/source.h"

namespace sluice {

/// One upload as the journal knows it. Never holds a token.
///
/// What Journal gives out has passed check_journal_entry(): it is possible, though not for that
/// true. In particular, whoever sends a token to `system` checks it as one from a command line.
/// Texts may still hold what a terminal acts on; printable() (engine/base/text.h) is for showing
/// them.
struct JournalEntry {
  /// The numbers are what the journal's file holds; they never change.
  enum class State {
    unfinished = 0,
    verifying = 1,  ///< verify was sent, or was about to be: the file may be registered
    registered = 2,
    abandoned = 3,  ///< another upload of that name took its place
  };

  std::int64_t id = 0;     ///< given by the journal, from 1
  std::string system;      ///< base URL, as check_base_url() (engine/http/base_url.h) returns it
  std::string dataset;     ///< the dataset's key
  std::string name;        ///< in the dataset
  std::string path;        ///< absolute, of max_journal_path bytes at most; any bytes but NUL
  FileIdentity file;       ///< the file as it was when it was last compared with what was sent
  std::string token_file;  ///< absolute path the token was read from; empty if it came otherwise
  std::string digests;     ///< extra digests asked for, "md5,sha256"; empty for none
  std::string protocol = "phased";  ///< one of is_protocol_name() (engine/journal/server_facts.h)
  /// Absolute URL of the tus upload; empty for none yet and for other protocols. Whoever sends a
  /// token there checks that its origin is that of `system`.
  std::string upload_url;
  /// Of a partial upload (tus concatenation), the id of the whole one; 0: this is a whole one. A
  /// part has `file.size` bytes, and the rest of `file` is the whole file's.
  std::int64_t part_of = 0;
  std::uint64_t part_begin = 0;   ///< where in the file the part begins; 0 in a whole one
  std::uint64_t block_bytes = 0;  ///< a multiple of 4096, at most 1 GiB
  std::uint64_t committed = 0;    ///< bytes that the server has confirmed, at most the file's size
  std::uint64_t hashed_blocks = 0;  ///< Journal::checksums() has those of the blocks before this
  std::string digest_state;  ///< opaque: the whole file's running digest after hashed_blocks blocks
  State state = State::unfinished;
  /// How the last run that could say so ended: kind and message alone are kept. None before that,
  /// and none once it is registered.
  std::optional<Error> error;
  std::int64_t started_s = 0;  ///< Unix seconds
  std::int64_t updated_s = 0;  ///< Unix seconds, of the last change
  std::string receipt;         ///< JSON text, once it is registered
};

/// As reports write it: "unfinished", "verifying", "registered", "abandoned".
const char* to_string(JournalEntry::State state);

/// The most bytes that a receipt, a digest's state and an error's message may have, each.
inline constexpr std::size_t max_journal_text = std::size_t{1} << 20;
/// The most bytes of an absolute path; a receipt with such a path, escaped, still fits. A path in a
/// deep directory is longer than the kernel takes at once (io/long_path.h).
inline constexpr std::size_t max_journal_path = std::size_t{64} << 10;

/// The most bytes that upload_url may have.
inline constexpr std::size_t max_upload_url = 4096;

/// Blocks of the upload, be it a whole one or a part; block_bytes must not be 0.
std::uint64_t count_blocks(const JournalEntry& entry);

/// Whether the upload may still be resumed: state unfinished or verifying.
bool is_open(const JournalEntry& entry);

/// Whether only the dataset's page tells if the file is registered: a phased server can be asked
/// (protocol section 2).
bool is_unconfirmed(const JournalEntry& entry);

/// Whether there can be such an upload: sizes within what the Data Bank takes, numbers that fit
/// each other, names that can be. Error failed, a clause: "the name is ...". Any thread.
Result<void> check_journal_entry(const JournalEntry& entry);

}  // namespace sluice
