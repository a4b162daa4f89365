#include "tools/sluice/run/receipt_files.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "engine/base/text.h"
#include "engine/report/receipt.h"
#include "io/replace_file.h"

namespace sluice::cli {
namespace {

/// `option`: the option that names the directory or a file in it.
Result<void> check_writable_directory(const std::string& path, const char* option) {
  struct stat status {};
  int code = 0;
  if (::stat(path.c_str(), &status) == 0 && !S_ISDIR(status.st_mode))
    code = ENOTDIR;
  else if (::access(path.c_str(), W_OK | X_OK) != 0)
    code = errno;
  if (code == 0) return {};
  Error error = errno_error(ErrorKind::usage, code,
                            fmt::format("cannot write into the directory {}", printable(path)));
  error.message += fmt::format("; choose another directory for {}", option);
  return error;
}

/// Returns nothing for a pipe or a terminal, where reading would block.
std::unordered_set<std::string> lines_of(const std::string& path) {
  std::unordered_set<std::string> lines;
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return lines;
  std::ifstream file(path, std::ios::binary);
  for (std::string line; std::getline(file, line);) lines.insert(line);
  return lines;
}

}  // namespace

Result<void> ReceiptFiles::check() const {
  if (!directory_.empty()) TRY(check_writable_directory(directory_, "--receipt"));
  if (sums_.empty()) return {};
  const std::string parent = std::filesystem::path(sums_).parent_path().string();
  return check_writable_directory(parent.empty() ? "." : parent, "--sums");
}

std::string ReceiptFiles::path_of(const std::string& name) const {
  return (std::filesystem::path(directory_) / (name + std::string(receipt_suffix))).string();
}

bool ReceiptFiles::exists(const std::string& name) const {
  return sums_.empty() && ::access(path_of(name).c_str(), F_OK) == 0;
}

bool ReceiptFiles::has_lines(const std::string& lines) {
  if (!lines_) lines_ = lines_of(sums_);
  std::istringstream text(lines);
  for (std::string line; std::getline(text, line);)
    if (!lines_->contains(line)) return false;
  return true;
}

Result<void> ReceiptFiles::write(const Report& report) {
  if (!directory_.empty())
    TRY(write_whole_file(path_of(report.name), to_json(*report.receipt), 0644));
  if (sums_.empty()) return {};
  const std::string lines = sums_lines(*report.receipt, report.file);
  // The earlier run may have been interrupted before it wrote them.
  if (!report.registered_before.empty() && has_lines(lines)) return {};
  return append_to_file(sums_, lines);
}

}  // namespace sluice::cli
