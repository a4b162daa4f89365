#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::test {

/// How a scripted tus server differs from the next one.
struct TusRules {
  /// A PATCH that has less and does not reach the end is thrown away: 204, and the offset is where
  /// it was. 0: there is no such rule.
  std::uint64_t part_bytes = 0;
  /// Absolute, as most servers do it; else relative to the collection.
  bool absolute_locations = true;
  /// All answers have Tus-Resumable, as tus 1.0 wants it.
  bool sends_resumable = true;
  /// What S3 does: a join of a part that has less, and is not the last, is a 500, for ever.
  std::uint64_t least_joined_part = 0;
  /// There is nothing to register before the first PATCH, as at the newest Data Bank.
  bool makes_files_late = false;
  /// What becomes of the bytes in the request that creates an upload (creation-with-upload).
  enum class FirstBytes {
    kept,     ///< as the extension has it
    ignored,  ///< 201 without Upload-Offset, as of a server that knows no such extension
    unsaid,   ///< kept, but 201 without Upload-Offset
  };
  FirstBytes first_bytes = FirstBytes::kept;
};

/// The uploads of a tus server (creation, concatenation, termination), in memory. Not thread safe.
class ScriptedTus {
 public:
  using Headers = std::map<std::string, std::string>;  ///< names in lower case

  void set_rules(const TusRules& rules) { rules_ = rules; }
  void clear() { uploads_.clear(); }
  std::size_t count() const { return uploads_.size(); }

  // The answers, as raw HTTP. `target`: the request line's, or any address of an upload.
  /// `body` and `keeps`: as for patch(). The body counts where its type is a PATCH's.
  std::string create(const std::string& base_url, const Headers& headers, std::string_view body,
                     std::optional<std::size_t> keeps);
  /// The parts' bytes are gone from them.
  std::string join(const std::string& base_url, const Headers& headers);
  std::string head(const std::string& target) const;
  /// `body`: what came of one of `length` bytes: also what is cut short is kept, `keeps` of it at
  /// most.
  std::string patch(const std::string& target, const Headers& headers, std::string_view body,
                    std::uint64_t length, std::optional<std::size_t> keeps);
  std::string remove(const std::string& target);

  /// The bytes of one that is complete.
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
