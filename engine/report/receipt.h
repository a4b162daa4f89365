#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "io/file_time.h"
#include "io/result.h"

/// What a finished upload leaves behind, and what a file can be checked against later. Pure
/// functions but for read_receipt(); any thread.
namespace sluice {

struct Receipt {
  std::string file;  ///< the path as it was given
  std::string name;  ///< the name in the dataset that was asked for
  /// The name in the dataset, where the server has stored the file under another one; empty
  /// otherwise.
  std::string registered_as{};
  std::string dataset;  ///< its key
  std::string system;   ///< the base URL
  std::uint64_t bytes = 0;
  /// Times as utc_time() writes them: when the file was last modified, when its upload began (the
  /// first run of it), and when the server said that it is registered.
  std::string modified, started, registered;
  std::string xxh128;       ///< 32 hexadecimal digits
  std::string md5, sha256;  ///< 32 and 64; empty where they were not asked for
  std::string protocol;
  std::string version;  ///< of sluice

  /// Where a person can look at the dataset.
  std::string page() const { return system + "/datasets/" + dataset; }
  /// The name in the dataset, as far as the server has told it.
  const std::string& stored_name() const { return registered_as.empty() ? name : registered_as; }

  bool operator==(const Receipt&) const = default;
};

/// The same as utc_time(FileTime), for times that this program took: nanoseconds since 1970, which
/// 64 bits hold until 2262. Times of files can lie outside of that.
std::string utc_time(std::int64_t ns);

/// As a JSON object over some lines, with a newline at the end: {"format": "sluice receipt 1", ...}
/// (sluice-json(5)). A path that is not UTF-8 has U+FFFD where it is not.
std::string to_json(const Receipt& receipt);

/// Reads that again. Nothing in it is trusted: at most 1 MiB, no deeper than 8, every field of its
/// type, digests of hexadecimal digits and of the right length (they come out in lower case), a
/// size that a file can have. Fields that it does not know are passed over. Error usage, which says
/// what is wrong; `path` is for its message.
Result<Receipt> parse_receipt(std::string_view text, const std::string& path);

/// The receipt in that file. Error usage where it cannot be read or is none.
Result<Receipt> read_receipt(const std::string& path);

/// Lines for `xxhsum -c`, `md5sum -c` and `sha256sum -c`, all from one file (each warns that the
/// others' lines are not its own, and goes on): "XXH128 (path) = digits", MD5 and SHA256 where they
/// are there.
///
/// `path`: the file as those programs shall find it. The MD5 and SHA-256 lines escape a backslash
/// and a newline in it as coreutils does. xxhsum 0.8.1 knows no escapes: it takes a backslash as it
/// is, and for a path with a newline there is no line that it could read, so there is none.
std::string sums_lines(const Receipt& receipt, std::string_view path);

}  // namespace sluice
