// The phased protocol with a correct server and faults: requests and responses are lost, chunks are
// appended in part, staged bytes are lost, the token is refused, the process crashes. For all
// inputs, the file is registered at most once and only complete; without further faults, the file
// is registered within a bounded number of requests.
//
// Input: a line "SIZE CHUNK", and one character for each request:
//
//     .  processed, with a response           q  the request is lost
//     r  processed, the response is lost      p  half of the chunk is appended, no response
//     f  the staged bytes are lost before     g  processed, the response is garbage
//     s  503, not processed                   i  500 "Internal Server Error", not processed
//     t  401, not processed                   l  413, not processed
//     k  the client crashes before sending    K  processed, then the client crashes
//     v  a verify whose response is lost and that runs until three more requests are due

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

/// A name that no server changes, so that the protocol asks for no other name.
constexpr const char* file_name = "scan-1.h5";

/// A correct server for one file.
class Server {
 public:
  explicit Server(std::uint64_t size) : size_(size) {}

  Answer process(const Request& request) {
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

  void append_half(const Request& request) {
    if (request.payload.size() > 0 && held_ == request.payload.begin)
      *held_ += request.payload.size() / 2;
  }
  void lose_staged() { held_.reset(); }

  /// Starts a slow verify: the staged file is gone, and the name does not exist yet.
  void begin_registering() { registering_ = std::exchange(held_, {}); }
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
  std::optional<std::uint64_t> registering_;  ///< bytes of a running verify
  int registrations_ = 0;
};

/// A model of the engine that calls the protocol (engine/upload/upload_run.cc).
class Client {
 public:
  Client(std::uint64_t size, std::uint64_t chunk_bytes)
      : size_(size), chunk_bytes_(chunk_bytes), server_(size) {
    run();
  }

  void step(char fault) {
    if (ended_) run();
    const std::optional<Request> request = protocol_->next(chunk_bytes_);
    if (!request) {
      FUZZ_CHECK(server_.has_registered());
      registered_ = ended_ = true;
      return;
    }
    if (must_wait(*request)) {
      protocol_->ask_registered();
      return;
    }
    write_journal(*request);
    switch (fault) {
      case 'q':
        return protocol_->recover();
      case 'r':
        server_.process(*request);
        return protocol_->recover();
      case 'p':
        server_.append_half(*request);
        return protocol_->recover();
      case 'f':
        server_.lose_staged();
        return read_answer(*request, server_.process(*request));
      case 'g':
        server_.process(*request);
        return read_answer(*request, {.status = 200, .body = "\x1B[2J\xFF rubbish"});
      case 's':
        return read_answer(*request, {.status = 503, .body = "<html><title>Busy</title>"});
      case 'i':
        return read_answer(
            *request, {.status = 500, .body = R"({"status":500,"error":"Internal Server Error"})"});
      case 't':
        return read_answer(*request, {.status = 401, .body = "HTTP Token: Access denied.\n"});
      case 'l':
        return read_answer(*request, {.status = 413, .body = ""});
      case 'v':
        if (request->step == Step::finish) {
          server_.begin_registering();
          registering_for_ = 3;
          name_is_stale_ = true;
        }
        return protocol_->recover();
      case 'k':
        return run();
      case 'K':
        server_.process(*request);
        return run();
      default:
        return read_answer(*request, server_.process(*request));
    }
  }

  /// Continues without faults until the file is registered.
  void finish_without_faults() {
    const auto finish = [this] {
      // Enough for each chunk once, and some questions before and after.
      for (std::uint64_t left = size_ / chunk_bytes_ + 16; left > 0 && !ended_; --left) step('.');
      FUZZ_CHECK(ended_);
    };
    if (ended_) run();
    finish();
    if (registered_) return;
    // The upload failed, so the user starts a new one.
    begun_ = false;
    run();
    finish();
    FUZZ_CHECK(registered_ || name_taken_);
    FUZZ_CHECK(server_.has_registered());
  }

 private:
  /// Starts a new process with the state in the journal.
  void run() {
    std::optional<Resumption> earlier;
    if (begun_) earlier = Resumption{journaled_, finishing_};
    protocol_ = std::make_unique<Phased>(Deposit{"IDB-1", file_name, size_}, Secret(), earlier);
    ended_ = registered_ = name_taken_ = false;
  }

  /// Updates the journal before the request is sent.
  void write_journal(const Request& request) {
    if (request.step == Step::begin) {
      journaled_ = 0;
      finishing_ = false;
    }
    if (request.step == Step::chunk)
      journaled_ = std::max(journaled_, std::min(size_, (request.payload.end / 4096 + 1) * 4096));
    if (request.step == Step::finish) finishing_ = true;
  }

  /// Returns whether the request must not be sent yet: while a verify may be running, and until the
  /// server was asked for the name afterwards, only questions are allowed.
  bool must_wait(const Request& request) {
    if (registering_for_ > 0 && --registering_for_ == 0) server_.end_registering();
    if (request.step == Step::ask_name) name_is_stale_ = registering_for_ > 0;
    return name_is_stale_ && request.step != Step::ask_name && request.step != Step::ask_committed;
  }

  void read_answer(const Request& request, const Answer& answer) {
    const Result<void> result = protocol_->read_answer(answer);
    if (result) {
      if (request.step == Step::begin) begun_ = true;
      return;
    }
    // A correct server causes no permanent integrity error.
    FUZZ_CHECK(result.error().kind != ErrorKind::integrity || result.error().retryable,
               result.error().message);
    if (result.error().retryable || result.error().kind == ErrorKind::token_refused) {
      protocol_->recover();
    } else {
      name_taken_ = result.error().kind == ErrorKind::name_taken;
      FUZZ_CHECK(!name_taken_ || server_.has_registered());
      ended_ = true;
    }
  }

  const std::uint64_t size_;
  const std::uint64_t chunk_bytes_;
  Server server_;
  std::unique_ptr<Phased> protocol_;
  int registering_for_ = 0;     ///< the number of requests until the running verify ends
  bool name_is_stale_ = false;  ///< the server was last asked for the name before the verify ended
  bool ended_ = false, registered_ = false, name_taken_ = false;
  // The contents of the journal.
  bool begun_ = false, finishing_ = false;
  std::uint64_t journaled_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text = fuzz::text_of(data, size);
  std::string_view first = fuzz::take_until(text, '\n');
  constexpr std::uint64_t largest = 1'000'000;
  const std::uint64_t bytes = fuzz::take_number(first) % largest;
  // At most 16 chunks, so that an input takes microseconds.
  const std::uint64_t chunk = std::max(bytes / 16 + 1, fuzz::take_number(first) % largest);
  Client client(bytes, chunk);
  for (const char fault : text) client.step(fault);
  client.finish_without_faults();
  return 0;
}
