#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/simulation/bank.h"
#include "tests/simulation/form.h"
#include "tests/simulation/stored.h"

namespace sluice::sim {

/// A POST to /api/dataset/KEY/datafile. Like Rails, processes a request only after its whole body
/// has arrived.
class DatafileCall : public Call {
 public:
  DatafileCall(Bank& bank, Head head) : bank_(bank), head_(std::move(head)) {}

  void body(std::string_view bytes) override { body_ += bytes; }
  void counted_body(std::uint64_t bytes) override { counted_ += bytes; }
  Step step() const override {
    parse();
    return parsed_step_;
  }
  std::optional<Step> step_of_begin(std::string_view begin) const override {
    const std::string_view type = head_.header("content-type");
    const std::size_t boundary = type.find("boundary=");
    if (begin.empty() || boundary == std::string_view::npos) return {};
    // As if the form ended here.
    const auto fields = parse_form(
        type, std::string(begin) + "\r\n--" + std::string(type.substr(boundary + 9)) + "--\r\n");
    if (!fields) return {};
    return step_of(*fields);
  }
  Answer finish() override {
    parse();
    if (!head_.path.starts_with("/api/")) return reply(404, "<html><h1>Not Found</h1></html>");
    if (head_.path != "/api/dataset/" + bank_.dataset + "/datafile")
      return reply(404, "Dataset Not Found");
    const auto token = bank_.presented_token(head_);
    if (!token) return reply(401, "HTTP Token: Access denied.\n");
    if (*token != bank_.token)
      return bank_.generation == Bank::Generation::phased
                 ? reply(500, R"({"status":500,"error":"Internal Server Error"})")
                 : reply(401, "HTTP Token: Access denied.\n");
    if (!fields_) return reply(400, R"({"status":400,"error":"Bad Request"})");
    return carry_out();
  }

 protected:
  virtual Step step_of(const std::vector<Field>& fields) const = 0;
  virtual Answer carry_out() = 0;

  std::string value(std::string_view name) const {
    const Field* const field = find_field(*fields_, name);
    return field == nullptr ? std::string() : field->data;
  }
  bool has(std::string_view name) const { return find_field(*fields_, name) != nullptr; }

  /// Returns the bytes of the file in the field `chunk`; the counted bytes of the body are in it.
  Stored payload(const Field& chunk) const {
    Stored payload(chunk.data);
    payload.append_counted(counted_);
    return payload;
  }

  Bank& bank_;

 private:
  void parse() const {
    if (std::exchange(parsed_, true)) return;
    fields_ = parse_form(head_.header("content-type"), body_);
    if (fields_) parsed_step_ = step_of(*fields_);
  }

  const Head head_;
  std::string body_;  ///< without the counted bytes
  std::uint64_t counted_ = 0;
  mutable bool parsed_ = false;
  mutable Step parsed_step_ = Step::other;

 protected:
  mutable std::optional<std::vector<Field>> fields_;
};

/// Returns the Data Bank's response after registering the file `name`.
inline Answer uploaded(const Bank& bank, const std::string& name) {
  return reply(200, "successfully uploaded " + name +
                        "\nsee in dataset at http://bank.sim/datasets/" + bank.dataset + " \n");
}

}  // namespace sluice::sim
