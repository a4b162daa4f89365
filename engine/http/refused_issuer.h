#pragma once

#include <openssl/ssl.h>

#include <string>

namespace sluice {

/// Has connections of `context` tell `issuer` who issued the certificate that they refuse, as
/// "O = Campus, CN = TLS inspection", fit to show: curl says only that it is refused. `issuer`
/// outlives the context and is written on the thread that runs the connection. Throws
/// std::bad_alloc without memory.
void watch_issuer(SSL_CTX* context, std::string& issuer);

}  // namespace sluice
