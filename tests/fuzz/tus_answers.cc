// The tus protocol with a server that sends any responses in any order, lost responses, new tokens,
// and crashes after which the upload resumes. For all inputs:
//
//  - the file is registered only directly after the server has said that it holds all bytes; the
//    registration is not retried if the server may have processed it;
//  - no request goes to another server, and no header contains a line break;
//  - a chunk begins at the server's offset, and has at least the size of the server's part; if the
//    server keeps no byte of a chunk, the next one has twice the size, so at most 40 are in vain;
//  - committed() never exceeds the file's size or the number of bytes sent;
//  - the creation carries all bytes of a small file or none; after a creation with bytes, the next
//    one carries none until the server has created the upload;
//  - every message is printable and does not contain the token.
//
// Input: a line "SIZE CHUNK [1]", where 1 means that the server announces creation-with-upload, and
// a line for each response:
//
//     STATUS NAME:VALUE|BODY   a response with any number of headers; "~STATUS ..." is truncated
//     !                        the request failed without a response
//     x                        the process crashed before the response arrived
//     o                        for a chunk: the bytes on the server can no longer be compared with
//                              the file, so the request is not sent, and the upload restarts from
//                              the beginning

#include <algorithm>
#include <memory>
#include <optional>

#include "engine/protocol/deposit.h"
#include "engine/protocol/tus.h"
#include "tests/fuzz/fuzz.h"

namespace {

using namespace sluice;
using Step = Request::Step;

constexpr const char* tokens[] = {"7f3d0c9ab1e24586", "0a4be1775cc3d298"};
constexpr const char* base_url = "https://bank.example.org/data";
constexpr const char* origin = "https://bank.example.org/";

/// A model of the engine that calls the protocol (engine/upload/upload_run.cc) and checks its
/// properties.
class Driver {
 public:
  Driver(std::uint64_t size, std::uint64_t chunk_bytes, bool with_upload)
      : size_(size), chunk_bytes_(chunk_bytes), with_upload_(with_upload) {
    run();
  }

  /// Processes one line of the input. Returns false once the file is registered, or if the
  /// registration is in doubt and left to the user.
  bool step(std::string_view line) {
    const std::optional<Request> request = protocol_->next(chunk_bytes_);
    if (!request) return false;
    check(*request);
    sent_ = std::max(sent_, request->payload.end);
    if (request->step == Step::begin && request->payload.size() > 0) {
      FUZZ_CHECK(!first_bytes_sent_);
      first_bytes_sent_ = true;
    }
    const char mark = line.empty() ? '!' : line.front();
    if (mark == 'o' && request->step == Step::chunk) {
      protocol_->start_over();
      restart();
      FUZZ_CHECK(protocol_->committed() == 0);
      return true;
    }
    const bool answered = mark != 'x' && mark != '!' && mark != 'o';
    if (!answered && request->step == Step::finish) {
      fuzz::check_shown(protocol_->doubt());
      return false;
    }
    if (mark == 'x') {
      run();
    } else if (!answered) {
      protocol_->recover();
    } else if (!read_answer(*request, parse_answer(line))) {
      return false;
    }
    FUZZ_CHECK(protocol_->committed() <= std::min(size_, sent_));
    return true;
  }

 private:
  static Answer parse_answer(std::string_view line) {
    Answer answer;
    answer.truncated = line.front() == '~';
    if (answer.truncated) line.remove_prefix(1);
    answer.status = std::clamp(fuzz::take_number<int>(line), 200, 599);
    while (line.find('|') != line.npos) {
      std::string_view header = fuzz::take_until(line, '|');
      const std::string_view name = fuzz::take_until(header, ':');
      answer.headers.emplace_back(name, header);
    }
    answer.body = line;
    return answer;
  }

  /// Starts a new process with the state in the journal.
  void run() {
    Tus::Setting setting{.deposit = {"IDB-1", "scan 1.h5", size_},
                         .base_url = base_url,
                         .server = {},
                         .token = Secret(tokens[0]),
                         .creation = with_upload_ ? &creation_ : nullptr};
    if (!url_.empty()) {
      setting.earlier = Resumption{sent_, false};
      setting.upload_url = url_;
    } else {
      sent_ = 0;
    }
    token_ = 0;
    first_bytes_sent_ = false;
    complete_ = false;
    in_vain_ = 0;
    has_understood_ = always_marked_ = false;
    protocol_ = std::make_unique<Tus>(std::move(setting));
    FUZZ_CHECK(protocol_->committed() == 0);
  }

  void restart() {
    url_.clear();
    sent_ = 0;
    complete_ = false;
    in_vain_ = 0;
  }

  void check(const Request& request) const {
    FUZZ_CHECK(request.repeatable == (request.step != Step::finish));
    for (const std::string& header : request.headers) {
      fuzz::check_shown(header);
      FUZZ_CHECK(header.find(tokens[token_]) == std::string::npos ||
                 url_.find(tokens[token_]) != std::string::npos);
    }
    if (request.step == Step::begin || request.step == Step::finish) {
      FUZZ_CHECK(request.url.empty() && request.path.front() == '/');
    } else {
      FUZZ_CHECK(request.url.starts_with(origin), request.url);
      FUZZ_CHECK(request.url == url_, request.url);
      fuzz::check_shown(request.url);
    }
    if (request.step == Step::chunk) {
      const ByteRange& chunk = request.payload;
      FUZZ_CHECK(chunk.begin == protocol_->committed());
      FUZZ_CHECK((chunk.begin < chunk.end || size_ == 0) && chunk.end <= size_);
      FUZZ_CHECK(chunk.end == size_ || chunk.size() >= Tus::part_bytes(size_));
      FUZZ_CHECK(chunk.end == size_ || chunk.size() >= protocol_->least_chunk());
      FUZZ_CHECK(request.body_size() == chunk.size());
    } else if (request.step == Step::begin && request.payload.size() > 0) {
      FUZZ_CHECK(with_upload_ && size_ <= CreationWithUpload::most_bytes);
      FUZZ_CHECK(request.payload == (ByteRange{0, size_}) && request.body_size() == size_);
    } else {
      FUZZ_CHECK(request.payload.size() == 0);
    }
    if (request.step == Step::finish) FUZZ_CHECK(complete_);
  }

  static std::optional<std::uint64_t> offset(const Answer& answer) {
    const auto text = answer.header("upload-offset");
    std::uint64_t value = 0;
    if (!text || std::from_chars(text->begin(), text->end(), value).ec != std::errc()) return {};
    return value;
  }

  static bool is_marked(const Answer& answer) { return answer.header("tus-resumable").has_value(); }

  /// Returns false if the upload has ended.
  bool read_answer(const Request& request, const Answer& answer) {
    const std::uint64_t before = protocol_->committed();
    const Result<void> result = protocol_->read_answer(answer);
    if (request.step == Step::chunk && size_ > 0 && answer.status < 300 &&
        offset(answer) == before) {
      FUZZ_CHECK(!result);
      FUZZ_CHECK(++in_vain_ <= 45);
    }
    if (!result) return handle_error(request, answer, result.error());
    if (protocol_->committed() > before) in_vain_ = 0;
    switch (request.step) {
      case Step::begin: {
        const bool with_bytes = request.payload.size() > 0;
        if (protocol_->upload_url().empty()) {  // the same request follows without bytes
          FUZZ_CHECK(with_bytes && answer.status >= 400 && answer.status != 401);
          break;
        }
        FUZZ_CHECK(answer.status == 201 || (answer.status == 200 && is_marked(answer)));
        url_ = protocol_->upload_url();
        learn(answer);
        first_bytes_sent_ = false;
        sent_ = request.payload.end;
        FUZZ_CHECK(protocol_->committed() == 0 ||
                   (with_bytes && offset(answer) == protocol_->committed()));
        complete_ = protocol_->committed() == size_;
        break;
      }
      case Step::chunk:
      case Step::ask_committed:
        if (protocol_->upload_url().empty()) {  // the upload is gone
          FUZZ_CHECK(answer.status == 404 || answer.status == 410);
          FUZZ_CHECK(is_marked(answer) || !always_marked_, "a reverse proxy's response");
          restart();
          break;
        }
        FUZZ_CHECK(answer.status < 300 && offset(answer) == protocol_->committed());
        learn(answer);
        complete_ = protocol_->committed() == size_;
        break;
      case Step::finish:
        if (size_ == 0 && answer.status == 400) break;  // a PATCH without bytes follows
        FUZZ_CHECK(answer.status == 200);
        FUZZ_CHECK(!protocol_->next(1));
        return false;
      default:
        FUZZ_CHECK(false);
    }
    return true;
  }

  /// Records whether an understood response has Tus-Resumable.
  void learn(const Answer& answer) {
    always_marked_ = is_marked(answer) && (always_marked_ || !has_understood_);
    has_understood_ = true;
  }

  bool handle_error(const Request& request, const Answer& answer, const Error& error) {
    fuzz::check_shown(error.message);
    FUZZ_CHECK(error.message.find(tokens[token_]) == std::string::npos, error.message);
    FUZZ_CHECK(error.kind != ErrorKind::local_file && error.kind != ErrorKind::usage &&
               error.kind != ErrorKind::interrupted && error.kind != ErrorKind::unconfirmed);
    // The server may have processed the request, so the user must decide
    // (UploadRun::register_answered()).
    if (request.step == Step::finish &&
        (answer.status < 400 || answer.status >= 500 || answer.status == 408))
      return false;
    if (error.retryable) {
      protocol_->recover();
    } else if (error.kind == ErrorKind::token_refused) {
      token_ = 1;
      protocol_->replace_token(Secret(tokens[token_]));
      protocol_->recover();
    } else {
      run();  // the upload failed, and the user runs the command again
    }
    return true;
  }

  const std::uint64_t size_;
  const std::uint64_t chunk_bytes_;
  const bool with_upload_;
  CreationWithUpload creation_;
  std::unique_ptr<Tus> protocol_;
  int token_ = 0;
  bool first_bytes_sent_ = false;  ///< a creation with bytes was sent, and no response understood
  bool complete_ = false;          ///< the server's last response said that it has all bytes
  int in_vain_ = 0;                ///< consecutive chunks of which the server kept no byte
  bool has_understood_ = false;    ///< a response of the server itself was understood in this run
  bool always_marked_ = false;     ///< all understood responses had Tus-Resumable
  // The contents of the journal.
  std::uint64_t sent_ = 0;  ///< the end of the bytes that were sent; committed() must not exceed it
  std::string url_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text = fuzz::text_of(data, size);
  std::string_view first = fuzz::take_until(text, '\n');
  const std::uint64_t bytes = fuzz::take_number(first) % (max_file_size + 1);
  const std::uint64_t chunk = std::max<std::uint64_t>(1, fuzz::take_number(first));
  Driver driver(bytes, chunk, fuzz::take_number(first) == 1);
  while (!text.empty() && driver.step(fuzz::take_until(text, '\n'))) {
  }
  return 0;
}
