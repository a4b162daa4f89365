// The one-request form: the file in the field `binary`.
#include "tests/simulation/datafile_call.h"

namespace sluice::sim {
namespace {

class BinaryCall final : public DatafileCall {
 public:
  using DatafileCall::DatafileCall;

 protected:
  Step step_of(const std::vector<Field>& fields) const override {
    return find_field(fields, "binary") != nullptr ? Step::whole : Step::other;
  }
  Answer carry_out() override {
    const Field* const file = find_field(*fields_, "binary");
    if (file == nullptr || !file->is_file) return reply(500, "invalid request");
    bank_.registered.push_back({file->filename, file->data, payload(*file).size()});
    return uploaded(bank_, file->filename);
  }
};

class BinaryServer final : public Server {
 public:
  explicit BinaryServer(Bank& bank) : bank_(bank) {}
  std::unique_ptr<Call> begin(const Head& head) override {
    return std::make_unique<BinaryCall>(bank_, head);
  }
  void restart(Dice&) override {}

 private:
  Bank& bank_;
};

}  // namespace

std::unique_ptr<Server> make_binary_server(Bank& bank) {
  return std::make_unique<BinaryServer>(bank);
}

}  // namespace sluice::sim
