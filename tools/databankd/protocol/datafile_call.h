#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tools/databankd/protocol/call.h"
#include "tools/databankd/protocol/phased.h"
#include "tools/databankd/protocol/protocols.h"
#include "tools/databankd/store/data_bank.h"
#include "tools/databankd/store/one_shot.h"

namespace sluice::databankd {

/// One `POST …/datafile`: its fields tell what it is. With `phase` it is the phased generation's;
/// otherwise today's server has it, which takes the whole file in `binary`, or registers a
/// `tus_url`. Knows neither sockets nor HTTP. `bank` outlives it.
class DatafileCall final : public Call {
 public:
  /// `authorization`: the value of that header, where the request has one. `back_end`: which of the
  /// bank's back ends it has reached.
  DatafileCall(DataBank& bank, Protocols protocols, std::string_view dataset_key,
               std::optional<std::string_view> authorization, unsigned back_end = 1);

  /// The payload of this field is about to come: step() may know more from now on.
  void payload_begins(std::string_view name);

  /// A piece of the field `name`, at `offset` bytes from its beginning. `file`: the filename of its
  /// part of the form; empty where it has none. A field that comes twice counts as it came last.
  void field(std::string_view name, std::string_view data, std::uint64_t offset,
             std::string_view file);

  /// The body was no form: what it says cannot be relied upon.
  void malformed();

  std::optional<Step> step(bool complete) const override;
  Dataset* dataset() override { return dataset_; }
  void strike(const Strike& strike) override;
  Answer finish(std::string_view root) override;
  std::string subject() const override;
  const std::optional<Registration>& registered() const override;

 private:
  bool is_phased() const { return protocols_.phased && phased_.has_phase(); }
  bool refused();
  Answer uploaded(const Result<Registration>& registered, std::string_view root);

  DataBank& bank_;
  const Protocols protocols_;
  const unsigned back_end_;
  const std::string key_;
  Dataset* const dataset_;  ///< null where there is no such draft
  std::optional<std::string> token_;
  PhasedCall phased_;
  std::optional<Answer> refusal_;  ///< of today's server: once refused, it stays so
  bool malformed_ = false;
  bool binary_ = false;  ///< the one-shot form
  std::optional<OneShot> one_shot_;
  std::optional<std::string> tus_url_;
  std::optional<Registration> registered_;
};

}  // namespace sluice::databankd
