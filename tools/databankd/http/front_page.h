#pragma once

#include "tools/databankd/protocol/call.h"

namespace sluice::databankd {

/// Returns the response of a front server (load balancer, firewall) that replaces the Data Bank's:
/// an HTML page with the status, without headers of the Data Bank. `status`: 200 to 599; 204 and
/// 304 have no body.
Answer front_page(unsigned status);

}  // namespace sluice::databankd
