#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::test {

/// The behaviours in which tus servers differ.
struct TusRules {
  /// Discards a PATCH with fewer bytes that does not reach the end: 204 with an unchanged offset.
  /// 0: off.
  std::uint64_t part_bytes = 0;
  /// Locations are absolute, like those of most servers; else relative to the collection.
  bool absolute_locations = true;
  /// All responses have Tus-Resumable, as tus 1.0 requires.
  bool sends_resumable = true;
  /// Like S3: joining a smaller part, other than the last, always fails with 500.
  std::uint64_t least_joined_part = 0;
  /// An upload cannot be registered before its first PATCH, as at the newest Data Bank.
  bool makes_files_late = false;
  /// What happens to the bytes in a creation request (creation-with-upload).
  enum class FirstBytes {
    kept,     ///< kept, as specified
    ignored,  ///< ignored: 201 without Upload-Offset, like a server without the extension
    unsaid,   ///< kept, but 201 without Upload-Offset
  };
  FirstBytes first_bytes = FirstBytes::kept;
};

/// The uploads of a tus server (creation, concatenation, termination), in memory. Not thread-safe.
class ScriptedTus {
 public:
  using Headers = std::map<std::string, std::string>;  ///< names in lower case

  void set_rules(const TusRules& rules) { rules_ = rules; }
  void clear() { uploads_.clear(); }
  std::size_t count() const { return uploads_.size(); }

  // Each processes one request and returns a raw HTTP response. `target`: of the request line, or
  // any URL of an upload.
  /// `body` and `keeps`: as for patch(). The body is used only if it has the content type of a
  /// PATCH.
  std::string create(const std::string& base_url, const Headers& headers, std::string_view body,
                     std::optional<std::size_t> keeps);
  /// Concatenates the parts that Upload-Concat names, and removes the bytes from the parts.
  std::string join(const std::string& base_url, const Headers& headers);
  std::string head(const std::string& target) const;
  /// `body`: the received part of a body of `length` bytes. Keeps an incomplete body, too, at most
  /// `keeps` bytes.
  std::string patch(const std::string& target, const Headers& headers, std::string_view body,
                    std::uint64_t length, std::optional<std::size_t> keeps);
  std::string remove(const std::string& target);

  /// Returns the bytes of a complete upload.
  std::optional<std::string> complete(const std::string& target) const;

 private:
  struct Upload {
    std::uint64_t length = 0;
    std::string bytes;
    bool patched = false;
  };
  static std::string id_of(const std::string& target);
  std::string answer(int status, std::string_view body, const std::string& headers = {}) const;
  std::string no_content(std::uint64_t offset) const;
  std::string created(const std::string& base_url, Upload upload, const std::string& more = {});

  TusRules rules_;
  int next_ = 1;
  std::map<std::string, Upload> uploads_;
};

}  // namespace sluice::test
