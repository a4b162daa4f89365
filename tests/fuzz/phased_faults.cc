// A server that keeps to the protocol, where everything goes wrong that can: requests and answers
// get lost, chunks are appended in part, what was staged is forgotten, the token is refused, the
// process dies. Whatever happens, the file is registered at most once, and only whole; and once
// things go well again, it is registered within a bounded number of requests.
//
// Input: a line "SIZE CHUNK", and then one character for each request:
//
//     .  carried out and answered         q  lost on its way
//     r  carried out, the answer lost     p  half of its chunk is appended, no answer
//     f  what was staged is gone first    g  carried out, the answer is rubbish
//     s  503, nothing done                i  500 "Internal Server Error", nothing done
//     t  401, nothing done                l  413, nothing done
//     k  the process dies before it       K  the process dies after it was carried out
//     v  a verify whose answer is lost, and which the server is still at while three more are due

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "engine/protocol/phased.h"
#include "tests/fuzz/fuzz.h"

namespace {

using namespace sluice;
using Step = Request::Step;

/// No server changes it, so that no other name is asked for.
constexpr const char* file_name = "scan-1.h5";

/// The server's side, as the protocol's description has it: it reads what the request says.
class Server {
 public:
  explicit Server(std::uint64_t size) : size_(size) {}

  Answer carry_out(const Request& request) {
    FUZZ_CHECK(field(request, "filename") == file_name);
    const std::string phase = field(request, "phase");
    if (phase == "setup") return set_up(request);
    if (phase == "transfer") return transfer(request);
    FUZZ_CHECK(phase == "verify", phase);
    if (!held_) return nothing_staged();
    register_file();
    return {.status = 200,
            .body = std::string(file_name) +
                    " successfully uploaded.  Refresh dataset page to see newly uploaded file."};
  }

  void append_a_part(const Request& request) {
    if (request.payload.size() > 0 && held_ == request.payload.begin)
      *held_ += request.payload.size() / 2;
  }
  void forget() { held_.reset(); }

  /// A verify that takes its time: the staged file is gone, and the name is not there yet.
  void begin_to_register() { registering_ = std::exchange(held_, {}); }
  void end_registering() {
    if (!registering_) return;
    held_ = std::exchange(registering_, {});
    register_file();
  }
  bool has_registered() const { return registrations_ == 1; }

 private:
  static std::string field(const Request& request, const std::string& name) {
    const std::string mark = "name=\"" + name + "\"\r\n\r\n";
    const std::size_t at = request.head.find(mark);
    if (at == std::string::npos) return {};
    const std::size_t begin = at + mark.size();
    return request.head.substr(begin, request.head.find("\r\n", begin) - begin);
  }
  static Answer nothing_staged() {
    return {.status = 500, .body = "No such file or directory @ rb_file_s_size - /x\n"};
  }

  void register_file() {
    FUZZ_CHECK(held_ == size_);
    ++registrations_;
    FUZZ_CHECK(registrations_ == 1);
  }

  Answer set_up(const Request& request) {
    if (has_registered())
      return {.status = 500,
              .body = std::string("File with the name ") + file_name +
                      " already exists in this dataset.\n"};
    const std::string bytes = field(request, "filesize");
    if (bytes.empty()) return {.status = 500, .body = "missing paramter: filesize\n"};
    FUZZ_CHECK(bytes == std::to_string(size_), bytes);
    held_ = 0;
    return {.status = 200, .body = std::string("successfully set up ") + file_name};
  }

  Answer transfer(const Request& request) {
    if (!held_) return nothing_staged();
    const std::string previous = field(request, "previous_size");
    if (previous == std::to_string(*held_)) {
      FUZZ_CHECK(request.payload.begin == *held_ && request.payload.end <= size_);
      held_ = request.payload.end;
      return {.status = 200, .body = std::string("successfully added chunk to ") + file_name};
    }
    return {.status = 200,
            .body = R"({"error":"Unexpected previous_size value.  Expected: )" +
                    std::to_string(*held_) + ", Recieved: " + previous + R"(\n","progress":)" +
                    std::to_string(*held_) + R"(,"status":500})"};
  }

  const std::uint64_t size_;
  std::optional<std::uint64_t> held_;         ///< bytes staged
  std::optional<std::uint64_t> registering_;  ///< bytes of a verify under way
  int registrations_ = 0;
};

/// What the engine would do with the answers (engine/upload/upload_run.cc).
class Client {
 public:
  Client(std::uint64_t size, std::uint64_t chunk_bytes)
      : size_(size), chunk_bytes_(chunk_bytes), server_(size) {
    run();
  }

  void step(char fault) {
    if (over_) run();
    const std::optional<Request> request = protocol_->next(chunk_bytes_);
    if (!request) {
      FUZZ_CHECK(server_.has_registered());
      registered_ = over_ = true;
      return;
    }
    if (must_wait(*request)) {
      protocol_->ask_registered();
      return;
    }
    journal(*request);
    switch (fault) {
      case 'q':
        return protocol_->recover();
      case 'r':
        server_.carry_out(*request);
        return protocol_->recover();
      case 'p':
        server_.append_a_part(*request);
        return protocol_->recover();
      case 'f':
        server_.forget();
        return read(*request, server_.carry_out(*request));
      case 'g':
        server_.carry_out(*request);
        return read(*request, {.status = 200, .body = "\x1B[2J\xFF rubbish"});
      case 's':
        return read(*request, {.status = 503, .body = "<html><title>Busy</title>"});
      case 'i':
        return read(*request,
                    {.status = 500, .body = R"({"status":500,"error":"Internal Server Error"})"});
      case 't':
        return read(*request, {.status = 401, .body = "HTTP Token: Access denied.\n"});
      case 'l':
        return read(*request, {.status = 413, .body = ""});
      case 'v':
        if (request->step == Step::finish) {
          server_.begin_to_register();
          registering_for_ = 3;
          name_is_stale_ = true;
        }
        return protocol_->recover();
      case 'k':
        return run();
      case 'K':
        server_.carry_out(*request);
        return run();
      default:
        return read(*request, server_.carry_out(*request));
    }
  }

  /// From here on all goes well.
  void end_well() {
    const auto finish = [this] {
      // Each chunk once, and some questions before and after.
      for (std::uint64_t left = size_ / chunk_bytes_ + 16; left > 0 && !over_; --left) step('.');
      FUZZ_CHECK(over_);
    };
    if (over_) run();
    finish();
    if (registered_) return;
    // The last word was an error, so somebody sends it anew.
    begun_ = false;
    run();
    finish();
    FUZZ_CHECK(registered_ || name_taken_);
    FUZZ_CHECK(server_.has_registered());
  }

 private:
  /// A new process, with what the journal says.
  void run() {
    std::optional<Resumption> earlier;
    if (begun_) earlier = Resumption{journaled_, finishing_};
    protocol_ = std::make_unique<Phased>(Deposit{"IDB-1", file_name, size_}, Secret(), earlier);
    over_ = registered_ = name_taken_ = false;
  }

  /// What is written down before the request can have any effect.
  void journal(const Request& request) {
    if (request.step == Step::begin) {
      journaled_ = 0;
      finishing_ = false;
    }
    if (request.step == Step::chunk)
      journaled_ = std::max(journaled_, std::min(size_, (request.payload.end / 4096 + 1) * 4096));
    if (request.step == Step::finish) finishing_ = true;
  }

  /// While the server may be at a verify, and until it was asked for the name after that, there are
  /// only questions.
  bool must_wait(const Request& request) {
    if (registering_for_ > 0 && --registering_for_ == 0) server_.end_registering();
    if (request.step == Step::ask_name) name_is_stale_ = registering_for_ > 0;
    return name_is_stale_ && request.step != Step::ask_name && request.step != Step::ask_committed;
  }

  void read(const Request& request, const Answer& answer) {
    const Result<void> result = protocol_->read_answer(answer);
    if (result) {
      if (request.step == Step::begin) begun_ = true;
      return;
    }
    // The server has done nothing that would be beyond help.
    FUZZ_CHECK(result.error().kind != ErrorKind::integrity || result.error().retryable,
               result.error().message);
    if (result.error().retryable || result.error().kind == ErrorKind::token_refused) {
      protocol_->recover();
    } else {
      name_taken_ = result.error().kind == ErrorKind::name_taken;
      FUZZ_CHECK(!name_taken_ || server_.has_registered());
      over_ = true;
    }
  }

  const std::uint64_t size_;
  const std::uint64_t chunk_bytes_;
  Server server_;
  std::unique_ptr<Phased> protocol_;
  int registering_for_ = 0;     ///< so many more requests are due while a verify is under way
  bool name_is_stale_ = false;  ///< the server was last asked for it before the verify was over
  bool over_ = false, registered_ = false, name_taken_ = false;
  // The journal.
  bool begun_ = false, finishing_ = false;
  std::uint64_t journaled_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text = fuzz::text_of(data, size);
  std::string_view first = fuzz::take_until(text, '\n');
  constexpr std::uint64_t largest = 1'000'000;
  const std::uint64_t bytes = fuzz::take_number(first) % largest;
  // Few enough chunks that an input takes microseconds.
  const std::uint64_t chunk = std::max(bytes / 16 + 1, fuzz::take_number(first) % largest);
  Client client(bytes, chunk);
  for (const char fault : text) client.step(fault);
  client.end_well();
  return 0;
}
