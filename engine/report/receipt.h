#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "io/file_time.h"
#include "io/result.h"

/// Receipts: the record of a finished upload, against which a file can be checked later. Pure
/// functions except read_receipt(); any thread.
namespace sluice {

/// The record of one registered file.
struct Receipt {
  std::string file;  ///< the path as given by the user
  std::string name;  ///< the requested name in the dataset
  /// The name under which the server stored the file, if it differs from `name`; empty otherwise.
  std::string registered_as{};
  std::string dataset;  ///< the dataset's key
  std::string system;   ///< the base URL
  std::uint64_t bytes = 0;
  /// Times in the format of utc_time(): the last modification of the file, the start of the first
  /// run of its upload, and the server's confirmation of the registration.
  std::string modified, started, registered;
  std::string xxh128;       ///< 32 hexadecimal digits
  std::string md5, sha256;  ///< 32 and 64 hexadecimal digits; empty if not requested
  std::string protocol;     ///< name of the upload protocol, such as "tus"
  std::string version;      ///< of sluice

  /// Returns the URL of the dataset's web page.
  std::string page() const { return system + "/datasets/" + dataset; }
  /// Returns the name in the dataset, as far as the server has reported it.
  const std::string& stored_name() const { return registered_as.empty() ? name : registered_as; }

  bool operator==(const Receipt&) const = default;
};

/// Formats a time as utc_time(FileTime) does. `ns`: nanoseconds since 1970, which 64 bits hold
/// until 2262. For times that this program measured; the times of files can lie outside this range.
std::string utc_time(std::int64_t ns);

/// Returns the receipt as an indented JSON object with a newline at the end: {"format": "sluice
/// receipt 1", ...} (sluice-json(5)). Replaces bytes that are not UTF-8, as in a path, by U+FFFD.
std::string to_json(const Receipt& receipt);

/// Parses the JSON of to_json(). The text is untrusted: at most 1 MiB, a depth of at most 8, every
/// field of its type, digests of the right number of hexadecimal digits (returned in lower case),
/// and a possible file size. Ignores unknown fields. `path`: for the message. Error usage, which
/// names the reason.
Result<Receipt> parse_receipt(std::string_view text, const std::string& path);

/// Reads the receipt in the file `path`. Error usage if the file cannot be read or is not a
/// receipt.
Result<Receipt> read_receipt(const std::string& path);

/// Returns the lines for `xxhsum -c`, `md5sum -c` and `sha256sum -c`, for one common file: "XXH128
/// (path) = digits", and lines for MD5 and SHA256 if the receipt has these digests. Each program
/// warns about the lines of the others and ignores them.
///
/// `path`: the file as those programs will open it. The MD5 and SHA-256 lines escape a backslash
/// and a newline as coreutils does. xxhsum 0.8.1 has no escapes: it reads a backslash literally,
/// and it cannot read any line for a path with a newline, so that line is omitted.
std::string sums_lines(const Receipt& receipt, std::string_view path);

}  // namespace sluice
