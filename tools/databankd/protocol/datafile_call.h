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

/// A request `POST …/datafile`. With the field `phase` it is a call of the phased protocol;
/// otherwise it is processed as by today's server: a whole file in `binary`, or the registration of
/// a `tus_url`. Independent of sockets and HTTP. `bank` must outlive it.
class DatafileCall final : public Call {
 public:
  /// `authorization`: the value of that header, if present. `back_end`: the number of the bank's
  /// back end that received the request.
  DatafileCall(DataBank& bank, Protocols protocols, std::string_view dataset_key,
               std::optional<std::string_view> authorization, unsigned back_end = 1);

  /// Call before the payload of that field: step() may return more afterwards.
  void payload_begins(std::string_view name);

  /// Adds a piece of the field `name`, at `offset` bytes from its beginning. `file`: the filename
  /// of its part of the form; empty without. If a field occurs twice, the last one counts.
  void field(std::string_view name, std::string_view data, std::uint64_t offset,
             std::string_view file);

  /// Marks the body as an invalid form: finish() refuses the call, with 400 unless there is
  /// an earlier reason.
  void mark_malformed();

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
  Dataset* const dataset_;  ///< null if there is no such draft
  std::optional<std::string> token_;
  PhasedCall phased_;
  std::optional<Answer> refusal_;  ///< of today's server; final once set
  bool malformed_ = false;
  bool binary_ = false;  ///< a `binary` upload
  std::optional<OneShot> one_shot_;
  std::optional<std::string> tus_url_;
  std::optional<Registration> registered_;
};

}  // namespace sluice::databankd
