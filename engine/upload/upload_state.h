#pragma once

namespace sluice {

/// What one upload is doing, on its network thread. Between two states it is `deciding`: an event
/// has come, and the upload looks for the next step.
///
///     state                waits for                               left when
///     -------------------  --------------------------------------  ------------------------------
///     starting             start(), on the caller's thread         the network thread takes over
///     deciding             nothing                                 a request is sent, or it waits
///     preparing            the parts of the file                   all are there, or one failed
///     waiting_for_turn     the request gate in front of the        the gate lets it send
///                            server
///     waiting_for_file     a second reading of the file            that is over
///     waiting_for_checksum the checksum of the next chunk          all of it is read and hashed
///     waiting_for_journal  the journal, before a registration      the journal has written
///     sending              the answer to the request in front      it comes, or fails
///     waiting_to_retry     the time of a retry                     that has come
///     waiting_for_server   a registration or a join that may be    the time of the next question
///                            going on                                has come
///     asking_about_token   the answer to a question about the      it comes, or fails
///                            token
///     waiting_for_token    another token                           the time of the next look has
///                                                                    come
///     over                 nothing                                 never
///
/// Each of them but `over` may be followed by `over`, at the end or when the upload is cancelled.
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

/// The transition table.
constexpr bool may_follow(UploadState from, UploadState to) {
  using State = UploadState;
  if (from == State::over || to == State::starting) return false;
  if (to == State::over || to == State::deciding) return true;
  return from == State::deciding;
}

}  // namespace sluice
