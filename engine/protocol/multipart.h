#pragma once

#include <string>
#include <string_view>

/// A multipart/form-data envelope (RFC 7578) in two strings, around a payload that is streamed
/// between them, so that the Content-Length is known and nothing of the payload is copied. curl's
/// own mime reader cannot be paused reliably at 7.88.
namespace sluice {

class Multipart {
 public:
  /// Picks a random boundary of 128 bits: no payload of 2 TB holds it, but by a chance of 10^-26.
  Multipart();

  /// A field with a short text value. The value travels as it is: it may hold quotes, semicolons,
  /// UTF-8. `name` must be a plain word.
  Multipart& field(std::string_view name, std::string_view value);

  /// The last part: a file part whose content is the payload. `name` and `filename`: plain words.
  Multipart& payload(std::string_view name, std::string_view filename);

  /// "Content-Type: multipart/form-data; boundary=..."
  std::string content_type_header() const;
  /// The body in front of the payload; the whole body but tail() if there is no payload.
  const std::string& head() const { return head_; }
  /// The body behind the payload, or the end of the body.
  std::string tail() const;

 private:
  std::string boundary_;
  std::string head_;
  bool has_payload_ = false;
};

}  // namespace sluice
