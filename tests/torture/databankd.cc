#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <utility>

#include "tests/e2e/e2e.h"
#include "tests/torture/server.h"

namespace sluice::torture {
namespace {

/// Frequent enough that every kind strikes in a few hundred requests, and rare enough that most
/// requests succeed. verify occurs once or twice per upload, and has its own probabilities.
constexpr const char* usual_faults[] = {
    "lose-request,probability=0.15,on=verify",
    "lose-response,probability=0.15,on=verify",
    "reset-mid-response,probability=0.15,on=verify",
    "garbage-body,probability=0.1,on=verify",
    "status:503,probability=0.1,on=verify",
    "forget-staging,probability=0.05,on=verify",
    "lose-request,probability=0.02",
    "lose-response,probability=0.03",
    "reset-mid-body,probability=0.02",
    "reset-mid-response,probability=0.02",
    "partial-append,probability=0.02,on=transfer",
    "garbage-body,probability=0.01,on=transfer",
    "garbage-body,probability=0.02,on=probe",
    "huge-body,probability=0.003,on=transfer",
    "status:500,probability=0.01,on=transfer",
    "status:502,probability=0.01",
    "status:503,probability=0.003",
    "status:429,probability=0.002",
    "stall,probability=0.002",
};

/// The same over tus; the registration has its own probabilities.
constexpr const char* usual_tus_faults[] = {
    "lose-request,probability=0.1,on=register",
    "lose-response,probability=0.1,on=register",
    "reset-mid-response,probability=0.1,on=register",
    "garbage-body,probability=0.05,on=register",
    "status:503,probability=0.05,on=register",
    "lose-request,probability=0.03",
    "lose-response,probability=0.03",
    "reset-mid-body,probability=0.05,on=patch",
    "reset-mid-response,probability=0.02",
    "partial-append,probability=0.05,on=patch",
    "locked,probability=0.03",
    "checksum,probability=0.02,on=patch",
    "stuck,probability=0.02,on=patch",
    "expire,probability=0.02,on=patch",
    "status:502,probability=0.02",
    "status:429,probability=0.005",
    "stall,probability=0.005",
};

class Databankd final : public Server {
 public:
  explicit Databankd(const e2e::Arguments& faults) { bank_.emplace(faults); }

  std::string url() const override { return bank_->url(); }
  int registrations() const override { return static_cast<int>(bank_->registered().size()); }
  bool holds(const std::string& name, const std::filesystem::path& file) const override {
    return test::same_content(bank_->deposited(name), file);
  }
  std::string end() override {
    bank_->process().signal(SIGTERM);
    const int status = bank_->process().wait();
    if (status != 0) throw std::runtime_error(fmt::format("databankd ended with {}", status));
    const std::string words = bank_->process().wait_for_line("faults struck: ");
    return words.empty() ? "none" : words.substr(words.find(": ") + 2);
  }

 private:
  std::optional<e2e::Bank> bank_;
};

}  // namespace

std::unique_ptr<Server> make_databankd(std::vector<std::string> faults, const Measure& measure,
                                       std::uint64_t seed, bool tus) {
  if (faults.empty() && tus) {
    faults.assign(std::begin(usual_tus_faults), std::end(usual_tus_faults));
  } else if (faults.empty()) {
    faults.assign(std::begin(usual_faults), std::end(usual_faults));
    const double once = std::min(0.02, 0.5 / static_cast<double>(measure.chunks));
    faults.push_back(fmt::format("forget-staging,probability={:.6f},on=transfer", once));
    faults.push_back(fmt::format("forget-staging,probability={:.6f},on=probe", once));
  }
  e2e::Arguments arguments{"--protocols", tus ? "tus" : "phased"};
  for (std::string& fault : faults) {
    if (fault == "none") continue;
    if (fault.find(",seed=") == std::string::npos) fault += fmt::format(",seed={}", ++seed);
    arguments.insert(arguments.end(), {"--fault", std::move(fault)});
  }
  return std::make_unique<Databankd>(arguments);
}

}  // namespace sluice::torture
