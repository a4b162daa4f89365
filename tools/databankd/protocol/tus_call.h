#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tools/databankd/faults/faults.h"
#include "tools/databankd/protocol/call.h"
#include "tools/databankd/protocol/request_head.h"
#include "tools/databankd/protocol/tus_settings.h"
#include "tools/databankd/store/data_bank.h"
#include "tools/databankd/store/tus_append.h"

namespace sluice::databankd {

/// The upload that a URL or a path names: its last segment.
std::string tus_id(std::string_view url);

/// What the upload with that id is called among the back ends' (BackEnds::put).
std::string back_end_name(std::string_view id);

/// One request under /files: tus 1.0 as the Data Bank serves it (protocol section 2), behind its
/// check of the token. Knows no sockets.
///
/// First strike(), if a fault does, then begin(), then the body, as it arrives. The answer comes at
/// the end in any case; a call that is destroyed before has been broken off. `bank` and `settings`
/// outlive it.
class TusCall final : public Call {
 public:
  /// Whether it goes to /files.
  static bool takes(std::string_view path);

  /// `back_end`: which of the bank's back ends it has reached.
  TusCall(DataBank& bank, const TusSettings& settings, RequestHead head, unsigned back_end = 1);

  /// `token_checked`: whether the server's own question about the token was answered; if not, any
  /// token is refused.
  void begin(bool token_checked);
  void body(std::span<const std::byte> data);
  /// No more will come of the body: what counts of it does, and others may have the upload.
  void break_off() { append_.reset(); }

  std::optional<Step> step(bool complete) const override;
  Dataset* dataset() override { return dataset_; }
  void strike(const Strike& strike) override;
  Answer finish(std::string_view root) override;
  std::string subject() const override { return id_.empty() ? new_id_ : id_; }
  const std::optional<Registration>& registered() const override { return registered_; }

 private:
  std::optional<Answer> refusal() const;
  Answer unauthorized() const;
  std::optional<Answer> open();
  std::optional<Answer> open_new();
  std::optional<Answer> open_append(const std::string& id, std::uint64_t offset,
                                    std::optional<std::uint64_t> length);
  std::optional<Answer> describe(TusUpload& upload) const;
  Result<TusUpload> appended(const std::string& id);
  Answer carry_out();
  Answer options() const;
  Answer create();
  Answer create_with_upload();
  Answer join(const std::string& metadata);
  Answer head_of_upload();
  Answer patch();
  Answer created(const TusUpload& upload) const;
  bool is_here(const std::string& id) const;
  std::string location(const std::string& id) const;
  std::optional<std::string_view> concat() const;
  std::vector<std::string> parts() const;
  void add_expiry(Answer& answer, const TusUpload& upload) const;
  bool struck_by(FaultKind kind) const { return struck_ == kind; }
  bool does_nothing() const;

  DataBank& bank_;
  const TusSettings& settings_;
  const RequestHead head_;
  const unsigned back_end_;
  std::string method_;  ///< after X-HTTP-Method-Override
  std::string id_;      ///< of the upload in the path; empty: /files itself
  std::string new_id_;  ///< of the upload that a create with bytes has made; else empty
  Dataset* dataset_;    ///< whose token came; null: nobody's
  std::optional<FaultKind> struck_;
  std::optional<std::uint64_t> keep_;  ///< bytes of the body, where a fault drops the others
  std::uint64_t received_ = 0;
  std::optional<Answer> refusal_;  ///< known before the body
  /// Of a PATCH, or a create with bytes, that was not refused.
  std::unique_ptr<TusAppend> append_;
  const std::optional<Registration> registered_;  ///< nothing, ever
};

}  // namespace sluice::databankd
