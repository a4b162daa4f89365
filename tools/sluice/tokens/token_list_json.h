#pragma once

#include <optional>
#include <string>
#include <vector>

#include "io/result.h"
#include "tools/sluice/tokens/token_expiry.h"
#include "tools/sluice/tokens/token_store.h"

namespace sluice::cli {

/// Returns the JSON object of `sluice token list --json` (sluice-json(5)), with a newline. `now`:
/// determines which tokens have expired. `error`: why there is no list.
std::string token_list_json(const std::vector<StoredToken>& tokens, WallTime now,
                            const std::optional<Error>& error);

}  // namespace sluice::cli
