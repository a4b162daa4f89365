#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice::databankd {

/// The extensions of tus that a server announces; it acts by no other.
struct TusExtensions {
  bool creation = true;
  bool creation_with_upload = false;  ///< the Data Bank has none of it
  bool defer_length = true;
  bool termination = true;
  bool expiration = true;
  bool concatenation = true;
  bool checksum = true;

  /// As `Tus-Extension` has them.
  std::string to_string() const;
};

/// "creation,checksum", or "none". Empty for anything else.
std::optional<TusExtensions> parse_tus_extensions(std::string_view text);

/// How a server presents itself under /files.
struct TusSettings {
  TusExtensions extensions;
  /// What `Location` looks like. `absolute`: from the Host header, and https where
  /// X-Forwarded-Proto says so; `http`: the same, whatever that says; `relative`: the path;
  /// `http://…` or `https://…`: the path behind this.
  std::string location = "absolute";
};

}  // namespace sluice::databankd
