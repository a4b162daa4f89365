#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/report/report.h"
#include "engine/upload.h"

/// Reports in words. Pure functions.
namespace sluice::cli {

/// The report of a run without uploads as one JSON object (sluice-json(5)), without a newline.
/// `error`: why there are none.
std::string json_report(const std::optional<Error>& error);

/// What stands before and behind the objects of "uploads" in such a report. `fields`: further ones,
/// each behind a comma.
std::string json_report_begin();
std::string json_report_end(const std::optional<Error>& error, const std::string& fields = {});

/// The receipt of a registered upload, some lines; names the bottleneck in words.
std::string summary(const Report& report);

/// The same in one line, for one of several files.
std::string summary_line(const Report& report);

/// One line that says that an earlier run has registered the file.
std::string registered_before(const Report& report);

/// "a, b and 3 more": the first five names of a list.
std::string first_names(const std::vector<std::string>& names);
/// The same where `names` are the first ones of `count`.
std::string first_names(const std::vector<std::string>& names, std::size_t count);
inline constexpr std::size_t most_first_names = 5;

/// The result of --dry-run, one line. Only the phased protocol can tell whether the name is free.
std::string would_be_deposited(const Report& report, const ServerProfile& server);

/// sluice-put(1), EXIT STATUS.
int exit_code(const Error& error);

/// The worse of two exit codes, in the order of sluice-put(1), EXIT STATUS: what concerns most of
/// the run first. 0 is the best.
int worse_code(int one, int other);

}  // namespace sluice::cli
