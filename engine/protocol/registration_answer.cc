#include "engine/protocol/registration_answer.h"

#include <optional>
#include <string_view>
#include <utility>

#include "engine/protocol/answer_text.h"
#include "engine/protocol/deposit.h"

namespace sluice {
namespace {

using Verdict = RegistrationAnswer::Verdict;

struct Refusal {
  int status;
  std::string_view text;
  Verdict verdict;
};

constexpr Refusal refusals[] = {
    {401, "HTTP Token: Access denied.", Verdict::token_refused},
    {404, "Dataset Not Found", Verdict::no_such_dataset},
    {400, "Invalid TUS upload reference", Verdict::no_such_upload},
    {500, "invalid request", Verdict::no_such_request},
};

std::optional<Verdict> refusal_in(const Answer& answer) {
  if (answer.truncated) return {};
  const auto failure = failure_object(answer);
  const std::string text = failure ? failure->error : answer_text(answer);
  for (const Refusal& refusal : refusals)
    if (answer.status == refusal.status && text == refusal.text) return refusal.verdict;
  return {};
}

std::string plausible(std::string_view name) {
  return check_deposit_name(name) ? std::string(name) : std::string();
}

/// Returns the name in the text of a success, empty if it has no valid one; nullopt for any other
/// text.
std::optional<std::string> name_in(std::string_view text, RegistrationForm form) {
  constexpr std::string_view uploaded = "successfully uploaded ";
  constexpr std::string_view see = "\nsee in dataset at ";
  constexpr std::string_view verified =
      " successfully uploaded.  Refresh dataset page to see newly uploaded file.";
  if (form == RegistrationForm::upload) {
    if (!text.starts_with(uploaded)) return {};
    text.remove_prefix(uploaded.size());
    const std::size_t end = text.find('\n');
    // Without the text that follows the name, the name may be truncated.
    if (end == text.npos || !text.substr(end).starts_with(see)) return std::string();
    return plausible(text.substr(0, end));
  }
  const std::size_t end = text.rfind(verified);
  if (end == text.npos || text.find('\n') < end) return {};
  return plausible(text.substr(0, end));
}

/// Returns the text of a success with leading blanks, which answer_text() would remove from a name
/// that begins with blanks.
std::string success_text(const Answer& answer) {
  std::string text = answer_text(answer);
  const std::size_t blanks = answer.body.find_first_not_of(" \t\r\n");
  const bool is_quoted =
      blanks == std::string::npos || answer.body.compare(blanks, text.size(), text) != 0;
  if (is_quoted) return text;
  return answer.body.substr(answer.body.find_first_not_of("\r\n"));
}

}  // namespace

bool refuses_registration(const Answer& answer) {
  return refusal_in(answer).has_value();
}

RegistrationAnswer read_registration_answer(const Answer& answer, RegistrationForm form) {
  if (const auto refusal = refusal_in(answer)) return {.verdict = *refusal};
  if (answer.status != 200 || answer.truncated || failure_object(answer)) return {};
  auto name = name_in(success_text(answer), form);
  if (!name) return {};
  return {.verdict = Verdict::registered, .name = *std::move(name)};
}

}  // namespace sluice
