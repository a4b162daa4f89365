#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

/// What a scripted server reads and says: requests of the protocols' three kinds, and raw answers.
namespace sluice::test {

/// What a request is for, by its method and the fields of its body.
enum class Phase {
  ask,       ///< setup without filesize: is the name free?
  setup,     ///< setup with filesize
  transfer,  ///< a chunk
  probe,     ///< a transfer with previous_size=-1: how many bytes are there?
  verify,
  create,        ///< tus: POST to the collection
  join,          ///< tus: the same, which makes one upload of several
  head,          ///< tus: how many bytes are there?
  patch,         ///< tus: a chunk
  remove,        ///< tus: DELETE
  registration,  ///< what follows a complete tus upload
  whole,         ///< the one-shot form
  options,       ///< OPTIONS: which protocol?
  other,
  any,  ///< for a Fault: whatever it is
};

/// A request as it came.
struct Seen {
  Phase phase = Phase::other;
  std::string method;
  std::string target;                          ///< the request line's
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::map<std::string, std::string> fields;   ///< of the multipart body, but for the file
  std::size_t payload_size = 0;                ///< bytes of the file that came
  bool complete = false;                       ///< the whole body came
  int connection = 0;                          ///< which one, from 0

  std::string field(const std::string& name) const {
    const auto found = fields.find(name);
    return found == fields.end() ? std::string() : found->second;
  }
  /// Where a chunk belongs, by its own word.
  std::string offset() const {
    if (phase != Phase::patch) return field("previous_size");
    const auto found = headers.find("upload-offset");
    return found == headers.end() ? std::string() : found->second;
  }
};

/// A body of which the front has come.
struct Multipart {
  std::map<std::string, std::string> fields;
  std::optional<std::size_t> payload_at;  ///< where the file's content begins
  std::string delimiter;                  ///< what ends it
};

/// Of what has come of the body.
Multipart parse_multipart(const std::string& content_type, const std::string& body);
/// The file's bytes in it, as far as they have come.
std::string_view payload_of(const Multipart& parsed, const std::string& body);
/// Request line and headers, up to and with the empty line.
void parse_head(const std::string& head, Seen& request);
Phase phase_of(const Seen& request, const Multipart& body);

/// A proper HTTP/1.1 answer. `headers`: whole lines, each with its CRLF.
std::string http_answer(int status, std::string_view body, std::string_view headers = {});

}  // namespace sluice::test
