#include "tools/command_line/usage_error.h"

#include <algorithm>
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
  const std::string text = error.what();
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

}  // namespace sluice::command_line
