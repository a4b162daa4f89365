// A server that may say anything, to the phased protocol, in any order, with lost answers, new
// tokens and runs that die and are taken up again. Whatever it says:
//
//  - the file is registered only right after the server has said that it holds all of it (or, an
//    empty one, that it is set up);
//  - what an earlier run has sent is deleted (setup) only after the server has said that it has
//    none of it, or where the engine has given it up;
//  - no count passes the file's size, or what was sent; each request is one that can be sent;
//  - every message is fit to show, and does not hold the token.
//
// Input: a line "SIZE CHUNK", and then a line for each answer:
//
//     STATUS BODY     an answer; "~STATUS BODY" is one that was cut short
//     !               the request failed without one
//     x               the process died before it came
//     o               for a chunk: what the server holds cannot be compared any more, so it is not
//                     sent, and all begins anew
//     w               for all but a question, once a verify was sent: it may be under way, so the
//                     request is not sent, and it is asked again

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

/// What the engine would make of the answers (engine/upload/upload_run.cc), and what must be true
/// of it.
class Driver {
 public:
  Driver(std::uint64_t size, std::uint64_t chunk_bytes) : size_(size), chunk_bytes_(chunk_bytes) {
    run();
  }

  /// One line of the input; false once the file is registered.
  bool step(std::string_view line) {
    const std::optional<Request> request = protocol_->next(chunk_bytes_);
    if (!request) return false;
    check(*request);
    if (request->step == Step::chunk) sent_ = std::max(sent_, request->payload.end);
    const char mark = line.empty() ? '!' : line.front();
    const bool question = request->step == Step::ask_name || request->step == Step::ask_committed;
    if (mark == 'o' && request->step == Step::chunk) {
      protocol_->start_over();
      may_begin_ = true;
      FUZZ_CHECK(protocol_->committed() == 0);
    } else if (mark == 'w' && finishing_ && !question) {
      protocol_->ask_registered();
      FUZZ_CHECK(protocol_->next(chunk_bytes_)->step == Step::ask_name);
    } else {
      sent(*request);
      if (mark == 'x')
        run();
      else if (mark == '!' || mark == 'o' || mark == 'w')
        protocol_->recover();
      else
        answered(*request, read(line));
    }
    FUZZ_CHECK(protocol_->committed() <= std::min(size_, sent_));
    return true;
  }

 private:
  static Answer read(std::string_view line) {
    Answer answer;
    answer.truncated = line.front() == '~';
    if (answer.truncated) line.remove_prefix(1);
    answer.status = std::clamp(fuzz::take_number<int>(line), 100, 599);
    answer.body = line;
    return answer;
  }

  /// A new process, with what the journal says.
  void run() {
    std::optional<Resumption> earlier;
    if (begun_) earlier = Resumption{journaled_, finishing_};
    token_ = 0;
    protocol_ = std::make_unique<Phased>(Deposit{"IDB-1", "scan 1.h5", size_},
                                         Secret(tokens[token_]), earlier);
    may_begin_ = !begun_;
    may_finish_ = false;
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
    if (request.step == Step::begin) FUZZ_CHECK(may_begin_);
    if (request.step == Step::finish) FUZZ_CHECK(may_finish_);
  }

  /// It is out: what it may have done, and what the journal knew before.
  void sent(const Request& request) {
    may_finish_ = false;
    if (request.step == Step::begin) {
      journaled_ = 0;
      finishing_ = false;
    }
    if (request.step == Step::chunk) {
      // Whole blocks, and perhaps some that were never sent.
      journaled_ = std::max(journaled_, std::min(size_, (request.payload.end / 4096 + 1) * 4096));
    }
    if (request.step == Step::finish) finishing_ = true;
  }

  void answered(const Request& request, const Answer& answer) {
    const auto failure = failure_object(answer);
    const std::string text = failure ? failure->error : answer_text(answer);
    const bool nothing_staged =
        answer.status >= 400 && text.find("No such file or directory") != std::string::npos;
    const Result<void> result = protocol_->read_answer(answer);
    if ((request.step == Step::chunk || request.step == Step::ask_committed) && nothing_staged)
      may_begin_ = true;
    if (!result) {
      refused(result.error());
      return;
    }
    if (request.step == Step::begin) {
      begun_ = true;
      may_begin_ = false;
      sent_ = 0;
      may_finish_ = size_ == 0;
    }
    if (request.step == Step::ask_committed) may_finish_ = failure && failure->progress == size_;
    if (request.step == Step::ask_committed && !nothing_staged)
      FUZZ_CHECK(failure && failure->progress == protocol_->committed());
  }

  void refused(const Error& error) {
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
      run();  // it was the end; somebody tries again
    }
  }

  const std::uint64_t size_;
  const std::uint64_t chunk_bytes_;
  std::unique_ptr<Phased> protocol_;
  int token_ = 0;
  std::uint64_t sent_ = 0;   ///< or was about to be: no count beyond it is ours
  bool may_begin_ = false;   ///< what is staged, if anything is, may be deleted
  bool may_finish_ = false;  ///< the server has just said that it has all of it
  // The journal.
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
