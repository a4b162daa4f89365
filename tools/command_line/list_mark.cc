#include "tools/command_line/list_mark.h"

#include <utility>

namespace sluice::command_line {
namespace {

constexpr char mark = '\x01';

}  // namespace

std::string marked(std::string word) {
  const bool list = word.size() > 1 && word.front() == '[' && word.back() == ']';
  return list || word.starts_with(mark) ? mark + word : std::move(word);
}

std::string unmarked(std::string value) {
  if (value.starts_with(mark)) value.erase(0, 1);
  return value;
}

std::vector<std::string> marked_words(int argc, const char* const* argv) {
  std::vector<std::string> words;
  for (int i = argc - 1; i > 0; --i) words.push_back(marked(argv[i]));
  return words;
}

void unmark_values(CLI::App& app) {
  const auto unmark = [](std::string& word) {
    word = unmarked(std::move(word));
    return std::string();
  };
  for (CLI::Option* const option : app.get_options()) option->transform(CLI::Validator(unmark, ""));
}

void erase_marks(std::string& text) {
  std::erase(text, mark);
}

}  // namespace sluice::command_line
