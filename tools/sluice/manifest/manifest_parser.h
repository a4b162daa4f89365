#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "tools/sluice/manifest/manifest.h"
#include "tools/sluice/manifest/row_check.h"

namespace sluice::cli {

/// A parser that accepts a manifest in pieces of any size. The base class of the formats' parsers.
/// One thread at a time.
class ManifestParser {
 public:
  /// `format`: not automatic. `name` and `directory` as for parse_manifest().
  static std::unique_ptr<ManifestParser> create(ManifestFormat format, const std::string& name,
                                                const std::string& directory);
  virtual ~ManifestParser() = default;
  ManifestParser(const ManifestParser&) = delete;
  ManifestParser& operator=(const ManifestParser&) = delete;

  /// Parses the next piece. Does nothing after failed().
  void feed(std::string_view text);
  /// Ends the manifest and returns it. No other call is allowed after that.
  Manifest finish();
  /// Whether the rest cannot be parsed. The manifest then has a problem that says why.
  bool failed() const { return failed_; }

 protected:
  ManifestParser(const std::string& name, const std::string& directory) : check_(name, directory) {}

  RowCheck& rows() { return check_; }
  void fail(std::size_t line, std::string_view what);

 private:
  /// Parses text in pieces, after the byte order mark.
  virtual void read(std::string_view text) = 0;
  virtual void end() = 0;
  /// Removes the byte order mark. Fails if the text has another encoding than UTF-8.
  void begin();

  RowCheck check_;
  std::string head_;  ///< the first bytes, until the encoding is known
  bool begun_ = false;
  bool failed_ = false;
};

}  // namespace sluice::cli
