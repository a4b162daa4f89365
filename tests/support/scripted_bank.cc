#include "tests/support/scripted_bank.h"

#include <fmt/format.h>

namespace sluice::test {

std::string ScriptedBank::carry_out(const Seen& request, const Multipart& parsed,
                                    const std::string& body, std::optional<std::size_t> keeps) {
  const std::string name = request.field("filename");
  const auto missing = [] {
    return http_answer(500, "No such file or directory @ rb_file_s_size - /staging\n");
  };
  switch (request.phase) {
    case Phase::ask:
    case Phase::setup:
      if (registered_.contains(name))
        return http_answer(
            500, fmt::format("File with the name {} already exists in this dataset.\n", name));
      if (request.phase == Phase::ask) return http_answer(500, "missing paramter: filesize\n");
      staged_.erase(request.target);
      staged_[request.target] = {name, {}};
      return http_answer(200, "successfully set up " + name);
    case Phase::transfer:
    case Phase::probe: {
      const auto staged = staged_.find(request.target);
      if (staged == staged_.end() || staged->second.first != name) return missing();
      std::string& held = staged->second.second;
      const std::string previous = request.field("previous_size");
      if (previous != std::to_string(held.size()))
        return http_answer(
            200, fmt::format(
                     R"({{"error":"Unexpected previous_size value.  Expected: {}, Recieved: {}\n",)"
                     R"("progress":{},"status":500}})",
                     held.size(), previous, held.size()));
      held += payload_of(parsed, body).substr(0, keeps.value_or(std::string::npos));
      return http_answer(200, "successfully added chunk to " + name);
    }
    case Phase::verify: {
      const auto staged = staged_.find(request.target);
      if (staged == staged_.end() || staged->second.first != name) return missing();
      registered_[stored_as_.contains(name) ? stored_as_[name] : name] = staged->second.second;
      ++registrations_;
      staged_.erase(staged);
      return http_answer(200,
                         name +
                             " successfully uploaded.  Refresh dataset page to see newly uploaded "
                             "file. http://localhost/datasets/KEY/edit");
    }
    case Phase::create:
      return tus_.create(base_url_, request.headers, body, keeps);
    case Phase::join:
      return tus_.join(base_url_, request.headers);
    case Phase::head:
      return tus_.head(request.target);
    case Phase::patch:
      return tus_.patch(request.target, request.headers, body,
                        std::stoull("0" + request.headers.at("content-length")), keeps);
    case Phase::remove:
      return tus_.remove(request.target);
    case Phase::registration: {
      const auto bytes = tus_.complete(request.field("tus_url"));
      if (!bytes || request.field("size") != std::to_string(bytes->size()))
        return http_answer(400, "Invalid TUS upload reference");
      return add_registered(name, *bytes);
    }
    case Phase::whole:
      return add_registered(request.field("binary"), std::string(payload_of(parsed, body)));
    case Phase::options:
    case Phase::other:
    case Phase::any:
      break;
  }
  return http_answer(500, "invalid request");
}

std::optional<std::string> ScriptedBank::registered(const std::string& name) const {
  const auto found = registered_.find(name);
  if (found == registered_.end()) return {};
  return found->second;
}

std::string ScriptedBank::add_registered(const std::string& name, const std::string& bytes) {
  registered_[name] = bytes;
  ++registrations_;
  return http_answer(200, fmt::format("successfully uploaded {}\nsee in dataset at "
                                      "http://localhost/datasets/KEY \n",
                                      name));
}

}  // namespace sluice::test
