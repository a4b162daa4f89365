#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

/// Parsing of requests and creation of raw responses for scripted servers.
namespace sluice::test {

/// The purpose of a request, from its method and the fields of its body.
enum class Phase {
  ask,       ///< setup without filesize: checks whether the name is free
  setup,     ///< setup with filesize
  transfer,  ///< a chunk
  probe,     ///< a transfer with previous_size=-1: asks for the progress
  verify,
  create,        ///< tus: POST to the collection
  join,          ///< tus: the same, for joining uploads
  head,          ///< tus: asks for the offset
  patch,         ///< tus: a chunk
  remove,        ///< tus: DELETE
  registration,  ///< the registration after a tus upload
  whole,         ///< a binary upload
  options,       ///< OPTIONS: detects the protocol
  other,
  any,  ///< for a Fault: all phases
};

/// A received request.
struct Seen {
  Phase phase = Phase::other;
  std::string method;
  std::string target;                          ///< of the request line
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::map<std::string, std::string> fields;   ///< of the multipart body, without the file
  std::size_t payload_size = 0;                ///< received bytes of the file
  bool complete = false;                       ///< the whole body was received
  int connection = 0;                          ///< the number of the connection, from 0

  std::string field(const std::string& name) const {
    const auto found = fields.find(name);
    return found == fields.end() ? std::string() : found->second;
  }
  /// Returns the offset of a chunk according to the request.
  std::string offset() const {
    if (phase != Phase::patch) return field("previous_size");
    const auto found = headers.find("upload-offset");
    return found == headers.end() ? std::string() : found->second;
  }
};

/// The received part of a multipart body.
struct Multipart {
  std::map<std::string, std::string> fields;
  std::optional<std::size_t> payload_at;  ///< where the content of the file begins
  std::string delimiter;                  ///< the end of the content
};

/// Parses the received part of a body.
Multipart parse_multipart(const std::string& content_type, const std::string& body);
/// Returns the received bytes of the file.
std::string_view payload_of(const Multipart& parsed, const std::string& body);
/// Parses the request line and headers, including the empty line.
void parse_head(const std::string& head, Seen& request);
Phase phase_of(const Seen& request, const Multipart& body);

/// Returns a valid HTTP/1.1 response. `headers`: whole lines, each with its CRLF.
std::string http_answer(int status, std::string_view body, std::string_view headers = {});

}  // namespace sluice::test
