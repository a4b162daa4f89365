#include "engine/protocol/setup_question.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <string_view>
#include <utility>

#include "engine/base/text.h"
#include "engine/protocol/answer_text.h"
#include "engine/protocol/multipart.h"

namespace sluice {
namespace {

/// The deadline of the response. The question makes the server do no work, so a slower server is
/// overloaded or broken.
constexpr std::chrono::seconds question_timeout{30};

/// Returns a random name that no file has, so that the response is about the server and not a file.
std::string unused_file_name() {
  std::random_device random;
  return fmt::format("sluice-asks-{:08x}{:08x}{:08x}", random(), random(), random());
}

}  // namespace

/// A request body that is completely in memory.
class SetupQuestion::Body final : public RequestBody {
 public:
  explicit Body(std::string text) : text_(std::move(text)) {}
  std::size_t size() const { return text_.size(); }
  Piece read(std::span<std::byte> into) override {
    const std::size_t length = std::min(into.size(), text_.size() - read_);
    std::memcpy(into.data(), text_.data() + read_, length);
    read_ += length;
    return {Next::bytes, length};
  }
  bool rewind() override {
    read_ = 0;
    return true;
  }

 private:
  const std::string text_;
  std::size_t read_ = 0;
};

SetupQuestion::SetupQuestion(const std::string& base_url, const std::string& dataset,
                             const Secret& token) {
  // The same fields as in Phased's first request.
  Multipart form;
  form.field("phase", "setup").field("filename", unused_file_name());
  body_ = std::make_unique<Body>(form.head() + form.tail());
  exchange_.url = base_url + "/api/dataset/" + dataset + "/datafile";
  exchange_.headers = {form.content_type_header(), "Authorization: Token token=" + token.reveal()};
  exchange_.body = body_.get();
  exchange_.body_size = body_->size();
  exchange_.response_timeout = question_timeout;
}

SetupQuestion::~SetupQuestion() = default;

SetupAnswer read_setup_answer(const Answer& answer) {
  const auto failure = failure_object(answer);
  const std::string text = failure ? failure->error : answer_text(answer);
  if (answer.status == 401)
    return is_page(answer) && !contains(text, "Access denied") ? SetupAnswer::unclear
                                                               : SetupAnswer::refused_token;
  // The phased generation refuses a token this way (protocol, common facts).
  if (answer.status == 500 && failure && text == "Internal Server Error")
    return SetupAnswer::refused_token;
  if (answer.status == 404 && contains(text, "Dataset Not Found")) return SetupAnswer::no_dataset;
  if (answer.status == 500 && text == "invalid request") return SetupAnswer::no_phases;
  if (answer.status < 400 || is_away(answer) || contains(text, "<")) return SetupAnswer::unclear;
  const bool name_taken =
      contains(text, "File with the name ") && contains(text, "already exists in this dataset");
  return name_taken || contains(text, "missing paramter: filesize") ? SetupAnswer::phased
                                                                    : SetupAnswer::unclear;
}

bool accepts_token(SetupAnswer answer) {
  return answer == SetupAnswer::phased || answer == SetupAnswer::no_phases;
}

}  // namespace sluice
