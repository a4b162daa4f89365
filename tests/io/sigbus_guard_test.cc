#include "io/sigbus_guard.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "io/unique_fd.h"
#include "tests/support/temp_dir.h"

namespace sluice::sigbus_guard_test {
namespace {

/// A mapping of four pages over a file of one and a half pages.
class HalfMapping {
 public:
  explicit HalfMapping(int protection = PROT_READ) {
    // The mapping keeps the file. Delete its name now: most of these tests end without destructors.
    const test::TempDir dir;
    test::write_file(dir / "half", test::random_bytes(page + page / 2, 1));
    const UniqueFd fd(::open((dir / "half").c_str(), O_RDWR | O_CLOEXEC));
    start_ =
        static_cast<std::byte*>(::mmap(nullptr, 4 * page, protection, MAP_SHARED, fd.get(), 0));
    EXPECT_NE(static_cast<void*>(start_), MAP_FAILED);
  }
  ~HalfMapping() { ::munmap(start_, 4 * page); }
  HalfMapping(const HalfMapping&) = delete;
  HalfMapping& operator=(const HalfMapping&) = delete;

  std::span<const std::byte> good() const { return {start_, page + page / 2}; }
  std::span<const std::byte> all() const { return {start_, 4 * page}; }
  std::byte* hole() { return start_ + 2 * page; }
  /// Raises SIGBUS outside of a guard.
  void touch_the_hole() const {
    static_cast<void>(*(static_cast<volatile std::byte*>(start_) + 3 * page));
  }

  const std::size_t page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));

 private:
  std::byte* start_ = nullptr;
};

bool sigbus_is_blocked() {
  sigset_t mask;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  return ::sigismember(&mask, SIGBUS) == 1;
}

void change_mask(int how) {
  sigset_t only;
  ::sigemptyset(&only);
  ::sigaddset(&only, SIGBUS);
  ::pthread_sigmask(how, &only, nullptr);
}

TEST(GuardedCopy, CopiesMappedBytes) {
  const HalfMapping mapping;
  std::vector<std::byte> to(mapping.good().size());
  ASSERT_TRUE(guarded_copy(to.data(), mapping.good()));
  EXPECT_EQ(std::memcmp(to.data(), mapping.good().data(), to.size()), 0);
}

TEST(GuardedCopy, ReportsMissingPagesRepeatedly) {
  const HalfMapping mapping;
  std::vector<std::byte> to(mapping.all().size());
  // More than once: the handler runs with SIGBUS blocked, which the guard must undo.
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(guarded_copy(to.data(), mapping.all()));
    EXPECT_FALSE(sigbus_is_blocked());
    EXPECT_TRUE(guarded_copy(to.data(), mapping.good()));
  }
}

TEST(GuardedCopy, KeepsSigbusBlocked) {
  const HalfMapping mapping;
  std::vector<std::byte> to(mapping.all().size());
  change_mask(SIG_BLOCK);
  EXPECT_FALSE(guarded_copy(to.data(), mapping.all()));
  EXPECT_TRUE(sigbus_is_blocked());
  EXPECT_TRUE(guarded_copy(to.data(), mapping.good()));
  EXPECT_TRUE(sigbus_is_blocked());
  change_mask(SIG_UNBLOCK);
}

TEST(GuardedCopy, WorksOnManyThreads) {
  const HalfMapping mapping;
  std::vector<std::jthread> threads;
  for (int id = 0; id < 4; ++id) {
    threads.emplace_back([&mapping, id] {
      std::vector<std::byte> to(mapping.all().size());
      for (int i = 0; i < 100; ++i) {
        const bool whole = (i + id) % 2 == 0;
        EXPECT_EQ(guarded_copy(to.data(), whole ? mapping.good() : mapping.all()), whole);
      }
    });
  }
}

void install(void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  ::sigaction(SIGBUS, &action, nullptr);
}

void say_and_leave(const char* what) {
  static_cast<void>(::write(STDERR_FILENO, what, std::strlen(what)) + 0);
  ::_exit(7);
}
void plain_handler(int) {
  say_and_leave("the plain handler\n");
}
void info_handler(int, siginfo_t* info, void* context) {
  say_and_leave(info->si_addr != nullptr && context != nullptr ? "the handler with an address\n"
                                                               : "?\n");
}

void use_the_guard(const HalfMapping& mapping) {
  std::vector<std::byte> to(mapping.all().size());
  if (guarded_copy(to.data(), mapping.all())) ::_exit(99);
}

class SigbusDeathTest : public ::testing::Test {
 protected:
  // A new process for each test: the guard installs its handler once, after the test's handler.
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST_F(SigbusDeathTest, OtherFaultReachesPreviousPlainHandler) {
  EXPECT_EXIT(
      {
        install(plain_handler);
        const HalfMapping mapping;
        use_the_guard(mapping);
        mapping.touch_the_hole();
      },
      ::testing::ExitedWithCode(7), "the plain handler");
}

TEST_F(SigbusDeathTest, OtherFaultReachesPreviousHandlerWithAddress) {
  EXPECT_EXIT(
      {
        struct sigaction action {};
        action.sa_sigaction = info_handler;
        action.sa_flags = SA_SIGINFO;
        ::sigaction(SIGBUS, &action, nullptr);
        const HalfMapping mapping;
        use_the_guard(mapping);
        mapping.touch_the_hole();
      },
      ::testing::ExitedWithCode(7), "the handler with an address");
}

TEST_F(SigbusDeathTest, OtherFaultEndsProcessWithoutHandler) {
  for (void (*const handler)(int) : {SIG_DFL, SIG_IGN}) {
    EXPECT_EXIT(
        {
          install(handler);
          const HalfMapping mapping;
          use_the_guard(mapping);
          mapping.touch_the_hole();
        },
        ::testing::KilledBySignal(SIGBUS), "");
  }
}

TEST_F(SigbusDeathTest, SentSignalKeepsPreviousAction) {
  EXPECT_EXIT(
      {
        install(SIG_DFL);
        use_the_guard(HalfMapping());
        ::kill(::getpid(), SIGBUS);
        ::pause();
      },
      ::testing::KilledBySignal(SIGBUS), "");
  EXPECT_EXIT(
      {
        install(SIG_IGN);
        use_the_guard(HalfMapping());
        ::raise(SIGBUS);
        ::_exit(0);
      },
      ::testing::ExitedWithCode(0), "");
}

TEST_F(SigbusDeathTest, FaultOutsideRangeDuringCopyIsNotCaught) {
  // The destination has lost its pages, not the file: this is a bug, and must not be hidden.
  EXPECT_EXIT(
      {
        install(plain_handler);
        const HalfMapping from;
        HalfMapping to(PROT_READ | PROT_WRITE);
        static_cast<void>(guarded_copy(to.hole(), from.good()));
        ::_exit(98);
      },
      ::testing::ExitedWithCode(7), "the plain handler");
}

}  // namespace
}  // namespace sluice::sigbus_guard_test
