#include "engine/journal/state_trial.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "engine/journal/journal_file.h"
#include "engine/journal/state_dir.h"
#include "engine/upload.h"
#include "tests/support/temp_dir.h"

namespace sluice::state_trial_test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

std::set<std::string> names_below(const fs::path& directory) {
  std::set<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(directory))
    names.insert(entry.path().string());
  return names;
}

std::string create_engine_error(const std::string& directory) {
  EngineOptions options;
  options.state_dir = directory;
  const auto engine = Engine::create(options);
  return engine ? "" : engine.error().message;
}

TEST(StateTrial, CreatesNoMissingDirectory) {
  const test::TempDir directory;
  const StateTrial trial = try_state_dir(directory / "a/b/c");
  EXPECT_FALSE(trial.journal);
  EXPECT_FALSE(trial.error);
  EXPECT_FALSE(trial.trouble) << trial.trouble->message;
  EXPECT_TRUE(fs::is_empty(directory.path()));
}

TEST(StateTrial, ChangesNoExistingFile) {
  const test::TempDir directory;
  ASSERT_TRUE(make_state_dir(directory / "locks"));
  ASSERT_TRUE(Journal::open(directory.path()));
  const auto before = names_below(directory.path());
  {
    const StateTrial trial = try_state_dir(directory.path());
    EXPECT_TRUE(trial.journal);
    EXPECT_FALSE(trial.error);
    EXPECT_FALSE(trial.trouble);
  }
  EXPECT_EQ(names_below(directory.path()), before);
}

TEST(StateTrial, IgnoresAnEmptyJournal) {
  const test::TempDir directory;
  test::write_file(journal_path(directory.path()), "");
  const StateTrial trial = try_state_dir(directory.path());
  EXPECT_FALSE(trial.journal);
  EXPECT_FALSE(trial.error);
  EXPECT_EQ(fs::file_size(journal_path(directory.path())), 0U);
}

TEST(StateTrial, ReportsTheErrorsOfAnUpload) {
  const test::TempDir directory;
  test::write_file(directory / "file", "");
  for (const std::string& place :
       {(directory / "file").string(), (directory / "file/below").string(),
        std::string("/proc/sluice-state"), std::string()}) {
    SCOPED_TRACE(place);
    const StateTrial trial = try_state_dir(place);
    EXPECT_FALSE(trial.error) << "uploads run without a journal";
    ASSERT_TRUE(trial.trouble);
    const auto made = make_state_dir(place);
    ASSERT_FALSE(made);
    EXPECT_EQ(trial.trouble->message, made.error().message);
  }
  test::write_file(journal_path(directory.path()), test::random_bytes(8192, 1));
  const StateTrial trial = try_state_dir(directory.path());
  EXPECT_FALSE(trial.journal);
  ASSERT_TRUE(trial.error);
  EXPECT_THAT(trial.error->message, HasSubstr("--no-journal"));
  EXPECT_EQ(trial.error->message, create_engine_error(directory.path()));
}

}  // namespace
}  // namespace sluice::state_trial_test
