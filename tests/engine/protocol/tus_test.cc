#include "engine/protocol/tus.h"

#include "tests/engine/protocol/tus_fixture.h"

namespace sluice::tus_steps::tus_test {
namespace {

TEST(Tus, CreatesSendsAndRegisters) {
  Tus protocol(setting());
  std::vector<std::string> seen;
  while (auto request = protocol.next(part)) {
    const std::string at = std::to_string(request->payload.begin / MiB) + "-" +
                           std::to_string(request->payload.end / MiB);
    switch (request->step) {
      case Step::begin:
        EXPECT_EQ(request->method, Request::Method::post);
        EXPECT_EQ(request->path, "/files/");
        EXPECT_EQ(request->url, "");
        EXPECT_TRUE(has_header(*request, "Upload-Length: 12582912"));
        EXPECT_TRUE(has_header(*request,
                               "Upload-Metadata: filename YSBiLmg1,"
                               "filetype YXBwbGljYXRpb24vb2N0ZXQtc3RyZWFt"));
        seen.push_back("create");
        ASSERT_TRUE(protocol.read_answer(created()));
        break;
      case Step::chunk:
        EXPECT_EQ(request->method, Request::Method::patch);
        EXPECT_EQ(request->url, upload);
        EXPECT_TRUE(has_header(*request, "Content-Type: application/offset+octet-stream"));
        EXPECT_TRUE(
            has_header(*request, "Upload-Offset: " + std::to_string(request->payload.begin)));
        EXPECT_EQ(request->body_size(), request->payload.size()) << "nothing but the bytes";
        seen.push_back(at);
        ASSERT_TRUE(protocol.read_answer(at_offset(request->payload.end)));
        break;
      case Step::finish:
        EXPECT_EQ(request->path, "/api/dataset/IDB-1/datafile");
        EXPECT_EQ(field(*request, "filename"), "a b.h5");
        EXPECT_EQ(field(*request, "tus_url"), upload);
        EXPECT_EQ(field(*request, "size"), "12582912");
        EXPECT_EQ(field(*request, "dataset_key"), "IDB-1");
        seen.push_back("register");
        ASSERT_TRUE(protocol.read_answer(registered));
        break;
      default:
        FAIL() << describe(request->step, "file");
    }
    EXPECT_EQ(has_header(*request, "Tus-Resumable: 1.0.0"), request->step != Step::finish);
    EXPECT_EQ(request->repeatable, request->step != Step::finish);
  }
  EXPECT_EQ(seen, (std::vector<std::string>{"create", "0-5", "5-10", "10-12", "register"}));
  EXPECT_EQ(protocol.committed(), file_size);
  EXPECT_EQ(protocol.upload_url(), upload);
}

TEST(Tus, CreatesAndRegistersEmptyFile) {
  At at(Step::begin, setting(0));
  ASSERT_TRUE(at.protocol.read_answer(created()));
  EXPECT_EQ(at.next(), Step::finish);
}

/// The newest Data Bank creates the file at the first PATCH.
TEST(Tus, SendsEmptyPatchIfServerDoesNotKnowEmptyUpload) {
  const Answer unknown = answer(400, {}, "Invalid TUS upload reference");
  At at(Step::finish, setting(0));
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(at.protocol.read_answer(unknown));
    ASSERT_EQ(at.next(), Step::chunk);
    EXPECT_EQ(at.request.method, Request::Method::patch);
    EXPECT_TRUE(has_header(at.request, "Upload-Offset: 0"));
    EXPECT_EQ(at.request.body_size(), 0U);
    ASSERT_TRUE(at.protocol.read_answer(at_offset(0)));
    ASSERT_EQ(at.next(), Step::finish);
  }
  const Error error = at.error_for(unknown);
  EXPECT_EQ(error.kind, ErrorKind::failed);
  EXPECT_FALSE(error.retryable);
  EXPECT_FALSE(At(Step::finish).error_for(unknown).retryable) << "a file with bytes has been sent";
}

/// @uploadx/core answers 200 for a file without bytes, because no bytes are left to send.
TEST(Tus, Accepts200ToCreationFromTusServer) {
  At at(Step::begin, setting(0));
  ASSERT_TRUE(at.protocol.read_answer(
      answer(200, {{"location", "//bank.example.org/data/files/7"}, {"tus-resumable", "1.0.0"}})));
  EXPECT_EQ(at.next(), Step::finish);
  EXPECT_EQ(field(at.request, "tus_url"), upload);
}

TEST(Tus, ChunksHaveAtLeastTheServersPartSize) {
  EXPECT_EQ(Tus::part_bytes(0), part);
  EXPECT_EQ(Tus::part_bytes(part * 10000), part);
  EXPECT_EQ(Tus::part_bytes(part * 10000 + 1), part + 1);
  EXPECT_EQ(Tus::part_bytes(2199023255552), 219902326U);
  At huge(Step::chunk, setting(2199023255552));
  EXPECT_EQ(huge.next(1), Step::chunk);
  EXPECT_EQ(huge.request.payload, (ByteRange{0, 219902326}));
  EXPECT_EQ(huge.next(~std::uint64_t{0}), Step::chunk);
  EXPECT_EQ(huge.request.payload, (ByteRange{0, 2199023255552})) << "a PATCH may be all of it";
}

TEST(Tus, QuotesInvalidOffset) {
  for (const Step step : {Step::chunk, Step::ask_committed}) {
    const auto error = [&](Headers headers) {
      headers.emplace_back("tus-resumable", "1.0.0");
      return At(step, resumed(part)).error_for(answer(200, std::move(headers))).message;
    };
    EXPECT_THAT(error({}), HasSubstr("no Upload-Offset"));
    EXPECT_THAT(error({{"upload-offset", "-5"}}), HasSubstr("Upload-Offset header, '-5'"));
    // Two offsets that differ are invalid.
    EXPECT_THAT(error({{"upload-offset", "5"}, {"upload-offset", "6"}}), HasSubstr("5, 6"));
    At same(step, resumed(part));
    const std::string all = std::to_string(step == Step::chunk ? same.request.payload.end : part);
    EXPECT_TRUE(
        same.protocol.read_answer(answer(204, {{"upload-offset", all}, {"upload-offset", all}})));
  }
}

TEST(Tus, RejectsUploadOfAnotherLength) {
  const Error error = At(Step::ask_committed, resumed(part)).error_for(held(part, file_size + 1));
  EXPECT_EQ(error.kind, ErrorKind::integrity);
  EXPECT_THAT(error.message, HasSubstr(std::to_string(file_size + 1)));
  EXPECT_FALSE(error.retryable);
}

constexpr Step all_steps[] = {Step::begin, Step::chunk, Step::ask_committed};
At at_step(Step step) {
  return At(step, step == Step::ask_committed ? resumed(file_size) : setting());
}

TEST(Tus, TransientErrorsHaveSameKindBeforeRegistration) {
  for (const Step step : all_steps) {
    for (const int status : {408, 423, 429, 502, 503, 504}) {
      At at = at_step(step);
      const Error error = at.error_and_retry(answer(status, {}, "<html>busy</html>"));
      EXPECT_EQ(error.kind, ErrorKind::unreachable) << status;
      EXPECT_EQ(at.request.step, step == Step::chunk ? Step::ask_committed : step);
    }
    At refused = at_step(step);
    const Error denied = refused.error_for(answer(401, {}, std::string("you sent ") + token));
    EXPECT_EQ(denied.kind, ErrorKind::token_refused);
    EXPECT_FALSE(denied.retryable);
    EXPECT_EQ(at_step(step).error_for(answer(412)).kind, ErrorKind::failed);
    EXPECT_FALSE(at_step(step).error_for(answer(412)).retryable);
    // A page comes from a reverse proxy and is transient.
    for (const int status : {302, 307, 200, 403}) {
      const Error page = at_step(step).error_for(
          answer(status, {{"location", "https://login.example.org/"}}, "<title>Log in</title>"));
      EXPECT_EQ(page.kind, ErrorKind::failed) << status;
      EXPECT_TRUE(page.retryable) << status;
    }
    EXPECT_TRUE(at_step(step).error_for(answer(500, {}, "boom")).retryable);
  }
}

TEST(Tus, RejectsInvalidResponsesAtEveryStep) {
  const std::string huge(70000, 'x');
  for (const Step step : all_steps)
    for (const int status : {200, 201, 204, 301, 400, 403, 418, 500, 599})
      for (const std::string& text :
           {std::string(), huge, std::string("\xFF\xFE\x00", 3), std::string("-1"),
            std::string("12582912x"), std::string("99999999999999999999"), std::string("0x10"),
            std::string("1e3"), std::string(" 5")})
        at_step(step).error_for(answer(status, {{"upload-offset", text}, {"x-location", "7"}}));
}

TEST(Tus, ContinuesFromOffsetInResponse) {
  At at(Step::chunk);
  ASSERT_TRUE(at.protocol.read_answer(at_offset(3)));
  EXPECT_EQ(at.protocol.committed(), 3U) << "the server keeps parts of chunks";
  ASSERT_EQ(at.next(), Step::chunk);
  EXPECT_EQ(at.request.payload, (ByteRange{3, 3 + part}));
  // For an offset before the chunk or after its end, HEAD asks.
  for (const std::uint64_t offset : {std::uint64_t{2}, 3 + part + 1, file_size + 1}) {
    At other(Step::chunk);
    ASSERT_TRUE(other.protocol.read_answer(at_offset(3)));
    other.ask();
    EXPECT_EQ(other.error_and_retry(at_offset(offset)).kind, ErrorKind::integrity) << offset;
    EXPECT_EQ(other.request.step, Step::ask_committed);
    EXPECT_EQ(other.protocol.committed(), 3U);
  }
}

/// 204 with an unchanged offset: the chunks grow up to the rest of the file, then the upload fails.
TEST(Tus, UnchangedOffsetDoublesChunkUntilFailure) {
  constexpr std::uint64_t size = std::uint64_t{2} << 40;
  At at(Step::chunk, setting(size));
  std::uint64_t last = 0;
  int patches = 0;
  int whole = 0;
  while (true) {
    ASSERT_EQ(at.request.step, Step::chunk);
    ASSERT_LT(++patches, 60);
    const std::uint64_t length = at.request.payload.size();
    EXPECT_TRUE(length >= 2 * last || length == size);
    last = length;
    whole += length == size;
    const Error error = at.error_for(at_offset(0));
    EXPECT_EQ(error.kind, ErrorKind::integrity);
    if (!error.retryable) break;
    at.protocol.recover();
    ASSERT_EQ(at.next(), Step::ask_committed);
    ASSERT_TRUE(at.protocol.read_answer(held(0, size)));
    at.ask();
  }
  EXPECT_EQ(whole, 2);
  EXPECT_EQ(patches, 16) << "from 220 MB to 2 TB";
}

/// A PATCH in between was lost, but the server stored some of its bytes.
TEST(Tus, BytesOfLostPatchCountAsProgress) {
  At at(Step::chunk);
  std::uint64_t kept = 0;
  for (int i = 0; i < 6; ++i) {
    while (at.request.payload.size() < file_size - kept) {
      at.protocol.recover();
      at.ask();
      ASSERT_TRUE(at.protocol.read_answer(held(kept)));
      at.ask(file_size);
    }
    EXPECT_TRUE(at.error_for(at_offset(kept)).retryable) << i;
    at.protocol.recover();
    at.ask();
    ASSERT_TRUE(at.protocol.read_answer(held(++kept)));
    at.ask(file_size);
  }
}

TEST(Tus, ProgressResetsCountOfUnstoredPatches) {
  At at(Step::chunk);
  at.error_and_retry(at_offset(0));
  ASSERT_TRUE(at.protocol.read_answer(held(0)));
  at.ask();
  EXPECT_EQ(at.request.payload.size(), 2 * part);
  EXPECT_EQ(at.protocol.least_chunk(), 2 * part);
  ASSERT_TRUE(at.protocol.read_answer(at_offset(2 * part)));
  at.ask();  // the rest, which is shorter
  for (const bool again : {true, false}) {
    EXPECT_EQ(at.error_for(at_offset(2 * part)).retryable, again);
    if (!again) break;
    at.protocol.recover();
    at.ask();
    ASSERT_TRUE(at.protocol.read_answer(held(2 * part)));
    at.ask();
  }
}

TEST(Tus, ResumesFromServersOffsetAfter409) {
  At at(Step::chunk);
  at.error_and_retry(answer(409, {}, "Upload-Offset header doesn't match current offset"));
  ASSERT_EQ(at.request.step, Step::ask_committed);
  EXPECT_EQ(at.request.method, Request::Method::head);
  EXPECT_EQ(at.request.url, upload);
  ASSERT_TRUE(at.protocol.read_answer(held(part)));
  ASSERT_EQ(at.next(), Step::chunk);
  EXPECT_EQ(at.request.payload, (ByteRange{part, 2 * part}));
}

TEST(Tus, SecondChecksumMismatchOfSameBytesFails) {
  At at(Step::chunk);
  EXPECT_EQ(at.error_and_retry(answer(460)).kind, ErrorKind::integrity);
  ASSERT_TRUE(at.protocol.read_answer(held(0)));
  at.ask();
  const Error second = at.error_for(answer(460));
  EXPECT_EQ(second.kind, ErrorKind::integrity);
  EXPECT_FALSE(second.retryable);

  // A mismatch of other bytes counts as the first.
  At other(Step::chunk);
  other.error_and_retry(answer(460));
  ASSERT_TRUE(other.protocol.read_answer(held(0)));
  other.ask();
  ASSERT_TRUE(other.protocol.read_answer(at_offset(part)));
  other.ask();
  other.error_and_retry(answer(460));
  // The server falls back. The bytes that it stored in between had no mismatch.
  other.error_and_retry(held(0));
  ASSERT_TRUE(other.protocol.read_answer(held(0)));
  other.ask();
  EXPECT_EQ(other.request.payload.begin, 0U);
  EXPECT_TRUE(other.error_for(answer(460)).retryable);
}

/// rustus sends 417 for a checksum mismatch.
TEST(Tus, Treats417AsChecksumMismatch) {
  At at(Step::chunk);
  EXPECT_EQ(at.error_and_retry(answer(417)).kind, ErrorKind::integrity);
  EXPECT_EQ(at.request.step, Step::ask_committed);
  ASSERT_TRUE(at.protocol.read_answer(held(0)));
  at.ask();
  const Error second = at.error_for(answer(417));
  EXPECT_EQ(second.kind, ErrorKind::integrity);
  EXPECT_FALSE(second.retryable);
  EXPECT_THAT(second.message, HasSubstr("twice (HTTP 417)"));
}

TEST(Tus, RestartsAfter404TwiceOr410OnceFromServer) {
  for (const Step step : {Step::chunk, Step::ask_committed}) {
    At at = at_step(step);
    EXPECT_EQ(at.error_and_retry(own(404)).kind, ErrorKind::unreachable);
    ASSERT_EQ(at.request.step, Step::ask_committed);
    ASSERT_TRUE(at.protocol.read_answer(own(404)));
    EXPECT_EQ(at.next(), Step::begin);
    EXPECT_EQ(at.protocol.committed(), 0U);
    EXPECT_EQ(at.protocol.upload_url(), "");

    At gone = at_step(step);
    ASSERT_TRUE(gone.protocol.read_answer(own(410)));
    EXPECT_EQ(gone.next(), Step::begin);
  }
  At back(Step::chunk);
  back.error_and_retry(own(404));
  ASSERT_TRUE(back.protocol.read_answer(held(0)));
  ASSERT_EQ(back.next(), Step::chunk);
  back.error_and_retry(own(404));
  EXPECT_EQ(back.request.step, Step::ask_committed) << "the count starts again";
}

/// Deployment pages and load balancers answer while the server is unavailable. At the first HEAD of
/// a resumed upload, the only evidence is that a tus server sends no page.
TEST(Tus, ReverseProxyResponseNeverEndsUpload) {
  const Headers html = {{"content-type", "text/html"}};
  for (const Step step : {Step::chunk, Step::ask_committed})
    for (const int status : {404, 410})
      for (const Answer& given :
           {answer(status, html), answer(status, {}, " <html>nginx</html>")}) {
        SCOPED_TRACE(testing::Message() << describe(step, "file") << ' ' << status);
        At at = at_step(step);
        const std::uint64_t committed = at.protocol.committed();
        for (int i = 0; i < 100; ++i) {
          const Error error = at.error_and_retry(given);
          EXPECT_EQ(error.kind, ErrorKind::unreachable);
          EXPECT_THAT(error.message, HasSubstr("no Tus-Resumable header"));
          ASSERT_EQ(at.request.step, Step::ask_committed);
        }
        ASSERT_TRUE(at.protocol.read_answer(held(committed)));
        EXPECT_EQ(at.protocol.upload_url(), upload);
      }
  // If the server sends Tus-Resumable, responses without it are not believed, page or not.
  At proven(Step::chunk);
  for (int i = 0; i < 100; ++i) proven.error_and_retry(answer(404, {}, "no such upload"));
  EXPECT_EQ(proven.protocol.upload_url(), upload);
  Tus::Setting known = resumed(part);
  known.server.sends_resumable = true;
  At announced(Step::ask_committed, known);
  for (int i = 0; i < 100; ++i) announced.error_and_retry(answer(404));
  EXPECT_EQ(announced.protocol.upload_url(), upload);
}

/// Without Tus-Resumable, a 404 is believed only after it was repeated.
TEST(Tus, RestartsAfterEightUnmarked404) {
  for (const bool known : {true, false}) {
    At at = known ? At(Step::begin) : At(Step::ask_committed, resumed(part));
    if (known) {
      ASSERT_TRUE(at.protocol.read_answer(without_mark(created())));
      at.ask();
      ASSERT_EQ(at.request.step, Step::chunk);
    }
    const Answer gone = answer(404, {}, known ? "<h1>Cannot GET</h1>" : "no such upload");
    for (int i = 0; i < 7; ++i) at.error_and_retry(gone);
    ASSERT_TRUE(at.protocol.read_answer(gone));
    EXPECT_EQ(at.next(), Step::begin);
  }
}

/// Refusals of firewalls and deployment pages get few tries, because they may be permanent.
TEST(Tus, ReverseProxyRefusalGetsFewTries) {
  for (const Step step : all_steps)
    for (const int status : {400, 403, 405, 302}) {
      SCOPED_TRACE(testing::Message() << describe(step, "file") << ' ' << status);
      At at = at_step(step);
      const Answer given = answer(status, {{"content-type", "text/html"}}, "<title>no</title>");
      const Error error = at.error_for(given);
      // A method that never succeeded is permanently refused.
      const bool permanent = status == 405 && step == Step::begin;
      EXPECT_EQ(error.retryable, !permanent) << error.message;
      // After the server has spoken tus, a redirect may last as long as a deployment.
      const bool transient = status == 302 && step == Step::chunk;
      EXPECT_EQ(error.most_tries, permanent || transient ? 0 : few_tries) << error.message;
      EXPECT_THAT(error.message, HasSubstr(std::to_string(status)));
      EXPECT_EQ(at.protocol.upload_url().empty(), step == Step::begin) << "the upload is kept";
    }
  // A refusal of the server itself is permanent.
  EXPECT_FALSE(at_step(Step::begin).error_for(own(400)).retryable);
  EXPECT_FALSE(at_step(Step::ask_committed).error_for(own(403)).retryable);
}

TEST(Tus, RejectsDifferingLocations) {
  const auto with = [](const char* second) {
    Answer given = created();
    given.headers.emplace_back("location", second);
    return given;
  };
  const Error error = At(Step::begin).error_for(with("8"));
  EXPECT_EQ(error.kind, ErrorKind::failed);
  EXPECT_FALSE(error.retryable);
  EXPECT_THAT(error.message, HasSubstr("7, 8"));
  At same(Step::begin);
  ASSERT_TRUE(same.protocol.read_answer(with("7")));
  EXPECT_EQ(same.protocol.upload_url(), upload);
}

TEST(Tus, ComparesEachUploadLength) {
  for (const bool first : {true, false}) {
    Answer given = held(part);
    const auto other = std::pair("upload-length", std::to_string(file_size + 1));
    given.headers.insert(first ? given.headers.begin() : given.headers.end(), other);
    EXPECT_EQ(At(Step::ask_committed, resumed(part)).error_for(given).kind, ErrorKind::integrity);
  }
}

/// The upload may be gone, or may belong to another token.
TEST(Tus, KeepsUploadAfter403) {
  At at(Step::ask_committed, resumed(part));
  const Error error = at.error_for(answer(403, {{"tus-resumable", "1.0.0"}}));
  EXPECT_FALSE(error.retryable);
  EXPECT_THAT(error.message, HasSubstr("--restart"));
  EXPECT_EQ(at.protocol.upload_url(), upload);
  // If the server has accepted requests before, 403 is retried.
  At later(Step::chunk);
  later.error_and_retry(answer(500));
  later.error_and_retry(own(403));
  EXPECT_EQ(later.request.step, Step::ask_committed);
}

TEST(Tus, AcceptsOffsetOnlyUpToBytesSent) {
  for (const std::uint64_t offset : {std::uint64_t{0}, std::uint64_t{7}, part}) {
    At at(Step::ask_committed, resumed(part));
    ASSERT_TRUE(at.protocol.read_answer(held(offset))) << offset;
    EXPECT_EQ(at.protocol.committed(), offset);
    ASSERT_EQ(at.next(), Step::chunk);
    EXPECT_EQ(at.request.payload.begin, offset);
  }
  At all(Step::ask_committed, resumed(file_size));
  ASSERT_TRUE(all.protocol.read_answer(held(file_size)));
  EXPECT_EQ(all.next(), Step::finish);
  // The server may omit Upload-Length. Another length means another file.
  EXPECT_TRUE(At(Step::ask_committed, resumed(part)).protocol.read_answer(at_offset(3, 200)));
  for (const Answer& wrong :
       {held(part + 1), held(file_size), held(0, file_size + 1), held(0, 0)}) {
    const Error error = At(Step::ask_committed, resumed(part)).error_for(wrong);
    EXPECT_EQ(error.kind, ErrorKind::integrity);
    EXPECT_FALSE(error.retryable);
    EXPECT_THAT(error.message, HasSubstr("nothing was registered"));
  }
}

TEST(Tus, AsksAgainAfterServerFellBack) {
  At at(Step::chunk);
  ASSERT_TRUE(at.protocol.read_answer(at_offset(part)));
  at.ask();
  at.error_and_retry(answer(503));
  const Error error = at.error_for(held(3));
  EXPECT_EQ(error.kind, ErrorKind::integrity);
  EXPECT_TRUE(error.retryable);
  EXPECT_EQ(at.protocol.committed(), part) << "not before recover()";
  at.protocol.recover();
  EXPECT_EQ(at.protocol.committed(), 3U);
  ASSERT_EQ(at.next(), Step::ask_committed);
  ASSERT_TRUE(at.protocol.read_answer(held(3)));
  ASSERT_EQ(at.next(), Step::chunk);
  EXPECT_EQ(at.request.payload.begin, 3U);
}

TEST(Tus, OnlySuccessTextRegistersFile) {
  EXPECT_FALSE(At(Step::finish).request.repeatable);
  EXPECT_EQ(At(Step::finish).request.connection, Request::Connection::recent);
  const auto error_for = [](const Answer& given) { return At(Step::finish).error_for(given); };
  // These responses leave the registration in doubt.
  for (const Answer& given :
       {answer(200), answer(200, {}, "<html>portal</html>"), answer(201, {}, "created"),
        answer(204), answer(301), answer(400, {}, "bad"), answer(401, {}, "<html>"), answer(403),
        answer(404, {}, "<html>"), answer(408), answer(413), answer(422), answer(423), answer(429),
        answer(499), answer(500, {}, "boom"), answer(502), answer(503), answer(504)}) {
    const Error error = error_for(given);
    EXPECT_EQ(error.kind, ErrorKind::failed) << given.status;
    EXPECT_FALSE(error.retryable) << given.status;
  }
  // These are refusals of the Data Bank itself, which then has registered nothing.
  const Answer denied = answer(401, {}, "HTTP Token: Access denied.\n");
  EXPECT_EQ(error_for(denied).kind, ErrorKind::token_refused);
  EXPECT_EQ(error_for(answer(404, {}, "Dataset Not Found")).kind, ErrorKind::no_such_dataset);
  const Error invalid = error_for(answer(400, {}, "Invalid TUS upload reference"));
  EXPECT_EQ(invalid.kind, ErrorKind::failed);
  EXPECT_FALSE(invalid.retryable);
  EXPECT_THAT(invalid.message, HasSubstr("Invalid TUS upload reference"));

  At again(Step::finish);
  again.error_for(denied);
  again.protocol.recover();
  EXPECT_EQ(again.next(), Step::finish) << "with another token";
  for (const auto& [body, name] :
       {std::pair("\"successfully uploaded a b.h5\"", ""),
        {"successfully uploaded a b.h5\nsee in dataset at x", ""},
        {"successfully uploaded a_b.h5\nsee in dataset at x", "a_b.h5"}}) {
    At at(Step::finish);
    ASSERT_TRUE(at.protocol.read_answer(answer(200, {}, body)));
    EXPECT_FALSE(at.protocol.next(1));
    EXPECT_TRUE(at.protocol.is_registered());
    EXPECT_EQ(at.protocol.registered_name(), name);
  }
}

TEST(Tus, DoubtNamesPageAndCommands) {
  EXPECT_FALSE(Tus(setting()).can_ask_registered());
  EXPECT_TRUE(Tus(setting()).keeps_parts_of_chunks());
  EXPECT_THAT(Tus(setting()).doubt(), HasSubstr("https://bank.example.org/data/datasets/IDB-1"));
  EXPECT_THAT(Tus(setting()).doubt(), HasSubstr("sluice resume --register IDB-1 'a b.h5'"));
  EXPECT_THAT(Tus(setting()).doubt(), HasSubstr("sluice forget --registered IDB-1 'a b.h5'"));
}

TEST(Tus, StartOverCreatesNewUpload) {
  At at(Step::chunk);
  ASSERT_TRUE(at.protocol.read_answer(at_offset(part)));
  at.protocol.start_over();
  EXPECT_EQ(at.protocol.committed(), 0U);
  ASSERT_EQ(at.next(), Step::begin);
  ASSERT_TRUE(at.protocol.read_answer(created("8")));
  ASSERT_EQ(at.next(), Step::chunk);
  EXPECT_EQ(at.request.url, "https://bank.example.org/data/files/8");
  EXPECT_EQ(at.request.payload.begin, 0U);
  // Bytes sent to the first upload do not count for the second.
  at.error_and_retry(answer(503));
  EXPECT_FALSE(at.error_for(held(2 * part)).retryable);
}

TEST(Tus, NeverQuotesEchoedToken) {
  for (const Step step : {Step::begin, Step::chunk, Step::finish})
    for (const int status : {200, 400, 401, 404, 412, 423, 500, 503}) {
      At at(step);
      at.error_for(answer(status, {{"upload-offset", token}}, std::string("you sent ") + token));
      at.protocol.replace_token(Secret("another-token-of-16"));
      const auto result = at.protocol.read_answer(answer(503, {}, "you sent another-token-of-16"));
      ASSERT_FALSE(result);
      EXPECT_THAT(result.error().message, Not(HasSubstr("another-token")));
    }
}

}  // namespace
}  // namespace sluice::tus_steps::tus_test
