#pragma once

#include "engine/protocol/protocol.h"

namespace sluice::test {

/// A protocol that sends nothing, with a fixed answer to the questions of the upload's parts.
class FakeProtocol : public Protocol {
 public:
  bool can_ask = true;
  std::uint64_t least = 1;
  bool is_joining = false;
  Anew asks_for = Anew::nothing;

  std::string_view name() const override { return "fake"; }
  std::optional<Request> next(std::uint64_t) override { return {}; }
  Result<void> read_answer(const Answer&) override { return {}; }
  void recover() override {}
  void start_over() override {}
  void ask_registered() override {}
  void replace_token(const Secret&) override {}
  std::uint64_t committed() const override { return 0; }
  std::uint64_t least_chunk() const override { return least; }
  bool can_ask_registered() const override { return can_ask; }
  bool is_registered() const override { return false; }
  bool may_be_joining() const override { return is_joining; }
  Anew anew() const override { return asks_for; }
  std::string doubt() const override { return "the file may be registered"; }
};

}  // namespace sluice::test
