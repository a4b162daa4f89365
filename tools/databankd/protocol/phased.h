#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tools/databankd/faults/step.h"
#include "tools/databankd/protocol/call.h"
#include "tools/databankd/store/data_bank.h"

namespace sluice::databankd {

/// Returns Rails' own error response.
Answer rails_error(unsigned status, std::string_view reason);

/// Returns whether a name is valid UTF-8, as the log and JSON require.
bool is_utf8(const std::string& text);

/// Parses a number like Ruby's String#to_i, which the Data Bank uses: "12abc" is 12, "abc" is 0,
/// "-1" is -1, "1_000" is 1000. Saturates, whereas Ruby has no limit.
std::int64_t to_i(std::string_view text);

/// A call of the phased protocol (protocol section 1). The fields of its form are added as they
/// arrive. The call is processed at the end, because the Data Bank reads a whole request first.
/// Independent of sockets and HTTP. One thread at a time; `bank` must outlive it.
class PhasedCall {
 public:
  /// `authorization`: the value of that header, if present. `back_end`: the number of the bank's
  /// back end that received the request.
  PhasedCall(DataBank& bank, std::string_view dataset_key,
             std::optional<std::string_view> authorization, unsigned back_end = 1);

  /// Adds a piece of the field `name`, at `offset` bytes from its beginning. `is_file`: its part of
  /// the form has a filename. If a field occurs twice, the last one counts.
  void field(std::string_view name, std::string_view data, std::uint64_t offset, bool is_file);

  /// Returns the step, as far as the received fields determine it; empty if they do not.
  /// `complete`: all fields have arrived.
  std::optional<Step> step(bool complete) const;

  /// Appends only a random part of the chunk (FaultKind::partial_append). Call before the chunk, or
  /// after all fields.
  void cut_chunk(std::uint64_t random) { cut_random_ = random; }

  /// Returns the dataset; null if there is no such draft.
  Dataset* dataset() { return dataset_; }

  /// Marks the body as an invalid form: finish() refuses the call.
  void mark_malformed() { malformed_ = true; }

  /// Processes the call, once. `root`: this server's URL.
  Answer finish(std::string_view root);

  /// Whether a field `phase` has arrived.
  bool has_phase() const { return phase_.has_value(); }

  // For the log.
  const std::string& phase() const { return phase_ ? *phase_ : nothing_; }
  const std::string& filename() const { return filename_ ? *filename_ : nothing_; }
  /// Returns the file that a verify has registered.
  const std::optional<Registration>& registered() const { return registered_; }

 private:
  /// Final once true: the chunk was not kept, even if the token becomes valid later.
  bool refused();
  std::optional<Answer> refusal() const;
  Answer setup();
  Answer transfer();
  Answer verify(std::string_view root);
  std::string back_end_name() const { return "staging/" + key_; }

  BackEnds& back_ends_;
  const unsigned back_end_;
  Dataset* const dataset_;  ///< null if there is no such draft
  const std::string key_;
  std::optional<std::string> token_;
  std::optional<Answer> refusal_;  ///< final once set
  bool malformed_ = false;

  std::optional<std::string> phase_;
  std::optional<std::string> filename_;
  std::optional<std::string> filesize_;
  std::optional<std::string> previous_size_;
  std::optional<Chunk> chunk_;  ///< a bytechunk with a filename, if the call is not refused
  bool chunk_is_text_ = false;  ///< a bytechunk without a filename
  std::optional<std::uint64_t> cut_random_;  ///< the argument of cut_chunk()
  std::optional<Registration> registered_;
  const std::string nothing_;
};

}  // namespace sluice::databankd
