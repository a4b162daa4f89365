#include "tools/databankd/store/data_bank.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "tools/databankd/base/files.h"

namespace sluice::databankd {
namespace fs = std::filesystem;

namespace {

Error cannot_use(const fs::path& path, const std::error_code& error) {
  return Error{
      .kind = ErrorKind::failed,
      .message = fmt::format("cannot use the store {}: {}", path.string(), error.message()),
      .code = error.value()};
}

}  // namespace

bool DataBank::is_key(std::string_view key) {
  return !key.empty() && key.size() <= 200 && std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
}

Result<std::unique_ptr<DataBank>> DataBank::open(const Options& options) {
  std::map<std::string, std::string> tokens = options.tokens;
  for (const std::string& key : options.published) tokens.try_emplace(key, "");
  for (const auto& [key, token] : tokens) {
    if (!is_key(key)) {
      return Error{.kind = ErrorKind::usage,
                   .message = fmt::format(
                       "'{}' is not a dataset key: a key has only letters, digits, '-' and '_', "
                       "and at most 200 characters",
                       key)};
    }
    if (token.empty() && options.tokens.contains(key)) {
      return Error{.kind = ErrorKind::usage,
                   .message = fmt::format("the token of dataset {} is empty", key)};
    }
  }

  const fs::path staging = options.store / ".staging";
  std::error_code error;
  fs::create_directories(staging, error);
  if (error) return cannot_use(options.store, error);
  if (!open_unnamed(staging)) return cannot_use(options.store, {errno, std::generic_category()});

  std::unique_ptr<DataBank> bank(new DataBank(options.think, options.back_ends));
  TRY_ASSIGN(bank->registry_, Registry::open(options.store / "registered.jsonl"));
  TusStore::Options tus = options.tus;
  tus.directory = options.store / ".tus";
  tus.discard = options.discard;
  tus.before_join = [&thinking = bank->thinking_, join = options.join_time](std::uint64_t bytes) {
    thinking.think(join.of(bytes));
  };
  TRY_ASSIGN(bank->tus_, TusStore::open(tus));
  for (const auto& [key, token] : tokens) {
    if (!options.discard) {
      fs::create_directories(options.store / key, error);
      if (error) return cannot_use(options.store, error);
    }
    const bool published = std::find(options.published.begin(), options.published.end(), key) !=
                           options.published.end();
    const auto file = options.token_files.find(key);
    bank->datasets_.emplace(
        key, std::make_unique<Dataset>(
                 Dataset::Options{.key = key,
                                  .token = {.value = token,
                                            .lifetime = options.token_lifetime,
                                            .file = file != options.token_files.end() ? file->second
                                                                                      : fs::path()},
                                  .published = published,
                                  .discard = options.discard,
                                  .rename = options.rename,
                                  .store = options.store,
                                  .staging = staging},
                 *bank->registry_, bank->thinking_));
  }
  return bank;
}

Dataset* DataBank::find_token(std::string_view presented) {
  const auto now = Token::Clock::now();
  for (const auto& [key, dataset] : datasets_)
    if (dataset->token().accepts(presented, now)) return dataset.get();
  return nullptr;
}

Dataset* DataBank::find_draft(std::string_view key) {
  const auto found = datasets_.find(key);
  if (found == datasets_.end() || found->second->published()) return nullptr;
  return found->second.get();
}

}  // namespace sluice::databankd
