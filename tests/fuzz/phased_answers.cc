// The phased protocol with a server that sends any responses in any order, lost responses, new
// tokens, and crashes after which the upload resumes. For all inputs:
//
//  - the file is registered (verify) only directly after the server has said that it holds all
//    bytes, or, for an empty file, that the setup succeeded;
//  - the bytes sent by an earlier run are deleted (setup) only after the server has said that it
//    has none of them, or after the engine has restarted from the beginning;
//  - committed() never exceeds the file's size or the number of bytes sent; each request is valid;
//  - every message is printable and does not contain the token.
//
// Input: a line "SIZE CHUNK", and a line for each response:
//
//     STATUS BODY     a response; "~STATUS BODY" is a truncated one
//     !               the request failed without a response
//     x               the process crashed before the response arrived
//     o               for a chunk: the staged bytes can no longer be compared with the file, so the
//                     request is not sent, and the upload restarts from the beginning
//     w               for all requests but questions, after a verify was sent: the verify may be
//                     running, so the request is not sent, and the engine asks for the name again

#include <algorithm>
#include <memory>
#include <optional>

#include "engine/protocol/answer_text.h"
#include "engine/protocol/deposit.h"
#include "engine/protocol/phased.h"
#include "tests/fuzz/fuzz.h"

namespace {

using namespace sluice;
using Step = Request::Step;

constexpr const char* tokens[] = {"7f3d0c9ab1e24586", "0a4be1775cc3d298"};

/// A model of the engine that calls the protocol (engine/upload/upload_run.cc) and checks its
/// properties.
class Driver {
 public:
  Driver(std::uint64_t size, std::uint64_t chunk_bytes) : size_(size), chunk_bytes_(chunk_bytes) {
    run();
  }

  /// Processes one line of the input. Returns false once the file is registered.
  bool step(std::string_view line) {
    const std::optional<Request> request = protocol_->next(chunk_bytes_);
    if (!request) return false;
    check(*request);
    if (request->step == Step::chunk) sent_ = std::max(sent_, request->payload.end);
    const char mark = line.empty() ? '!' : line.front();
    const bool question = request->step == Step::ask_name || request->step == Step::ask_committed;
    if (mark == 'o' && request->step == Step::chunk) {
      protocol_->start_over();
      can_delete_ = true;
      FUZZ_CHECK(protocol_->committed() == 0);
    } else if (mark == 'w' && finishing_ && !question) {
      protocol_->ask_registered();
      FUZZ_CHECK(protocol_->next(chunk_bytes_)->step == Step::ask_name);
    } else {
      record_sent(*request);
      if (mark == 'x')
        run();
      else if (mark == '!' || mark == 'o' || mark == 'w')
        protocol_->recover();
      else
        read_answer(*request, parse_answer(line));
    }
    FUZZ_CHECK(protocol_->committed() <= std::min(size_, sent_));
    return true;
  }

 private:
  static Answer parse_answer(std::string_view line) {
    Answer answer;
    answer.truncated = line.front() == '~';
    if (answer.truncated) line.remove_prefix(1);
    answer.status = std::clamp(fuzz::take_number<int>(line), 100, 599);
    answer.body = line;
    return answer;
  }

  /// Starts a new process with the state in the journal.
  void run() {
    std::optional<Resumption> earlier;
    if (begun_) earlier = Resumption{journaled_, finishing_};
    token_ = 0;
    protocol_ = std::make_unique<Phased>(Deposit{"IDB-1", "scan 1.h5", size_},
                                         Secret(tokens[token_]), earlier);
    can_delete_ = !begun_;
    can_register_ = false;
    sent_ = begun_ ? journaled_ : 0;
    FUZZ_CHECK(protocol_->committed() == 0);
  }

  void check(const Request& request) const {
    FUZZ_CHECK(request.path == "/api/dataset/IDB-1/datafile", request.path);
    FUZZ_CHECK(request.repeatable == (request.step != Step::finish));
    FUZZ_CHECK(!request.head.empty() && request.tail.ends_with("--\r\n"));
    FUZZ_CHECK(request.head.find(tokens[token_]) == std::string::npos);
    if (request.step == Step::chunk) {
      FUZZ_CHECK(request.payload.begin == protocol_->committed());
      FUZZ_CHECK(request.payload.begin < request.payload.end && request.payload.end <= size_);
      FUZZ_CHECK(request.payload.size() <= chunk_bytes_);
    } else {
      FUZZ_CHECK(request.payload.size() == 0);
    }
    if (request.step == Step::begin) FUZZ_CHECK(can_delete_);
    if (request.step == Step::finish) FUZZ_CHECK(can_register_);
  }

  /// Records a sent request: in the journal, as before sending, and its possible effect.
  void record_sent(const Request& request) {
    can_register_ = false;
    if (request.step == Step::begin) {
      journaled_ = 0;
      finishing_ = false;
    }
    if (request.step == Step::chunk) {
      // The journal counts whole blocks, also blocks that were not sent yet.
      journaled_ = std::max(journaled_, std::min(size_, (request.payload.end / 4096 + 1) * 4096));
    }
    if (request.step == Step::finish) finishing_ = true;
  }

  void read_answer(const Request& request, const Answer& answer) {
    const auto failure = failure_object(answer);
    const std::string text = failure ? failure->error : answer_text(answer);
    const bool nothing_staged =
        answer.status >= 400 && text.find("No such file or directory") != std::string::npos;
    const Result<void> result = protocol_->read_answer(answer);
    if ((request.step == Step::chunk || request.step == Step::ask_committed) && nothing_staged)
      can_delete_ = true;
    if (!result) {
      handle_error(result.error());
      return;
    }
    if (request.step == Step::begin) {
      begun_ = true;
      can_delete_ = false;
      sent_ = 0;
      can_register_ = size_ == 0;
    }
    if (request.step == Step::ask_committed) can_register_ = failure && failure->progress == size_;
    if (request.step == Step::ask_committed && !nothing_staged)
      FUZZ_CHECK(failure && failure->progress == protocol_->committed());
  }

  void handle_error(const Error& error) {
    fuzz::check_shown(error.message);
    fuzz::check_shown(protocol_->doubt());
    FUZZ_CHECK(error.message.find(tokens[token_]) == std::string::npos, error.message);
    FUZZ_CHECK(error.kind != ErrorKind::local_file && error.kind != ErrorKind::usage &&
               error.kind != ErrorKind::interrupted);
    if (error.retryable) {
      protocol_->recover();
    } else if (error.kind == ErrorKind::token_refused) {
      token_ = 1;
      protocol_->replace_token(Secret(tokens[token_]));
      protocol_->recover();
    } else {
      run();  // the upload failed, and the user runs the command again
    }
  }

  const std::uint64_t size_;
  const std::uint64_t chunk_bytes_;
  std::unique_ptr<Phased> protocol_;
  int token_ = 0;
  std::uint64_t sent_ = 0;  ///< the end of the bytes that were sent; committed() must not exceed it
  bool can_delete_ = false;    ///< whether a setup may delete the staged bytes
  bool can_register_ = false;  ///< the server's last response said that it has all bytes
  // The contents of the journal.
  bool begun_ = false;
  bool finishing_ = false;
  std::uint64_t journaled_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text = fuzz::text_of(data, size);
  std::string_view first = fuzz::take_until(text, '\n');
  const std::uint64_t bytes = fuzz::take_number(first) % (max_file_size + 1);
  const std::uint64_t chunk = std::max<std::uint64_t>(1, fuzz::take_number(first));
  Driver driver(bytes, chunk);
  while (!text.empty() && driver.step(fuzz::take_until(text, '\n'))) {
  }
  return 0;
}
