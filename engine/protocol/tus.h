#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/base/secret.h"
#include "engine/protocol/answer_errors.h"
#include "engine/protocol/creation_with_upload.h"
#include "engine/protocol/protocol.h"
#include "engine/protocol/server_profile.h"
#include "engine/protocol/tus_origin.h"

namespace sluice {

/// The tus protocol and the registration that follows it (protocol section 2; tus 1.0).
///
///     file:    creating -> sending <-> finding -> registering -> registered
///     part:    creating -> sending <-> finding -> registered (complete, but not registered)
///     joined:  joining <-> asking_parts
///              joining -> finding -> registering -> registered
///
///  - creating: POST to {base}/files/. The Location in the response may be relative, or may say
///    http for an https site behind a TLS proxy. A Location of another origin is refused, because
///    that server would get the token. Where CreationWithUpload allows it, the POST carries all of
///    a small file, and Upload-Offset in the response says how many bytes the server kept (without
///    the header, HEAD asks). The bytes are tried once: after a refusal the same request follows at
///    once without the bytes, and after any other failure the retry leaves them out.
///  - sending: PATCH. The server stores bytes as they arrive and answers with its offset. An offset
///    that has not moved means that the chunk was too small for the server's parts: the next chunk
///    is larger (least_chunk()). If all the rest of the file was sent in vain, the upload fails.
///    Not every server has such parts, so where a reverse proxy refuses a chunk of that size (413),
///    smaller ones are tried.
///  - finding: HEAD tells how many bytes the server holds; used after any failure, and for the
///    upload of an earlier run. Where the tus server itself says that the upload is gone (404 twice
///    in a row, or 410 once), the upload is created again; a joined upload ends with an error
///    (anew()). A 404 of a reverse proxy (TusOrigin) is retried and never believed.
///  - joining: a POST that names the parts (concatenation), for a file uploaded in parts. A server
///    deletes the parts after it has joined them. So before the POST is retried, HEADs check that
///    all parts are there (asking_parts), and the caller waits as long as the server may still be
///    joining (may_be_joining()). Missing parts, or parts that the server holds and does not join,
///    end this attempt (anew()).
///  - registering: compares nothing, is not idempotent, and cannot be queried afterwards. So the
///    request is sent only after the server has said that it holds exactly the file's bytes, and a
///    registration in doubt is left to the user. Where the server does not know the upload (400)
///    and the file is empty, a PATCH without bytes creates the file.
///
/// Has more members than other classes: 19 functions are Protocol's, the others build or read one
/// message each, and all share the upload's address and offsets.
class Tus final : public Protocol {
 public:
  /// What is uploaded: a whole file, one part of it, or the file that the parts are joined into.
  enum class Role { file, part, joined };
  /// The input of a Tus.
  struct Setting {
    Deposit deposit;  ///< for Role::part, `size` is that of the part
    Role role = Role::file;
    std::string base_url;  ///< passes check_base_url()
    TusServer server;
    Secret token;  ///< only for removing the token from quoted responses
    /// What an earlier run left; nullopt for a new upload.
    std::optional<Resumption> earlier{};
    std::string upload_url{};  ///< of the earlier run; empty if it had none
    /// Whether the creation may carry the file's bytes; null: never. Must be null for Role::joined.
    /// Not owned; outlives the Tus.
    CreationWithUpload* creation = nullptr;
  };

  /// Begins with `creating`, with `joining` for Role::joined, or with `finding` where `upload_url`
  /// is set.
  explicit Tus(Setting setting);

  std::string_view name() const override { return "tus"; }
  std::optional<Request> next(std::uint64_t chunk_bytes) override;
  Result<void> read_answer(const Answer& answer) override;
  void recover() override;
  void start_over() override;
  void ask_registered() override {}
  void replace_token(const Secret& token) override { errors_.replace_token(token); }
  void join(std::vector<Part> parts) override { parts_ = std::move(parts); }
  bool may_be_joining() const override { return may_be_joining_; }
  std::uint64_t committed() const override { return committed_; }
  std::uint64_t least_chunk() const override { return least_chunk_; }
  void limit_chunk(std::uint64_t bytes) override;
  bool keeps_parts_of_chunks() const override { return true; }
  bool can_ask_registered() const override { return false; }
  bool is_registered() const override { return state_ == State::registered; }
  std::string registered_name() const override { return registered_name_; }
  std::string upload_url() const override { return url_; }
  Anew anew() const override { return anew_; }
  std::string doubt() const override;

  /// Returns the server's part size for an upload of `size` bytes: the least size of a PATCH that
  /// does not reach the end of the file (protocol section 2). 5 MiB, or a 10,000th of `size` if
  /// that is more.
  static std::uint64_t part_bytes(std::uint64_t size);

 private:
  /// The states of the class comment.
  enum class State { creating, sending, finding, asking_parts, joining, registering, registered };
  /// The state of the file's bytes in the creating request (CreationWithUpload).
  enum class FirstBytes {
    not_tried,
    in_request,    ///< the creating request that is in flight, or is built next, carries the bytes
    refused,       ///< the last response refused the bytes
    too_large,     ///< the last response refused the bytes with 413
    failed,        ///< the last request failed for another reason
    not_any_more,  ///< sent after the creation; CreationWithUpload learns nothing from that
  };

  /// Returns a request to the upload's URL with the header Tus-Resumable and no body.
  Request request(Request::Step step, Request::Method method) const;
  /// Returns the POST that creates the upload, or joins the parts in State::joining.
  Request create() const;
  /// Decides whether the next creating request carries the file's bytes.
  void choose_first_bytes(std::uint64_t chunk_bytes);
  /// Returns whether the response refuses the file's bytes in a creating request, so that the same
  /// request may succeed without them. Updates first_bytes_.
  bool refuses_first_bytes(const Answer& answer);
  /// Reports to CreationWithUpload how the request with bytes failed, now that the creation without
  /// bytes has succeeded.
  void learn_of_first_bytes();
  /// Reads how many bytes of the creating request the server kept.
  void read_first_offset(const Answer& answer);
  /// Returns the PATCH that sends chunk_.
  Request patch();
  /// Returns the POST to the Data Bank that registers the upload as a file of the dataset.
  Request registration() const;
  /// Returns the state that follows once the server holds all bytes.
  State state_after_last_byte() const;
  /// Returns the error of a response that means the same at every step before the registration;
  /// else nullopt.
  std::optional<Error> common_error(const Answer& answer);
  /// Interprets the response to a creation or a join: takes the upload's URL from the Location.
  Result<void> read_location(const Answer& answer);
  /// Interprets the response to a join; join_refused() returns the error of an unsuccessful one.
  /// Sets anew_.
  Result<void> read_join_answer(const Answer& answer);
  Error join_refused(const Answer& answer);
  /// Returns whether a part other than the last is shorter than least_part_bytes.
  bool has_short_part() const;
  /// Interprets the response to HEAD of parts_[part_] (asking_parts).
  Result<void> read_part_answer(const Answer& answer);
  /// Returns the error for a part that is missing or incomplete on the server.
  Error part_missing(const Answer& answer);
  /// Interprets the responses to PATCH (chunk), HEAD (offset) and the registration.
  Result<void> read_chunk_answer(const Answer& answer);
  Result<void> read_offset_answer(const Answer& answer);
  Result<void> read_register_answer(const Answer& answer);
  /// Handles a 404 or 410: restarts the upload if the response is believed, else returns a
  /// retryable error.
  Result<void> read_gone_answer(const Answer& answer);
  /// Counts a 404 or 410. Returns whether the upload counts as gone.
  bool counts_as_gone(const Answer& answer);
  /// Records a response that only a tus server gives.
  void record_tus_answer(const Answer& answer);
  /// Returns whether a retry may succeed: the response is a 5xx, may come from a reverse proxy, or
  /// is an unexpected one of a server that has worked before.
  bool may_be_transient(const Answer& answer) const;
  /// Returns the error for a PATCH that the server accepted without storing a byte. Doubles
  /// least_chunk_ unless the PATCH carried all the rest of the file.
  Error no_bytes_stored(const Answer& answer);
  /// Returns the retryable error for a join of which the server has done `offset` bytes.
  Error join_in_progress(const Answer& answer, std::uint64_t offset) const;
  /// Return the errors for a response that is no tus response, lacks a valid Upload-Offset, or is a
  /// 404 or 410 that is not believed.
  Error not_understood(const Answer& answer);
  Error no_offset(const Answer& answer);
  Error not_found(const Answer& answer) const;

  const Setting setting_;
  const std::uint64_t size_;
  AnswerErrors errors_;
  TusOrigin origin_;
  State state_;
  std::string url_;
  std::string registered_name_;
  std::vector<Part> parts_;
  std::size_t part_ = 0;                       ///< index of the part that asking_parts asks for
  bool join_undecided_ = false;                ///< a join was sent and no response has decided it
  bool may_be_joining_ = false;                ///< no response to that join will come
  unsigned joins_refused_ = 0;                 ///< joins that the server refused
  Request::Step step_ = Request::Step::begin;  ///< of the request in flight
  ByteRange chunk_;                            ///< of the request in flight
  FirstBytes first_bytes_ = FirstBytes::not_tried;
  std::uint64_t committed_ = 0;
  /// The bytes of this upload that any run may have sent. The server cannot hold more.
  std::uint64_t sent_ = 0;
  std::uint64_t least_chunk_;
  /// The server discarded a smaller chunk, so least_chunk_ is observed and not assumed.
  bool least_chunk_observed_ = false;
  /// The bytes the server says it holds, if fewer than it had acknowledged: committed_ after
  /// recover().
  std::optional<std::uint64_t> fell_back_to_;
  Anew anew_ = Anew::nothing;   ///< set by the last response
  unsigned gone_answers_ = 0;   ///< consecutive 404 and 410 that may be the tus server's
  unsigned empty_patches_ = 0;  ///< PATCHes without bytes, sent to register an empty file
  /// Consecutive PATCHes of all the rest of the file that the server accepted and did not store.
  unsigned unstored_patches_ = 0;
  /// Offset of the chunk of the last checksum mismatch (460, 417); 2^64 - 1 once a later chunk was
  /// stored.
  std::uint64_t checksum_mismatch_at_ = ~std::uint64_t{0};
  bool proven_ = false;  ///< the server has answered as a tus server does
};

}  // namespace sluice
