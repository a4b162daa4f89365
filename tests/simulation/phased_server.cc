// The phased generation: setup, transfer, verify. What it does is in the specification, written
// down here once more and without a look at the engine.
#include <fmt/format.h>

#include <cstdlib>
#include <map>

#include "tests/simulation/datafile_call.h"

namespace sluice::sim {
namespace {

struct Staged {
  std::string bytes;
  std::vector<std::size_t> ends;  ///< of the chunks that were appended
  std::uint64_t expected = 0;
  bool told_complete = false;  ///< a client knows that all of it is there
};

class PhasedServer;

class PhasedCall final : public DatafileCall {
 public:
  PhasedCall(Bank& bank, std::map<std::string, Staged>& staging, Head head)
      : DatafileCall(bank, std::move(head)), staging_(staging) {}

  void finish_partly(Dice& dice) override {
    if (step() != Step::chunk) return;
    const auto staged = staging_.find(value("filename"));
    const std::string chunk = value("bytechunk");
    if (staged == staging_.end() ||
        value("previous_size") != std::to_string(staged->second.bytes.size()))
      return;
    staged->second.bytes += chunk.substr(0, static_cast<std::size_t>(dice.below(chunk.size())));
  }

 protected:
  Step step_of(const std::vector<Field>& fields) const override {
    const Field* const phase = find_field(fields, "phase");
    if (phase == nullptr) return Step::other;
    if (phase->data == "setup")
      return find_field(fields, "filesize") != nullptr ? Step::setup : Step::ask;
    if (phase->data == "verify") return Step::verify;
    const Field* const previous = find_field(fields, "previous_size");
    return previous != nullptr && previous->data.starts_with('-') ? Step::probe : Step::chunk;
  }

  Answer carry_out() override {
    if (!has("phase")) return reply(500, "invalid request");
    const std::string phase = value("phase");
    if (phase == "setup") return setup(value("filename"));
    if (phase == "transfer") return transfer(value("filename"));
    if (phase == "verify") return verify(value("filename"));
    return reply(400, "invalid phase parameter: " + phase);
  }

 private:
  Answer setup(const std::string& name) {
    if (bank_.has(name))
      return reply(500,
                   fmt::format("File with the name {} already exists in this dataset.\n", name));
    if (!has("filesize")) return reply(500, "missing paramter: filesize\n");
    staging_.clear();
    staging_[name].expected = std::strtoull(value("filesize").c_str(), nullptr, 10);
    return reply(200, "successfully set up " + name);
  }

  static Answer no_such_file(const std::string& name) {
    return reply(500, "No such file or directory @ rb_file_s_size - /staging/" + name + "\n");
  }

  Answer transfer(const std::string& name) {
    const auto found = staging_.find(name);
    if (found == staging_.end()) return no_such_file(name);
    Staged& staged = found->second;
    const Field* const chunk = find_field(*fields_, "bytechunk");
    const auto refuse = [&](const std::string& error) {
      staged.told_complete = staged.bytes.size() == staged.expected;
      return reply(200, fmt::format(R"({{"error":"{}","progress":{},"status":500}})", error,
                                    staged.bytes.size()));
    };
    if (chunk == nullptr || !chunk->is_file) return refuse("missing bytechunk");
    const std::string previous = value("previous_size");
    if (previous != std::to_string(staged.bytes.size()))
      return refuse(fmt::format("Unexpected previous_size value.  Expected: {}, Recieved: {}\\n",
                                staged.bytes.size(), previous));
    staged.bytes += chunk->data;
    staged.ends.push_back(staged.bytes.size());
    staged.told_complete = false;
    return reply(200, "successfully added chunk to " + name);
  }

  Answer verify(const std::string& name) {
    const auto found = staging_.find(name);
    if (found == staging_.end()) return no_such_file(name);
    const bool empty = found->second.bytes.empty();
    bank_.registered.push_back({bank_.renames ? renamed(name) : name, found->second.bytes});
    if (bank_.moves || bank_.renames) staging_.erase(found);
    // The generation of 2018-08 stumbles over it, and has registered it.
    if (bank_.renames && empty) return reply(500, "Error uploading file.\n");
    return reply(200, fmt::format("{} successfully uploaded.  Refresh dataset page to see newly "
                                  "uploaded file. http://bank.sim/datasets/{}/edit",
                                  name, bank_.dataset));
  }

  std::map<std::string, Staged>& staging_;
};

class PhasedServer final : public Server {
 public:
  explicit PhasedServer(Bank& bank) : bank_(bank) {}

  std::unique_ptr<Call> begin(const Head& head) override {
    return std::make_unique<PhasedCall>(bank_, staging_, head);
  }
  void lose_bytes() override { staging_.clear(); }
  void restart(Dice& dice) override {
    for (auto at = staging_.begin(); at != staging_.end();) {
      Staged& staged = at->second;
      if (staged.told_complete || dice.chance(0.5)) {
        ++at;
        continue;
      }
      if (dice.chance(0.3)) {
        at = staging_.erase(at);
        continue;
      }
      // The last chunk had not reached the disk.
      if (!staged.ends.empty()) staged.ends.pop_back();
      staged.bytes.resize(
          std::min(staged.bytes.size(), staged.ends.empty() ? 0 : staged.ends.back()));
      ++at;
    }
  }

 private:
  Bank& bank_;
  std::map<std::string, Staged> staging_;
};

}  // namespace

std::unique_ptr<Server> make_phased_server(Bank& bank) {
  return std::make_unique<PhasedServer>(bank);
}

}  // namespace sluice::sim
