#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "io/result.h"
#include "io/source.h"

namespace sluice {

/// An entry of the journal: one upload. Never holds a token.
///
/// Every entry that Journal returns has passed check_journal_entry(): its values are possible, but
/// not necessarily true. A caller that sends a token to `system` must check `system` like a URL
/// from the command line. Texts may hold control characters of a terminal; printable()
/// (engine/base/text.h) makes them fit to show.
struct JournalEntry {
  /// The numbers are stored in the journal's file and never change.
  enum class State {
    unfinished = 0,
    verifying = 1,  ///< verify was sent or was about to be sent: the file may be registered
    registered = 2,
    abandoned = 3,  ///< another upload of that name replaced this one
  };

  std::int64_t id = 0;  ///< assigned by the journal, from 1
  std::string system;   ///< base URL, as check_base_url() (engine/http/base_url.h) returns it
  std::string dataset;  ///< the dataset's key
  std::string name;     ///< the file's name in the dataset
  std::string path;     ///< absolute, at most max_journal_path bytes; any bytes but NUL
  FileIdentity file;  ///< the file's identity when its bytes were last compared with the sent ones
  /// absolute path of the token's file; empty if the token came from elsewhere
  std::string token_file;
  std::string digests;              ///< requested extra digests, "md5,sha256"; empty for none
  std::string protocol = "phased";  ///< one of is_protocol_name() (engine/journal/server_facts.h)
  /// Absolute URL of the tus upload; empty if there is none yet, and for other protocols. A caller
  /// that sends a token to this URL must check that its origin is that of `system`.
  std::string upload_url;
  /// For a part (a tus partial upload), the id of the whole upload; 0 for a whole upload. In a
  /// part, `file.size` is the size of the part, and the rest of `file` is that of the whole file.
  std::int64_t part_of = 0;
  std::uint64_t part_begin = 0;   ///< offset of the part in the file; 0 in a whole upload
  std::uint64_t block_bytes = 0;  ///< a multiple of 4096, at most 1 GiB
  std::uint64_t committed = 0;    ///< committed bytes, at most the file's size
  /// Journal::checksums() has the checksums of the blocks before this one
  std::uint64_t hashed_blocks = 0;
  /// opaque: the running digest of the whole file after hashed_blocks blocks
  std::string digest_state;
  State state = State::unfinished;
  /// The error with which the last run ended; only its kind and message are kept. None if no run
  /// has recorded an error, and none once the upload is registered.
  std::optional<Error> error;
  std::int64_t started_s = 0;  ///< Unix seconds
  std::int64_t updated_s = 0;  ///< Unix seconds, of the last change
  std::string receipt;         ///< JSON text; empty until the upload is registered
};

/// Returns the state as reports write it: "unfinished", "verifying", "registered", "abandoned".
const char* to_string(JournalEntry::State state);

/// The maximum length, in bytes, of a receipt, of a digest's state and of an error's message.
inline constexpr std::size_t max_journal_text = std::size_t{1} << 20;
/// The maximum length of an absolute path, in bytes; a receipt with such a path, escaped, still
/// fits into max_journal_text. A path in a deep directory is longer than the kernel takes in one
/// call (io/long_path.h).
inline constexpr std::size_t max_journal_path = std::size_t{64} << 10;

/// The maximum length of upload_url, in bytes.
inline constexpr std::size_t max_upload_url = 4096;

/// Returns the number of blocks of the upload or part; block_bytes must not be 0.
std::uint64_t count_blocks(const JournalEntry& entry);

/// Returns whether the upload can be resumed: its state is unfinished or verifying.
bool is_open(const JournalEntry& entry);

/// Returns whether only the dataset's web page shows if the file is registered. A phased server can
/// be asked (protocol section 2).
bool is_unconfirmed(const JournalEntry& entry);

/// Checks that such an upload is possible: sizes within the Data Bank's limits, consistent numbers,
/// valid names. Error failed; its message is a clause: "the name is ...". Any thread.
Result<void> check_journal_entry(const JournalEntry& entry);

}  // namespace sluice
