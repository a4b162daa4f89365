#include "tools/sluice/select/name_forms.h"

#include <fmt/format.h>
#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>
#include <set>

#include "engine/base/text.h"

namespace sluice::cli {
namespace {

const char* form_of(const std::string& name) {
  return name == normal_form(name) ? "composed (NFC)" : "decomposed (NFD) or mixed";
}

std::string sentence(const std::string& name, const std::string& other, std::string_view origin) {
  return fmt::format(
      "the name '{}' looks like the name of {}, but the two names differ in Unicode normalisation: "
      "one is {}, the other {}; the dataset will hold two files whose names look the same",
      printable(name), origin, form_of(name), form_of(other));
}

}  // namespace

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x80; });
}

std::string normal_form(std::string_view name) {
  if (is_ascii(name)) return std::string(name);
  utf8proc_uint8_t* composed = nullptr;
  const utf8proc_ssize_t length =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(name.data()),
                   static_cast<utf8proc_ssize_t>(name.size()), &composed,
                   static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> memory(composed, &std::free);
  if (length < 0) return std::string(name);
  return std::string(reinterpret_cast<const char*>(composed), static_cast<std::size_t>(length));
}

std::vector<std::string> warn_of_look_alikes(const std::vector<std::string>& names,
                                             const std::vector<std::string>& names_in_dataset,
                                             const std::string& dataset) {
  std::vector<std::string> warnings;
  std::map<std::string, std::set<std::string>> given;  // by their NFC
  for (const std::string& name : names) {
    std::set<std::string>& same_form = given[normal_form(name)];
    for (const std::string& other : same_form)
      if (other != name) warnings.push_back(sentence(name, other, "another file"));
    same_form.insert(name);
  }
  const std::set<std::string> distinct(names_in_dataset.begin(), names_in_dataset.end());
  for (const std::string& other : distinct) {
    const auto same_form = given.find(normal_form(other));
    if (same_form == given.end() || same_form->second.contains(other)) continue;
    for (const std::string& name : same_form->second)
      warnings.push_back(
          sentence(name, other, fmt::format("an earlier upload into dataset {}", dataset)));
  }
  return warnings;
}

}  // namespace sluice::cli
