// A file in parts over tus: a part by itself, and what they are joined into.
#include "tests/engine/tus_fixture.h"

namespace sluice {
namespace {

TEST(TusPart, IsThereAndNothingMore) {
  Tus::Setting part_of = setting();
  part_of.role = Tus::Role::part;
  At at(Step::begin, part_of);
  EXPECT_TRUE(has_header(at.request, "Upload-Concat: partial"));
  ASSERT_TRUE(at.protocol.read_answer(created()));
  while (const auto request = at.protocol.next(part)) {
    ASSERT_EQ(request->step, Step::chunk);
    ASSERT_TRUE(at.protocol.read_answer(at_offset(request->payload.end)));
  }
  EXPECT_EQ(at.protocol.committed(), file_size);
}

Tus::Setting joined() {
  Tus::Setting whole = setting();
  whole.role = Tus::Role::joined;
  return whole;
}

TEST(TusJoined, NamesThePartsAsksAndRegisters) {
  Tus protocol(joined());
  protocol.join({"https://bank.example.org/1", "https://bank.example.org/2"});
  const Request join = protocol.next(part).value();
  EXPECT_EQ(join.step, Step::join);
  EXPECT_TRUE(has_header(
      join, "Upload-Concat: final;https://bank.example.org/1 https://bank.example.org/2"));
  for (const std::string& header : join.headers)
    EXPECT_THAT(header, Not(HasSubstr("Upload-Length")));
  ASSERT_TRUE(protocol.read_answer(created()));
  EXPECT_EQ(protocol.next(part)->step, Step::ask_committed);
  const auto not_yet = protocol.read_answer(held(part));
  ASSERT_FALSE(not_yet);
  EXPECT_TRUE(not_yet.error().retryable);
  protocol.recover();
  EXPECT_EQ(protocol.next(part)->step, Step::ask_committed);
  ASSERT_TRUE(protocol.read_answer(held(file_size)));
  EXPECT_EQ(protocol.next(part)->step, Step::finish);
}

/// As tus 1.0 has it: the offset comes once all of it is joined.
TEST(TusJoined, MayNotSayHowFarItIsBeforeItIsWhole) {
  At at(Step::ask_committed, joined());
  const Headers unfinished = {{"tus-resumable", "1.0.0"},
                              {"upload-length", std::to_string(file_size)}};
  const Error not_yet = at.passes(answer(200, unfinished));
  EXPECT_EQ(not_yet.kind, ErrorKind::unreachable);
  EXPECT_THAT(not_yet.message, HasSubstr("has joined 0 of"));
  EXPECT_EQ(at.request.step, Step::ask_committed);
  // Of another upload, and from whoever speaks no tus, it is no answer.
  EXPECT_EQ(At(Step::ask_committed, resumed(part)).error_for(answer(200, unfinished)).kind,
            ErrorKind::failed);
  EXPECT_EQ(at.passes(answer(200)).kind, ErrorKind::failed);
  ASSERT_TRUE(at.protocol.read_answer(held(file_size)));
  EXPECT_EQ(at.next(), Step::finish);
}

TEST(TusJoined, PartsThatCannotBeJoinedAreTheEnd) {
  using Anew = Protocol::Anew;
  for (const int status : {400, 403, 404, 409, 410}) {
    SCOPED_TRACE(status);
    At at(Step::join, joined());
    const auto refused = at.protocol.read_answer(answer(status, {}, "no such part"));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().retryable, status == 404) << "that one may be a front server's";
    EXPECT_THAT(refused.error().message, HasSubstr("did not join"));
    // Begun once more, each part is asked for.
    EXPECT_EQ(at.protocol.anew(), status == 403 ? Anew::nothing : Anew::what_is_missing);
  }
  // What comes after it is not that answer's doing.
  At busy(Step::join, joined());
  EXPECT_FALSE(busy.protocol.read_answer(answer(404)));
  busy.protocol.recover();
  busy.ask();
  EXPECT_TRUE(busy.error_for(answer(503)).retryable);
  EXPECT_EQ(busy.protocol.anew(), Anew::nothing);
}

TEST(TusJoined, WhatIsLostAfterwardsIsSentAllOver) {
  At lost(Step::ask_committed, joined());
  EXPECT_EQ(lost.protocol.anew(), Protocol::Anew::nothing);
  const auto gone = lost.protocol.read_answer(own(410));
  ASSERT_FALSE(gone);
  EXPECT_FALSE(gone.error().retryable);
  EXPECT_EQ(lost.protocol.anew(), Protocol::Anew::all);
}

}  // namespace
}  // namespace sluice
