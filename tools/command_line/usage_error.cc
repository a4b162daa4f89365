#include "tools/command_line/usage_error.h"

#include <algorithm>
#include <string_view>
#include <vector>

namespace sluice::command_line {
namespace {

std::string about_unexpected(const std::vector<std::string>& unexpected, UnexpectedWords words) {
  const auto option = std::find_if(unexpected.begin(), unexpected.end(), [](const auto& word) {
    return word.size() > 1 && word.front() == '-';
  });
  if (option != unexpected.end()) return option->substr(0, option->find('=')) + " is not an option";
  if (words == UnexpectedWords::hidden || unexpected.empty()) return "too many arguments";
  return "unexpected argument '" + unexpected.front() + "'";
}

}  // namespace

std::string usage_error(const CLI::App& app, const CLI::Error& error, UnexpectedWords words) {
  std::string text = error.what();
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr)
    return about_unexpected(app.remaining(/*recurse=*/true), words);
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) {
    const std::string option = text.substr(0, text.find(": "));
    if (text.ends_with("missing")) return option + " needs a value";
    if (text.find("At Most 1 required") != std::string::npos)
      return option + " can be given only once";
  }
  return text;
}

void refuse_empty_values(int argc, const char* const* argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--") return;
    if (word.size() > 3 && word.starts_with("--") && word.find('=') == word.size() - 1)
      throw CLI::ValidationError(std::string(word.substr(0, word.size() - 1)),
                                 "the value is empty");
  }
}

}  // namespace sluice::command_line
