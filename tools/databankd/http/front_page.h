#pragma once

#include "tools/databankd/protocol/call.h"

namespace sluice::databankd {

/// Returns the answer that a front server (load balancer, firewall) gives in the Data Bank's place:
/// an HTML page that names the status, and none of the Data Bank's headers. `status`: 200 to 599;
/// 204 and 304 have no body.
Answer front_page(unsigned status);

}  // namespace sluice::databankd
