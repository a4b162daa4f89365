// The requests of Tus: their headers, bodies and deadlines.
#include <fmt/format.h>

#include "engine/base/base64.h"
#include "engine/protocol/multipart.h"
#include "engine/protocol/tus.h"

namespace sluice {
namespace {

/// How long the server may take to join parts, or to copy a file into its storage.
constexpr std::chrono::seconds long_response_timeout{600};
/// The least deadline of a join, even if the user has set a shorter one for all responses: 30 s,
/// and 1 s for each 200 MB that the server copies.
constexpr std::chrono::seconds least_time_to_copy{30};
constexpr std::uint64_t copied_in_a_second = 200'000'000;

}  // namespace

Request Tus::request(Request::Step step, Request::Method method) const {
  Request request;
  request.step = step;
  request.method = method;
  request.url = url_;
  request.headers = {"Tus-Resumable: 1.0.0"};
  return request;
}

Request Tus::create() const {
  const bool joined = state_ == State::joining;
  Request request =
      this->request(joined ? Request::Step::join : Request::Step::begin, Request::Method::post);
  request.url.clear();
  request.path = "/files/";
  if (!joined) request.payload = chunk_;
  // Without a Content-Type, curl would send that of a form.
  request.headers.emplace_back(request.payload.size() > 0
                                   ? "Content-Type: application/offset+octet-stream"
                                   : "Content-Type:");
  if (!joined) request.headers.push_back(fmt::format("Upload-Length: {}", size_));
  // tuspyserver reports no offset of an upload that was created without a filetype.
  request.headers.push_back(fmt::format("Upload-Metadata: filename {},filetype {}",
                                        base64(setting_.deposit.name),
                                        base64("application/octet-stream")));
  if (setting_.role == Role::part) request.headers.emplace_back("Upload-Concat: partial");
  if (joined) {
    std::string urls;
    for (const Part& part : parts_) urls += (urls.empty() ? "" : " ") + part.url;
    request.headers.push_back("Upload-Concat: final;" + urls);
    // A second join would find the parts deleted, or being deleted. By itself, curl repeats a
    // request without a body where a kept connection is dead.
    request.repeatable = false;
    request.connection = Request::Connection::own;
    const std::chrono::seconds copying{size_ / copied_in_a_second};
    request.response_timeout = long_response_timeout + copying;
    request.least_response_timeout = least_time_to_copy + copying;
  }
  return request;
}

Request Tus::patch() {
  Request request = this->request(Request::Step::chunk, Request::Method::patch);
  request.headers.emplace_back("Content-Type: application/offset+octet-stream");
  request.headers.push_back(fmt::format("Upload-Offset: {}", chunk_.begin));
  request.payload = chunk_;
  return request;
}

Request Tus::registration() const {
  Multipart body;
  body.field("filename", setting_.deposit.name)
      .field("tus_url", url_)
      .field("size", std::to_string(size_))
      .field("dataset_key", setting_.deposit.dataset);
  Request request;
  request.step = Request::Step::finish;
  request.path = "/api/dataset/" + setting_.deposit.dataset + "/datafile";
  request.headers = {body.content_type_header()};
  request.head = body.head();
  request.tail = body.tail();
  request.repeatable = false;
  request.connection = Request::Connection::recent;
  request.response_timeout = long_response_timeout;
  return request;
}

}  // namespace sluice
