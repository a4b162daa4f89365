#include "io/result.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <set>
#include <string>

namespace sluice::result_test {
namespace {

Result<int> half(int number) {
  if (number % 2 != 0) return Error{.kind = ErrorKind::usage, .message = "odd", .code = number};
  return number / 2;
}

Result<int> quarter(int number) {
  TRY_ASSIGN(const int once, half(number));
  TRY_ASSIGN(const int twice, half(once));
  return twice;
}

Result<std::string> checked(int number) {
  TRY(half(number));
  return std::string("even");
}

TEST(Result, TryAssignPassesValue) {
  EXPECT_EQ(quarter(12).value(), 3);
}

TEST(Result, TryAssignReturnsError) {
  const Result<int> result = quarter(6);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, 3);
  EXPECT_EQ(result.error().kind, ErrorKind::usage);
}

TEST(Result, TryReturnsIntoAnotherType) {
  EXPECT_EQ(checked(2).value(), "even");
  ASSERT_FALSE(checked(1));
  EXPECT_EQ(checked(1).error().message, "odd");
}

TEST(Result, TryAssignMovesValue) {
  const auto make = [](bool good) -> Result<std::unique_ptr<int>> {
    if (!good) return Error{.message = "none"};
    return std::make_unique<int>(7);
  };
  const auto use = [&](bool good) -> Result<int> {
    TRY_ASSIGN(const std::unique_ptr<int> number, make(good));
    return *number;
  };
  EXPECT_EQ(use(true).value(), 7);
  EXPECT_FALSE(use(false));
}

TEST(ErrorKind, HasUniqueNames) {
  std::set<std::string> words;
  const int last = static_cast<int>(ErrorKind::interrupted);
  for (int kind = 0; kind <= last; ++kind) words.insert(to_string(static_cast<ErrorKind>(kind)));
  EXPECT_EQ(words.size(), static_cast<std::size_t>(last) + 1);
  EXPECT_STREQ(to_string(ErrorKind::local_file), "local_file");
}

TEST(ErrnoError, HasMessageAndErrno) {
  const Error error = errno_error(ErrorKind::local_file, ENOENT, "cannot open a.dat");
  EXPECT_EQ(error.message, "cannot open a.dat: No such file or directory");
  EXPECT_EQ(error.code, ENOENT);
  EXPECT_EQ(error.kind, ErrorKind::local_file);
  EXPECT_FALSE(error.retryable);
}

}  // namespace
}  // namespace sluice::result_test
