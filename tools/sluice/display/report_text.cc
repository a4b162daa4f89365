#include "tools/sluice/display/report_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>

#include "engine/base/text.h"
#include "engine/base/units.h"

namespace sluice::cli {
namespace {

/// Explains the bottleneck, and what would make the upload faster.
std::string bottleneck_text(const Report& report) {
  switch (report.bottleneck()) {
    case Bottleneck::disk:
      return "disk: the network waited for the file to be read; a faster disk would help";
    case Bottleneck::checksum:
      if (!report.md5.empty() || !report.sha256.empty())
        return "checksums: the network waited for the checksums; fewer --digest would help";
      return "checksums: the network waited for the checksums; more CPU cores would help";
    case Bottleneck::journal:
      return "journal: the network waited until the journal was written; a state directory on a "
             "faster disk (--state-dir) would help";
    case Bottleneck::network:
      if (report.rate_limit > 0 &&
          report.bytes_per_second() > 0.8 * static_cast<double>(report.rate_limit))
        return "network: the upload ran at --limit-rate; a higher limit would help";
      return "network: the reader, the checksums and the server waited for the network; a faster "
             "link would help";
    case Bottleneck::server:
      if (report.chunks > 1)
        return fmt::format(
            "server: the network waited for the server's responses, {} per chunk; {} would help",
            format_duration(report.stages.server.busy_s / static_cast<double>(report.chunks)),
            report.looked_ahead ? "longer chunks (--chunk)" : "pipelined chunks (--lookahead)");
      return "server: the network waited for the server's responses; a faster server would help";
  }
  return "";
}

}  // namespace

std::string json_report_begin() {
  return fmt::format(R"({{"version":"{}","uploads":[)", SLUICE_VERSION);
}

std::string json_report_end(const std::optional<Error>& error, const std::string& fields) {
  return ']' + fields + (error ? ",\"error\":" + to_json(*error) : "") + '}';
}

std::string json_report(const std::optional<Error>& error) {
  return json_report_begin() + json_report_end(error);
}

std::string summary(const Report& report) {
  std::string digests = "  xxh128      " + report.xxh128 + '\n';
  if (!report.md5.empty()) digests += "  md5         " + report.md5 + '\n';
  if (!report.sha256.empty()) digests += "  sha256      " + report.sha256 + '\n';
  const std::string name_line =
      report.registered_as.empty()
          ? ""
          : fmt::format("  name        changed by the Data Bank, from '{}'\n",
                        printable(report.name));
  std::string notes;
  if (report.resumed_from > 0)
    notes += fmt::format(", resumed at {}", format_size(report.resumed_from));
  if (report.retries > 0)
    notes += fmt::format(", {} {}", report.retries, report.retries == 1 ? "retry" : "retries");
  return fmt::format(
      "{} is registered in dataset {} as '{}'\n"
      "{}"
      "  bytes       {} ({})\n"
      "{}"
      "  time        {} in {} {}, {}{}\n"
      "  bottleneck  {}\n",
      printable(report.file), report.dataset, printable(report.stored_name()), name_line,
      report.bytes, format_size(report.bytes), digests, format_duration(report.seconds),
      report.chunks, report.chunks == 1 ? "chunk" : "chunks",
      format_rate(report.bytes_per_second()), notes, bottleneck_text(report));
}

std::string summary_line(const Report& report) {
  std::string line =
      fmt::format("{} is registered in dataset {} as '{}': {}, {}, xxh128 {}",
                  printable(report.file), report.dataset, printable(report.stored_name()),
                  format_size(report.bytes), format_rate(report.bytes_per_second()), report.xxh128);
  if (!report.registered_as.empty())
    line += fmt::format(", name changed by the Data Bank, from '{}'", printable(report.name));
  if (!report.md5.empty()) line += ", md5 " + report.md5;
  if (!report.sha256.empty()) line += ", sha256 " + report.sha256;
  return line + '\n';
}

std::string registered_before(const Report& report) {
  return fmt::format(
      "{} was already registered in dataset {} as '{}' at {}, according to the journal{}\n",
      printable(report.file), report.dataset, printable(report.stored_name()),
      report.registered_before,
      report.protocol == to_string(ProtocolKind::phased)
          ? ""
          : "; to upload the file again, as a second file, use --restart");
}

std::string first_names(const std::vector<std::string>& names) {
  return first_names(names, names.size());
}

std::string first_names(const std::vector<std::string>& names, std::size_t count) {
  const std::size_t shown = std::min(names.size(), most_first_names);
  std::string text = fmt::format(
      "{}", fmt::join(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(shown), ", "));
  if (count > shown) text += fmt::format(" and {} more", count - shown);
  return text;
}

std::string would_be_uploaded(const Report& report, const ServerProfile& server) {
  const std::string deposit =
      fmt::format("{} ({}) would be uploaded into dataset {} as '{}'", printable(report.file),
                  format_size(report.bytes), report.dataset, printable(report.name));
  if (server.protocol == ProtocolKind::phased) return deposit + ": the name is free\n";
  return fmt::format(
      "{}: {}; over {}, sluice cannot check whether the name is free\n", deposit,
      server.token_taken ? "the server accepts the token" : "the token could not be checked",
      to_string(server.protocol));
}

int exit_code(const Error& error) {
  switch (error.kind) {
    case ErrorKind::failed:
    case ErrorKind::unconfirmed:
      return 1;
    case ErrorKind::usage:
      return 2;
    case ErrorKind::token_refused:
      return 3;
    case ErrorKind::no_such_dataset:
      return 4;
    case ErrorKind::name_taken:
      return 5;
    case ErrorKind::local_file:
      return 6;
    case ErrorKind::unreachable:
      return 7;
    case ErrorKind::integrity:
      return 8;
    case ErrorKind::interrupted:
      return 130;
  }
  return 1;
}

int worse_code(int one, int other) {
  constexpr std::array order{8, 3, 4, 7, 1, 5, 6, 2, 0};
  const auto rank = [&](int code) {
    if (code > 128) return std::ptrdiff_t{-1};
    return std::find(order.begin(), order.end(), code) - order.begin();
  };
  return rank(other) < rank(one) ? other : one;
}

}  // namespace sluice::cli
