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

/// Returns the id of the upload that a URL or a path names: its last segment.
std::string tus_id(std::string_view url);

/// Returns the name of that upload for BackEnds::put.
std::string back_end_name(std::string_view id);

/// A request under /files: tus 1.0 as implemented by the Data Bank (protocol section 2), after its
/// check of the token. Independent of sockets.
///
/// Call strike() if a fault strikes, then begin(), then body() as the body arrives, then finish().
/// Destroying the object without finish() means that the request was broken off. `bank` and
/// `settings` must outlive it.
///
/// Has more functions than other classes: one for each method, header and extension of tus.
class TusCall final : public Call {
 public:
  /// Whether a path is below /files.
  static bool takes(std::string_view path);

  /// `back_end`: the number of the bank's back end that received the request.
  TusCall(DataBank& bank, const TusSettings& settings, RequestHead head, unsigned back_end = 1);

  /// `token_checked`: whether the server could check the token; if not, every token is refused.
  void begin(bool token_checked);
  void body(std::span<const std::byte> data);
  /// Ends the request early: keeps the received bytes that count, and unlocks the upload.
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
  std::optional<Answer> open_patch();
  std::optional<Answer> open_creation();
  std::optional<Answer> open_append(const std::string& id, std::uint64_t offset,
                                    std::optional<std::uint64_t> length);
  std::optional<Answer> read_headers(TusUpload& upload) const;
  Result<TusUpload> finish_append(const std::string& id);
  Answer process();
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
  bool has_no_effect() const;

  DataBank& bank_;
  const TusSettings& settings_;
  const RequestHead head_;
  const unsigned back_end_;
  std::string method_;  ///< after X-HTTP-Method-Override
  std::string id_;      ///< the upload in the path; empty: /files itself
  std::string new_id_;  ///< the upload that a create with bytes has created; else empty
  Dataset* dataset_;    ///< the dataset of the token; null: none
  std::optional<FaultKind> struck_;
  std::optional<std::uint64_t> keep_;  ///< the number of body bytes to keep, if a fault drops the
                                       ///< rest
  std::uint64_t received_ = 0;
  std::optional<Answer> refusal_;  ///< determined before the body
  /// Set for a PATCH, or a create with bytes, that was not refused.
  std::unique_ptr<TusAppend> append_;
  const std::optional<Registration> registered_;  ///< always empty
};

}  // namespace sluice::databankd
