#pragma once

#include <string>
#include <string_view>

namespace sluice {

/// A multipart/form-data body (RFC 7578) without its payload: the text before the payload (head())
/// and the text after it (tail()). The payload is streamed between them, so that the Content-Length
/// is known and no byte of the payload is copied. curl's own mime reader cannot be paused reliably
/// in 7.88.
class Multipart {
 public:
  /// Picks a random boundary of 128 bits. A payload of 2 TB contains the boundary with a
  /// probability of 10^-26. Aborts the process if the system has no random bytes.
  Multipart();

  /// Adds a field. `value` is copied unescaped: it may contain quotes, semicolons and UTF-8. `name`
  /// must be a plain word.
  Multipart& field(std::string_view name, std::string_view value);

  /// Adds the last part: a file part whose content is the payload. `name` and `filename` are copied
  /// unescaped and must not contain quotes or control characters.
  Multipart& payload(std::string_view name, std::string_view filename);

  /// Returns "Content-Type: multipart/form-data; boundary=...".
  std::string content_type_header() const;
  /// Returns the body before the payload; without a payload, the whole body except tail().
  const std::string& head() const { return head_; }
  /// Returns the end of the body: what follows the payload, or the last field.
  std::string tail() const;

 private:
  std::string boundary_;
  std::string head_;
  bool has_payload_ = false;
};

}  // namespace sluice
