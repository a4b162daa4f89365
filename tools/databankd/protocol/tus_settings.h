#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice::databankd {

/// The tus extensions that a server announces and supports.
struct TusExtensions {
  bool creation = true;
  bool creation_with_upload = false;  ///< not supported by the Data Bank
  bool defer_length = true;
  bool termination = true;
  bool expiration = true;
  bool concatenation = true;
  bool checksum = true;

  /// Returns the value of `Tus-Extension`.
  std::string to_string() const;
};

/// Parses "creation,checksum", or "none". Empty for anything else.
std::optional<TusExtensions> parse_tus_extensions(std::string_view text);

/// Properties of the server under /files.
struct TusSettings {
  TusExtensions extensions;
  /// The form of `Location`. `absolute`: from the Host header, with https if X-Forwarded-Proto says
  /// so; `http`: the same, always with http; `relative`: the path; `http://…` or `https://…`: this,
  /// followed by the path.
  std::string location = "absolute";
};

}  // namespace sluice::databankd
