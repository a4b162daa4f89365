#include "engine/report/receipt.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "engine/base/bounded_json.h"
#include "engine/base/text.h"
#include "engine/digest/digest_kind.h"
#include "engine/protocol/deposit.h"

namespace sluice {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr const char* receipt_format = "sluice receipt 1";
/// The largest receipt. Paths have at most 64 KiB, and up to 6 times as much in JSON. A larger file
/// is not a receipt but was passed by mistake.
constexpr std::size_t most_bytes = std::size_t{1} << 20;
/// The deepest nesting of JSON that is accepted; a receipt has depth 1.
constexpr int receipt_depth = 8;

Error no_receipt(const std::string& path, const std::string& why) {
  return {ErrorKind::usage, fmt::format("{} is not a sluice receipt: {}", printable(path), why)};
}

/// A reader of the fields of a JSON object that remembers the first error.
class Fields {
 public:
  explicit Fields(const json& object) : object_(object) {}

  std::string text(const char* name) {
    const auto field = object_.find(name);
    if (field == object_.end()) return wrong(fmt::format("the field '{}' is missing", name));
    if (!field->is_string()) return wrong(fmt::format("the field '{}' is not a string", name));
    return field->get<std::string>();
  }
  std::uint64_t bytes(const char* name) {
    const auto field = object_.find(name);
    if (field == object_.end() || !field->is_number_unsigned() ||
        field->get<std::uint64_t>() > max_file_size) {
      wrong(fmt::format("the field '{}' is not the size of a file", name));
      return 0;
    }
    return field->get<std::uint64_t>();
  }
  std::string optional_text(const char* name) { return object_.contains(name) ? text(name) : ""; }
  std::string digest(const char* name, std::size_t digits) {
    std::string hex = text(name);
    const auto is_digit = [](unsigned char c) { return std::isxdigit(c) != 0; };
    if (why_.empty() && (hex.size() != digits || !std::all_of(hex.begin(), hex.end(), is_digit)))
      return wrong(fmt::format("the field '{}' does not have {} hexadecimal digits", name, digits));
    return lower_case(hex);
  }
  std::string optional_digest(DigestKind kind) {
    return object_.contains(to_string(kind)) ? digest(to_string(kind), hex_digits(kind)) : "";
  }

  const std::string& why() const { return why_; }

 private:
  std::string wrong(std::string why) {
    if (why_.empty()) why_ = std::move(why);
    return {};
  }

  const json& object_;
  std::string why_;
};

/// Returns a line in the format of coreutils. A line with an escaped path starts with a backslash.
/// A carriage return is not escaped: only coreutils 9 escapes it, and coreutils reads it either
/// way.
std::string coreutils_line(const char* algorithm, std::string_view path, const std::string& hex) {
  std::string escaped;
  for (const char c : path) {
    if (c == '\\')
      escaped += "\\\\";
    else if (c == '\n')
      escaped += "\\n";
    else
      escaped += c;
  }
  return fmt::format("{}{} ({}) = {}\n", escaped.size() == path.size() ? "" : "\\", algorithm,
                     escaped, hex);
}

}  // namespace

std::string utc_time(std::int64_t ns) {
  constexpr std::int64_t ns_per_s = 1'000'000'000;
  FileTime time{ns / ns_per_s, 0};
  std::int64_t fraction = ns % ns_per_s;
  if (fraction < 0) {  // before 1970
    fraction += ns_per_s;
    --time.seconds;
  }
  time.nanoseconds = static_cast<std::uint32_t>(fraction);
  return utc_time(time);
}

std::string to_json(const Receipt& receipt) {
  ordered_json json{
      {"format", receipt_format}, {"dataset", receipt.dataset}, {"name", receipt.name}};
  if (!receipt.registered_as.empty()) json["registered_as"] = receipt.registered_as;
  json["bytes"] = receipt.bytes;
  json["xxh128"] = receipt.xxh128;
  if (!receipt.md5.empty()) json["md5"] = receipt.md5;
  if (!receipt.sha256.empty()) json["sha256"] = receipt.sha256;
  json["system"] = receipt.system;
  json["page"] = receipt.page();
  json["file"] = receipt.file;
  json["modified"] = receipt.modified;
  json["started"] = receipt.started;
  json["registered"] = receipt.registered;
  json["protocol"] = receipt.protocol;
  json["sluice"] = receipt.version;
  return json.dump(2, ' ', false, ordered_json::error_handler_t::replace) + '\n';
}

Result<Receipt> parse_receipt(std::string_view text, const std::string& path) {
  if (text.size() > most_bytes)
    return no_receipt(path, fmt::format("the file is larger than {} bytes", most_bytes));
  const json object = parse_bounded(text, receipt_depth);
  if (!object.is_object()) return no_receipt(path, "the file does not contain a JSON object");
  Fields fields(object);
  const std::string found = fields.text("format");
  if (fields.why().empty() && found != receipt_format)
    return no_receipt(path, fmt::format("the format is {}, and this sluice supports '{}'",
                                        quote_server_text(found, 60), receipt_format));
  Receipt receipt;
  receipt.dataset = fields.text("dataset");
  receipt.name = fields.text("name");
  receipt.registered_as = fields.optional_text("registered_as");
  receipt.bytes = fields.bytes("bytes");
  receipt.xxh128 = fields.digest("xxh128", 32);
  receipt.md5 = fields.optional_digest(DigestKind::md5);
  receipt.sha256 = fields.optional_digest(DigestKind::sha256);
  receipt.system = fields.text("system");
  receipt.file = fields.text("file");
  receipt.modified = fields.text("modified");
  receipt.started = fields.text("started");
  receipt.registered = fields.text("registered");
  receipt.protocol = fields.text("protocol");
  receipt.version = fields.text("sluice");
  if (!fields.why().empty()) return no_receipt(path, fields.why());
  return receipt;
}

Result<Receipt> read_receipt(const std::string& path) {
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  const std::unique_ptr<std::FILE, Close> file(std::fopen(path.c_str(), "rbe"));
  const auto unreadable = [](int code, const std::string& what) {
    Error error = errno_error(ErrorKind::usage, code, what);
    error.message += "; check the path and the permissions";
    return error;
  };
  if (!file) return unreadable(errno, "cannot open the receipt " + printable(path));
  std::string text(most_bytes + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get()) != 0)
    return unreadable(errno, "cannot read the receipt " + printable(path));
  return parse_receipt(text, path);
}

std::string sums_lines(const Receipt& receipt, std::string_view path) {
  std::string lines;
  if (path.find('\n') == std::string_view::npos)
    lines += fmt::format("XXH128 ({}) = {}\n", path, receipt.xxh128);
  if (!receipt.md5.empty()) lines += coreutils_line("MD5", path, receipt.md5);
  if (!receipt.sha256.empty()) lines += coreutils_line("SHA256", path, receipt.sha256);
  return lines;
}

}  // namespace sluice
