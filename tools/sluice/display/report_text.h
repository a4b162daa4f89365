#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/report.h"
#include "engine/upload.h"

/// Reports in words. Pure functions.
namespace sluice::cli {

/// The report of a whole run as one JSON object (sluice-json(5)), without a newline.
/// `error`: why there were no uploads to report on.
std::string json_report(const std::vector<Report>& reports, const std::optional<Error>& error = {});

/// The receipt of a registered upload, some lines; names the bottleneck in words.
std::string summary(const Report& report);

/// The same in one line, for one of several files.
std::string summary_line(const Report& report);

/// One line that says that an earlier run has registered the file.
std::string registered_before(const Report& report);

/// "a, b and 3 more": the first five names of a list.
std::string first_names(const std::vector<std::string>& names);

/// "98 registered, 1 unconfirmed (f039), 1 failed (f058)": all uploads of a run, with the names of
/// those that are not registered, five of each kind. `dry_run`: skipped files would be uploaded.
std::string closing_line(const std::vector<Report>& reports, bool dry_run);

/// The result of --dry-run, one line. Only the phased protocol can tell whether the name is free.
std::string would_be_deposited(const Report& report, const ServerProfile& server);

/// sluice-put(1), EXIT STATUS.
int exit_code(const Error& error);

}  // namespace sluice::cli
