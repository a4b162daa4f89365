#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tools/databankd/faults/step.h"
#include "tools/databankd/protocol/call.h"
#include "tools/databankd/store/data_bank.h"

namespace sluice::databankd {

/// What Rails answers where the application does not.
Answer rails_error(unsigned status, std::string_view reason);

/// Whether a name is one that the log and JSON can have.
bool is_utf8(const std::string& text);

/// Ruby's String#to_i, as the Data Bank reads its numbers: "12abc" is 12, "abc" is 0, "-1" is -1,
/// "1_000" is 1000. Saturates where Ruby would go on.
std::int64_t to_i(std::string_view text);

/// One call of the phased protocol (protocol section 1): the fields of its form go in as they
/// arrive, the answer comes out at the end, as the Data Bank reads a request whole before it looks
/// at it. Knows neither sockets nor HTTP. One thread at a time; `bank` outlives it.
class PhasedCall {
 public:
  /// `authorization`: the value of that header, where the request has one. `back_end`: which of the
  /// bank's back ends it has reached.
  PhasedCall(DataBank& bank, std::string_view dataset_key,
             std::optional<std::string_view> authorization, unsigned back_end = 1);

  /// A piece of the field `name`, at `offset` bytes from its beginning. `is_file`: its part of the
  /// form has a filename. A field that comes twice counts as it came last.
  void field(std::string_view name, std::string_view data, std::uint64_t offset, bool is_file);

  /// Which step of the protocol this is, as far as the fields that have come tell; `complete`: all
  /// of them have. Empty where that cannot be told, yet or at all.
  std::optional<Step> step(bool complete) const;

  /// Only a part of the chunk, chosen by `random`, will be appended (FaultKind::partial_append).
  /// Before the chunk, or once all fields have come.
  void tear_chunk(std::uint64_t random) { torn_ = random; }

  /// Where the call goes; null where there is no such draft.
  Dataset* dataset() { return dataset_; }

  /// The body was no form: what it says cannot be relied upon.
  void malformed() { malformed_ = true; }

  /// Carries the call out, once. `root` is this server's URL.
  Answer finish(std::string_view root);

  /// Whether a field `phase` has come.
  bool has_phase() const { return phase_.has_value(); }

  // For the log.
  const std::string& phase() const { return phase_ ? *phase_ : nothing_; }
  const std::string& filename() const { return filename_ ? *filename_ : nothing_; }
  /// What a verify has registered.
  const std::optional<Registration>& registered() const { return registered_; }

 private:
  /// Once refused, a call stays so: its chunk was not kept, whatever token the dataset has later.
  bool refused();
  std::optional<Answer> refusal() const;
  Answer setup();
  Answer transfer();
  Answer verify(std::string_view root);
  std::string back_end_name() const { return "staging/" + key_; }

  BackEnds& back_ends_;
  const unsigned back_end_;
  Dataset* const dataset_;  ///< null where there is no such draft
  const std::string key_;
  std::optional<std::string> token_;
  std::optional<Answer> refusal_;  ///< once refused
  bool malformed_ = false;

  std::optional<std::string> phase_;
  std::optional<std::string> filename_;
  std::optional<std::string> filesize_;
  std::optional<std::string> previous_size_;
  std::optional<Chunk> chunk_;  ///< a bytechunk with a filename, where the call is not refused
  bool chunk_is_text_ = false;  ///< a bytechunk without
  std::optional<std::uint64_t> torn_;  ///< tear_chunk()'s random
  std::optional<Registration> registered_;
  const std::string nothing_;
};

}  // namespace sluice::databankd
