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

/// The tus protocol and the registration behind it (protocol section 2; tus 1.0).
///
///     file:    creating -> sending <-> finding -> registering -> registered
///     part:    creating -> sending <-> finding -> registered (nothing is: it is only there)
///     joined:  joining <-> asking parts, joining -> finding -> registering -> registered
///
///  - creating: POST to {base}/files/; the Location it answers may be relative, and may say http
///    for an https site behind a TLS proxy. One of another origin is refused: whoever is there
///    would get the token. Where CreationWithUpload allows it, the POST carries all of a small
///    file, and Upload-Offset says how much of it was kept (without one, HEAD does). That is tried
///    once: after a refusal the same request follows without the bytes, at once, and after any
///    other failure it does so as the retry.
///  - sending: PATCH. The server keeps bytes as they come, and answers the offset it is at. One
///    that has not moved means that the chunk was too small for the server's parts: the next one is
///    larger (least_chunk()), and once all the rest was sent in vain, it is an error. Not every
///    server has such parts, so where a front server refuses as much (413), less is tried.
///  - finding: HEAD tells how many bytes are there; after anything went wrong, and for an upload of
///    an earlier run. Where the tus server itself says that the upload is gone (404 twice in a row,
///    or 410 once), it is created anew, but what was joined, which ends it (anew()). A 404 of
///    something in front of the server (TusOrigin) is retried, and never believed.
///  - joining: a POST that names the parts (concatenation), for files that travelled in several. A
///    server deletes the parts once it has joined them. So before it is asked a second time, HEADs
///    tell whether all of them are there (asking parts), and whoever drives this waits as long as
///    the server may be at it (may_be_joining()). Parts that are gone are for another run, and so
///    is a file whose parts the server has and does not join (anew()).
///  - registering compares nothing and registers again whenever it is asked, and nobody can ask
///    whether it was: so it comes only once the server has said that it holds exactly the file's
///    bytes, and what is not known of it is left to a person. Where the server knows no such upload
///    (400) and the file is empty, a PATCH without bytes makes one.
class Tus final : public Protocol {
 public:
  enum class Role { file, part, joined };
  struct Setting {
    Deposit deposit;  ///< size: of the part, for a part
    Role role = Role::file;
    std::string base_url;  ///< passes check_base_url()
    TusServer server;
    Secret token;  ///< only so that it can be kept out of what is quoted
    /// There was a run before, which got as far as that.
    std::optional<Resumption> earlier{};
    std::string upload_url{};  ///< of that run; empty if it had none
    /// Whether the creation may carry the file's bytes; null: never. Not with Role::joined.
    /// Outlives the protocol.
    CreationWithUpload* creation = nullptr;
  };

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

  /// A server's part (protocol section 2): the least that one PATCH may have, for an upload of so
  /// many bytes.
  static std::uint64_t part_bytes(std::uint64_t size);

 private:
  enum class State { creating, sending, finding, asking_parts, joining, registering, registered };
  /// What became of the file's bytes in the creating request (CreationWithUpload).
  enum class FirstBytes {
    not_tried,
    in_request,    ///< they are in the request that is out, or about to be
    refused,       ///< the last response refused them
    too_large,     ///< the same, with 413
    failed,        ///< the last request failed in another way
    not_any_more,  ///< they are sent after the creation, and nothing more is learned from that
  };

  Request request(Request::Step step, Request::Method method) const;
  Request create() const;
  /// Puts the file's bytes into the next creating request, where that is allowed.
  void choose_first_bytes(std::uint64_t chunk_bytes);
  /// Whether the answer refuses a creating request that may go well without the file's bytes.
  bool refuses_first_bytes(const Answer& answer);
  /// Tells CreationWithUpload what became of them, now that the upload was created without.
  void learn_of_first_bytes();
  /// How many of the bytes in the creating request were kept.
  void read_first_offset(const Answer& answer);
  Request patch();
  Request registration() const;
  State after_all_is_there() const;
  std::optional<Error> common_error(const Answer& answer);
  Result<void> read_location(const Answer& answer);
  Result<void> read_join_answer(const Answer& answer);
  Error join_refused(const Answer& answer);
  bool has_short_part() const;
  Result<void> read_part_answer(const Answer& answer);
  /// A part, or some of it, is not there.
  Error part_gone(const Answer& answer);
  Result<void> read_chunk_answer(const Answer& answer);
  Result<void> read_offset_answer(const Answer& answer);
  Result<void> read_register_answer(const Answer& answer);
  /// The upload is not there: 404 or 410.
  Result<void> gone(const Answer& answer);
  bool is_believed_gone(const Answer& answer);
  /// The answer is one that only a tus server gives.
  void understood(const Answer& answer);
  /// Whether it is worth a retry: an answer that no tus server gives at this step, or its refusal.
  bool may_pass(const Answer& answer) const;
  Error nothing_kept(const Answer& answer);
  Error joining_still(const Answer& answer, std::uint64_t offset) const;
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
  std::size_t part_ = 0;                       ///< that is asked for
  bool join_is_out_ = false;                   ///< and no answer has said what became of it
  bool may_be_joining_ = false;                ///< nor will one
  unsigned joins_refused_ = 0;                 ///< by the server
  Request::Step step_ = Request::Step::begin;  ///< of the request that is out
  ByteRange chunk_;                            ///< of the request that is out
  FirstBytes first_bytes_ = FirstBytes::not_tried;
  std::uint64_t committed_ = 0;
  std::uint64_t sent_ = 0;  ///< no byte behind this one was ever sent
  std::uint64_t least_chunk_;
  bool threw_away_ = false;  ///< the server did so with less: least_chunk_ is more than supposed
  /// What the server said it holds, less than it had confirmed: where recover() goes on.
  std::optional<std::uint64_t> fell_back_to_;
  Anew anew_ = Anew::nothing;   ///< of the last answer
  unsigned gone_ = 0;           ///< 404 and 410 in a row that may be the tus server's
  unsigned empty_patches_ = 0;  ///< for an empty file that could not be registered without
  unsigned stuck_ = 0;          ///< PATCHes in a row that were accepted and kept nothing of
  std::uint64_t mismatch_at_ = ~std::uint64_t{0};  ///< of the last 460, nothing taken since
  bool proven_ = false;                            ///< the server has answered as tus servers do
};

}  // namespace sluice
