#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/report/report.h"
#include "engine/upload.h"

/// Reports as text. Pure functions.
namespace sluice::cli {

/// Returns the report of a run without uploads as a JSON object (sluice-json(5)), without a
/// newline. `error`: why there are none.
std::string json_report(const std::optional<Error>& error);

/// Return the text before and after the objects of "uploads" in such a report. `fields`: more
/// fields, each preceded by a comma.
std::string json_report_begin();
std::string json_report_end(const std::optional<Error>& error, const std::string& fields = {});

/// Returns the summary of a registered upload in several lines, with an explanation of the
/// bottleneck.
std::string summary(const Report& report);

/// Returns the summary in one line, for runs with several files.
std::string summary_line(const Report& report);

/// Returns a line which says that an earlier run registered the file.
std::string registered_before(const Report& report);

/// Returns the first five names of a list: "a, b and 3 more".
std::string first_names(const std::vector<std::string>& names);
/// The same for a list of `count` names of which `names` are the first.
std::string first_names(const std::vector<std::string>& names, std::size_t count);
inline constexpr std::size_t most_first_names = 5;

/// Returns the line that --dry-run prints for a file. Only the phased protocol can check whether
/// the name is free.
std::string would_be_uploaded(const Report& report, const ServerProfile& server);

/// Returns the exit code of an error (sluice-put(1), EXIT STATUS).
int exit_code(const Error& error);

/// Returns the worse of two exit codes, in the order of sluice-put(1), EXIT STATUS: codes that
/// concern most of the run are worse. 0 is the best.
int worse_code(int one, int other);

}  // namespace sluice::cli
