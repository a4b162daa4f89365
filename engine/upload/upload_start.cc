#include "engine/upload/upload_start.h"

#include <chrono>
#include <utility>
#include <variant>

#include "engine/upload/registered_before.h"
#include "engine/upload/upload_run.h"

namespace sluice {
namespace {

/// The handle of an UploadRun that a caller of the engine holds.
class Handle final : public Upload {
 public:
  explicit Handle(std::shared_ptr<UploadRun> run) : run_(std::move(run)) {}
  ~Handle() override {
    run_->cancel();
    run_->wait();
  }
  Progress progress() const override { return run_->progress(); }
  void cancel() override { run_->cancel(); }
  bool wait_until(std::chrono::steady_clock::time_point deadline) override {
    return run_->wait_until(deadline);
  }
  Report wait() override { return run_->wait(); }

 private:
  const std::shared_ptr<UploadRun> run_;
};

/// Starts each kind of prepared upload.
struct Starting {
  Result<std::unique_ptr<Upload>> operator()(RegisteredBefore before) const {
    return over_before(before.request, before.entry);
  }
  Result<std::unique_ptr<Upload>> operator()(Comparison comparison) const {
    return compare_registered(std::move(comparison));
  }
  Result<std::unique_ptr<Upload>> operator()(UploadRun::Setting setting) const {
    auto run = std::make_shared<UploadRun>(std::move(setting));
    run->start();
    return std::unique_ptr<Upload>(std::make_unique<Handle>(std::move(run)));
  }
};

}  // namespace

Result<std::unique_ptr<Upload>> start_upload(PreparedUpload prepared) {
  return std::visit(Starting(), std::move(prepared));
}

}  // namespace sluice
