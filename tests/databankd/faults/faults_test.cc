// Parsing of --fault, and the choice of requests.
#include "tools/databankd/faults/faults.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace sluice::databankd::faults_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Fault fault(const std::string& spec) {
  auto parsed = parse_fault(spec);
  EXPECT_TRUE(parsed) << parsed.error().message;
  return parsed ? *parsed : Fault();
}

FaultPlan plan(const std::vector<std::string>& specs) {
  std::vector<Fault> faults;
  for (const std::string& spec : specs) faults.push_back(fault(spec));
  return FaultPlan(std::move(faults));
}

/// Returns the numbers, from 1, of the requests that are struck.
std::vector<int> struck(FaultPlan& plan, int requests, std::optional<Step> step) {
  std::vector<int> numbers;
  for (int number = 1; number <= requests; ++number)
    if (plan.decide(step)) numbers.push_back(number);
  return numbers;
}

// --- parsing

TEST(ParseFault, ParsesEveryKind) {
  EXPECT_EQ(fault("lose-request").kind, FaultKind::lose_request);
  EXPECT_EQ(fault("lose-response").kind, FaultKind::lose_response);
  EXPECT_EQ(fault("reset-mid-body").kind, FaultKind::reset_mid_body);
  EXPECT_EQ(fault("reset-mid-response").kind, FaultKind::reset_mid_response);
  EXPECT_EQ(fault("stall").kind, FaultKind::stall);
  EXPECT_EQ(fault("partial-append").kind, FaultKind::partial_append);
  EXPECT_EQ(fault("forget-staging").kind, FaultKind::forget_staging);
  EXPECT_EQ(fault("expire-token").kind, FaultKind::expire_token);
  EXPECT_EQ(fault("garbage-body").kind, FaultKind::garbage_body);
  EXPECT_EQ(fault("huge-body").kind, FaultKind::huge_body);
  const Fault status = fault("status:503");
  EXPECT_EQ(status.kind, FaultKind::status);
  EXPECT_EQ(status.status, 503U);
  EXPECT_EQ(status.name, "status:503");
  const Fault quota = fault("status:507:quota exceeded: 2 TB,on=patch");
  EXPECT_EQ(quota.kind, FaultKind::status);
  EXPECT_EQ(quota.status, 507U);
  EXPECT_EQ(quota.text, "quota exceeded: 2 TB");
  EXPECT_EQ(quota.name, "status:507:quota exceeded: 2 TB");
  EXPECT_EQ(quota.on, Step::patch);
  EXPECT_EQ(fault("gzip").kind, FaultKind::gzip);
  EXPECT_EQ(fault("two-locations").kind, FaultKind::two_locations);
  const Fault answer = fault("answer:429,on=register");
  EXPECT_EQ(answer.kind, FaultKind::answer);
  EXPECT_EQ(answer.status, 429U);
  const Fault front = fault("front:404,on=patch");
  EXPECT_EQ(front.kind, FaultKind::front);
  EXPECT_EQ(front.status, 404U);
  EXPECT_EQ(front.at, 1U);
  EXPECT_EQ(fault("front:404,every=3").at, 0U);
  EXPECT_EQ(fault("slow:500").kind, FaultKind::slow);
  EXPECT_EQ(fault("tail-timeout").kind, FaultKind::tail_timeout);
  EXPECT_EQ(fault("expire").kind, FaultKind::expire);
  EXPECT_EQ(fault("locked").kind, FaultKind::locked);
  EXPECT_EQ(fault("checksum").kind, FaultKind::checksum);
  EXPECT_EQ(fault("stuck").kind, FaultKind::stuck);
  EXPECT_EQ(fault("short-append,on=create-with-upload").kind, FaultKind::short_append);
}

TEST(ParseFault, ReadsDurations) {
  using namespace std::chrono_literals;
  EXPECT_EQ(fault("tail-timeout").time, 100ms);
  EXPECT_EQ(fault("tail-timeout:0").time, 0ms);
  EXPECT_EQ(fault("tail-timeout:1.5s,at=2").time, 1500ms);
  EXPECT_EQ(fault("tail-timeout:0.5ms").time, 500us);
  EXPECT_EQ(fault("tail-timeout:86400s").time, 24h);
  EXPECT_EQ(fault("front:502").time, 5s);
  EXPECT_EQ(fault("front:502:1.5s,at=2").time, 1500ms);
}

TEST(ParseFault, ReadsRates) {
  EXPECT_EQ(fault("slow:500").rate, 500U);
  EXPECT_EQ(fault("slow:64K").rate, 64U << 10);
  EXPECT_EQ(fault("slow:5M").rate, 5U << 20);
  EXPECT_EQ(fault("slow:2G").rate, std::uint64_t{2} << 30);
}

TEST(ParseFault, ReadsSettingsInAnyOrder) {
  const Fault all = fault("stall,on=verify,seed=18446744073709551615,every=3");
  EXPECT_EQ(all.on, Step::verify);
  EXPECT_EQ(all.seed, 18446744073709551615U);
  EXPECT_EQ(all.every, 3U);
  EXPECT_EQ(all.at, 0U);
  EXPECT_EQ(fault("stall,at=7").at, 7U);
  EXPECT_EQ(fault("stall,probability=0.25").probability, 0.25);
  EXPECT_EQ(fault("stall,on=any").on, std::nullopt);
  EXPECT_EQ(fault("stall,on=ask").on, Step::ask);
  EXPECT_EQ(fault("stall,on=setup").on, Step::setup);
  EXPECT_EQ(fault("stall,on=transfer").on, Step::transfer);
  EXPECT_EQ(fault("stall,on=probe").on, Step::probe);
  EXPECT_EQ(fault("stall,on=options").on, Step::options);
  EXPECT_EQ(fault("stall,on=create").on, Step::create);
  EXPECT_EQ(fault("stall,on=create-with-upload").on, Step::create_with_upload);
  EXPECT_EQ(fault("stall,on=head").on, Step::head);
  EXPECT_EQ(fault("stall,on=patch").on, Step::patch);
  EXPECT_EQ(fault("stall,on=delete").on, Step::remove);
  EXPECT_EQ(fault("stall,on=join").on, Step::join);
  EXPECT_EQ(fault("stall,on=register").on, Step::register_upload);
  EXPECT_EQ(fault("stall,on=binary").on, Step::binary);
  EXPECT_EQ(fault("stall").seed, std::nullopt);
}

TEST(ParseFault, ReportsErrorAndValidValues) {
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {"", "unknown fault ''; the faults are lose-request, "},
      {"lose", "unknown fault 'lose'; the faults are lose-request, "},
      {"lose", "checksum and stuck"},
      {"stall ", "unknown fault 'stall '"},
      {"stall:3", "stall takes no argument"},
      {"stall:", "stall takes no argument"},
      {"status", "from 200 to 599, such as status:503"},
      {"status:", "from 200 to 599"},
      {"status:99", "from 200 to 599"},
      {"status:199", "from 200 to 599"},
      {"status:600", "from 200 to 599"},
      {"status:50x", "from 200 to 599"},
      {"status:-1", "from 200 to 599"},
      {"status:507:", "and a text without commas, such as status:507:quota exceeded"},
      {"status:600:x", "from 200 to 599"},
      {"status:507:no, none", "unknown setting ' none'"},
      {"gzip:9", "gzip takes no argument"},
      {"two-locations,on=head",
       "two-locations strikes only with on=create, on=create-with-upload, on=join"},
      {"answer", "answer takes an HTTP status from 200 to 599, such as answer:503"},
      {"answer:600", "from 200 to 599"},
      {"front",
       "front takes an HTTP status from 200 to 599 and optionally a time of at most 1 day, such as "
       "front:502"},
      {"front:", "front takes an HTTP status"},
      {"front:99:1s", "front takes an HTTP status"},
      {"front:404:", "a time of at most 1 day"},
      {"front:404:5", "a time of at most 1 day"},
      {"front:404:1s:2s", "a time of at most 1 day"},
      {"slow", "slow takes a rate in bytes per second, such as slow:500, slow:64K or slow:5M"},
      {"slow:0", "slow takes a rate in bytes per second"},
      {"slow:K", "slow takes a rate in bytes per second"},
      {"slow:5P", "slow takes a rate in bytes per second"},
      {"slow:-5", "slow takes a rate in bytes per second"},
      {"slow:18446744073709551615K", "slow takes a rate in bytes per second"},
      {"tail-timeout:", "tail-timeout takes a time of at most 1 day, such as tail-timeout:500ms"},
      {"tail-timeout:5", "takes a time"},
      {"tail-timeout:s", "takes a time"},
      {"tail-timeout:-1s", "takes a time"},
      {"tail-timeout:nans", "takes a time"},
      {"tail-timeout:infs", "takes a time"},
      {"tail-timeout:1e3s", "takes a time"},
      {"tail-timeout:86401s", "takes a time"},
      {"stall,", "nothing follows the last comma"},
      {"stall,,at=1", "unknown setting ''"},
      {"stall,when=3",
       "unknown setting 'when'; the settings are at, every, probability, seed and on"},
      {"stall,at", "at takes a number of requests, 1 or more, not ''"},
      {"stall,at=0", "1 or more, not '0'"},
      {"stall,every=0", "every takes a number of requests, 1 or more, not '0'"},
      {"stall,every=1.5", "not '1.5'"},
      {"stall,probability=1.1", "probability takes a number from 0 to 1, not '1.1'"},
      {"stall,probability=-0.1", "not '-0.1'"},
      {"stall,probability=nan", "not 'nan'"},
      {"stall,seed=x", "seed takes a number, 0 or more, not 'x'"},
      {"stall,on=put", "unknown step 'put'; the steps are ask, setup, "},
      {"stall,at=1,at=2", "at is given twice"},
      {"stall,at=1,every=2", "at, every and probability cannot be combined"},
      {"stall,every=1,probability=0.5", "cannot be combined"},
      {"stall,on=put", "delete, join, register and binary (or any, for every step)"},
      {"partial-append,on=verify", "partial-append strikes only with on=transfer, on=patch"},
      {"stuck,on=head", "stuck strikes only with on=patch"},
      {"checksum,on=transfer", "checksum strikes only with on=patch"},
      {"locked,on=head", "locked strikes only with on=patch, on=delete"},
      {"expire,on=create",
       "expire strikes only with on=head, on=patch, on=delete, on=join, on=register"},
  };
  for (const auto& [spec, message] : wrong) {
    const auto parsed = parse_fault(spec);
    ASSERT_FALSE(parsed) << spec;
    EXPECT_EQ(parsed.error().kind, ErrorKind::usage);
    EXPECT_THAT(parsed.error().message, HasSubstr("--fault '" + spec + "': "));
    EXPECT_THAT(parsed.error().message, HasSubstr(message));
    EXPECT_EQ(parsed.error().message.find('\n'), std::string::npos);
  }
}

TEST(ParseFault, KnowsWhichFaultsNeedSeed) {
  for (const char* spec : {"stall,probability=0.5", "reset-mid-body", "reset-mid-body,at=1",
                           "reset-mid-response", "partial-append", "garbage-body,every=2"})
    EXPECT_TRUE(fault(spec).is_random()) << spec;
  for (const char* spec : {"stall", "stall,at=1", "stall,every=2", "stall,probability=0",
                           "stall,probability=1", "status:503"})
    EXPECT_FALSE(fault(spec).is_random()) << spec;
}

// --- deciding

TEST(FaultPlan, StrikesEveryRequestByDefault) {
  FaultPlan all = plan({"stall"});
  EXPECT_THAT(struck(all, 3, Step::setup), ElementsAre(1, 2, 3));
  EXPECT_THAT(struck(all, 2, std::nullopt), ElementsAre(1, 2));
}

TEST(FaultPlan, StrikesOneOrEveryNth) {
  FaultPlan at = plan({"stall,at=3"});
  EXPECT_THAT(struck(at, 10, Step::verify), ElementsAre(3));
  FaultPlan every = plan({"stall,every=3"});
  EXPECT_THAT(struck(every, 10, Step::verify), ElementsAre(3, 6, 9));
}

TEST(FaultPlan, CountsOnlyRequestsOfItsStep) {
  FaultPlan verify = plan({"stall,at=2,on=verify"});
  for (const Step other : {Step::ask, Step::setup, Step::transfer, Step::probe})
    EXPECT_THAT(struck(verify, 3, other), IsEmpty());
  EXPECT_THAT(struck(verify, 3, std::nullopt), IsEmpty());
  EXPECT_THAT(struck(verify, 3, Step::verify), ElementsAre(2));
}

TEST(FaultPlan, StrikesOnlyPossibleSteps) {
  FaultPlan stuck_only = plan({"stuck"});
  EXPECT_THAT(struck(stuck_only, 2, Step::head), IsEmpty());
  EXPECT_THAT(struck(stuck_only, 2, std::nullopt), IsEmpty());
  EXPECT_THAT(struck(stuck_only, 2, Step::patch), ElementsAre(1, 2));
  FaultPlan locked = plan({"locked,at=2"});
  EXPECT_THAT(struck(locked, 2, Step::transfer), IsEmpty());
  EXPECT_THAT(struck(locked, 1, Step::patch), IsEmpty());
  EXPECT_THAT(struck(locked, 1, Step::remove), ElementsAre(1));
}

TEST(FaultPlan, PartialAppendStrikesOnlyChunks) {
  FaultPlan partial = plan({"partial-append,at=2,on=any"});
  for (const Step other : {Step::ask, Step::setup, Step::probe, Step::verify})
    EXPECT_THAT(struck(partial, 3, other), IsEmpty());
  EXPECT_THAT(struck(partial, 1, Step::transfer), IsEmpty());
  EXPECT_THAT(struck(partial, 3, Step::patch), ElementsAre(1));
}

TEST(FaultPlan, CountsForEachFault) {
  FaultPlan two = plan({"stall,every=2", "status:503,every=3", "lose-request,at=1,on=verify"});
  std::vector<std::string> names;
  for (int number = 1; number <= 9; ++number) {
    const auto strike = two.decide(Step::transfer);
    names.push_back(strike ? strike->fault.name : "");
  }
  // Both are due at request 6: the first strikes, the other is skipped.
  EXPECT_THAT(names, ElementsAre("", "stall", "status:503", "stall", "", "stall", "", "stall",
                                 "status:503"));
  EXPECT_EQ(two.decide(Step::verify)->fault.name, "stall");  // the tenth request of all
  EXPECT_EQ(two.decide(Step::verify), std::nullopt);         // at=1 was skipped
}

TEST(FaultPlan, FrontLastsForItsTime) {
  using namespace std::chrono_literals;
  const FaultPlan::Clock::time_point begin{};
  FaultPlan front = plan({"front:502:5s,at=2,on=patch", "status:503,at=5,on=patch"});
  const auto name = [&](std::optional<Step> step, std::chrono::milliseconds after) {
    const auto strike = front.decide(step, begin + after);
    return strike ? strike->fault.name : std::string();
  };
  EXPECT_EQ(name(Step::patch, 0s), "");
  EXPECT_EQ(name(Step::patch, 1s), "front:502:5s");
  EXPECT_EQ(name(Step::head, 2s), "");
  EXPECT_EQ(front.decide_other(begin + 2s), std::nullopt);  // the fault is limited to patch
  EXPECT_EQ(name(Step::patch, 2s), "front:502:5s");
  EXPECT_EQ(name(Step::patch, 5999ms), "front:502:5s");
  EXPECT_EQ(name(Step::patch, 6s), "status:503");  // the fifth request
  EXPECT_EQ(name(Step::patch, 7s), "");
}

TEST(FaultPlan, FrontStrikesEveryRequest) {
  using namespace std::chrono_literals;
  const FaultPlan::Clock::time_point begin{};
  FaultPlan front = plan({"stall,at=1", "front:404:1s"});
  EXPECT_EQ(front.decide_other(begin)->fault.name, "front:404:1s");
  EXPECT_EQ(front.decide(std::nullopt, begin + 999ms)->fault.name, "stall");
  EXPECT_EQ(front.decide(Step::options, begin + 999ms)->fault.name, "front:404:1s");
  EXPECT_EQ(front.decide(Step::options, begin + 1s), std::nullopt);
  EXPECT_EQ(front.decide_other(begin + 1s), std::nullopt);
}

TEST(FaultPlan, MakesTheSameChoicesFromTheSameSeed) {
  const std::uint64_t seed = std::random_device()();
  SCOPED_TRACE(seed);
  const std::string spec = "stall,probability=0.3,seed=" + std::to_string(seed);
  FaultPlan one = plan({spec});
  // Other faults and steps do not change the choice.
  FaultPlan other = plan({"status:503,at=1,on=ask", spec + ",on=verify"});
  for (int number = 0; number < 1000; ++number) {
    const auto first = one.decide(Step::verify);
    other.decide(Step::ask);
    const auto second = other.decide(Step::verify);
    ASSERT_EQ(first.has_value(), second.has_value()) << number;
    if (first) {
      ASSERT_EQ(first->random, second->random);
    }
  }
  FaultPlan again = plan({spec});
  FaultPlan elsewhere = plan({"stall,probability=0.3,seed=" + std::to_string(seed + 1)});
  EXPECT_NE(struck(again, 1000, Step::verify), struck(elsewhere, 1000, Step::verify));
}

TEST(FaultPlan, StrikesWithProbability) {
  // A fixed seed makes the result deterministic.
  FaultPlan third = plan({"stall,probability=0.3,seed=1"});
  const std::size_t strikes = struck(third, 10000, Step::verify).size();
  EXPECT_GT(strikes, 2800U);
  EXPECT_LT(strikes, 3200U);
  FaultPlan never = plan({"stall,probability=0"});
  EXPECT_THAT(struck(never, 1000, Step::verify), IsEmpty());
  FaultPlan always = plan({"stall,probability=1"});
  EXPECT_EQ(struck(always, 1000, Step::verify).size(), 1000U);
}

TEST(FaultPlan, CountsStrikes) {
  FaultPlan faults = plan(
      {"lose-response,at=1", "status:503,at=2", "stall,at=9", "lose-response,at=3", "status:429"});
  const auto first = faults.decide(Step::verify);
  faults.decide(Step::verify);  // the client disconnects before the strike
  const auto third = faults.decide(Step::verify);
  EXPECT_EQ(faults.summary(), "lose-response 0, status:503 0, stall 0, status:429 0");
  faults.count(*first);
  faults.count(*third);
  EXPECT_EQ(faults.summary(), "lose-response 2, status:503 0, stall 0, status:429 0");
  EXPECT_EQ(FaultPlan({}).summary(), "");
}

TEST(FaultPlan, WorksWithManyThreads) {
  FaultPlan every = plan({"stall,every=10"});
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int number = 0; number < 1000; ++number)
        if (const auto strike = every.decide(Step::verify)) every.count(*strike);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(every.summary(), "stall 400");
}

// --- what strikes draw

TEST(PlaceInside, LeavesByteOnEitherSide) {
  std::mt19937_64 random(1);
  std::set<std::uint64_t> places;
  for (int i = 0; i < 1000; ++i) places.insert(place_inside(5, random()));
  EXPECT_THAT(places, ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(place_inside(2, random()), 1U);
  EXPECT_EQ(place_inside(1, random()), 0U);
  EXPECT_EQ(place_inside(0, random()), 0U);
}

TEST(Garbage, HasTerminalSequences) {
  const std::string bytes = garbage(1);
  EXPECT_EQ(bytes.size(), 4096U);
  EXPECT_THAT(bytes, HasSubstr("\x1b[2J"));
  EXPECT_EQ(std::set<char>(bytes.begin(), bytes.end()).size(), 256U);
  EXPECT_EQ(bytes, garbage(1));
  EXPECT_NE(bytes, garbage(2));
}

}  // namespace
}  // namespace sluice::databankd::faults_test
