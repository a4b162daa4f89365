#pragma once

namespace sluice {

/// The state of one upload, on its network thread. Every change except to `over` passes through
/// `deciding`, in which the upload handles an event and chooses the next step.
///
///     state                waits for                               left when
///     -------------------  --------------------------------------  ------------------------------
///     starting             start(), on the caller's thread         the network thread takes over
///     deciding             nothing                                 a request is sent, or a wait
///                                                                    begins
///     preparing            the parts of the file                   all parts are uploaded, or one
///                                                                    failed
///     waiting_for_turn     the request gate of the server          the gate allows a request
///     waiting_for_file     a second reading of the file            the reading has ended
///     waiting_for_checksum the checksum of the next chunk          the chunk is read and hashed
///     waiting_for_journal  the journal, before a registration      the journal has written
///     sending              the answer to the front request         the request was answered or
///                                                                    failed
///     waiting_to_retry     the time of a retry                     that time has come
///     waiting_for_server   a registration or a join that may be    the time of the next question
///                            running at the server                   has come
///     asking_about_token   the answer to a question about the      the question was answered or
///                            token                                   failed
///     waiting_for_token    another token                           the time of the next renew()
///                                                                    has come
///     over                 nothing                                 never
///
/// Every state except `over` may be followed by `over`, at the end or when the upload is cancelled.
enum class UploadState {
  starting,
  deciding,
  preparing,
  waiting_for_turn,
  waiting_for_file,
  waiting_for_checksum,
  waiting_for_journal,
  sending,
  waiting_to_retry,
  waiting_for_server,
  asking_about_token,
  waiting_for_token,
  over,
};

/// Returns whether the state `to` may follow `from`.
constexpr bool may_follow(UploadState from, UploadState to) {
  using State = UploadState;
  if (from == State::over || to == State::starting) return false;
  if (to == State::over || to == State::deciding) return true;
  return from == State::deciding;
}

}  // namespace sluice
