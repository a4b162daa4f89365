#pragma once

#include <openssl/ssl.h>

#include <string>

namespace sluice {

/// Makes connections of `context` store the issuer of a certificate that they reject in `issuer`,
/// printable, such as "O = Campus, CN = TLS inspection". curl reports only the rejection. `issuer`
/// must outlive the context; it is written on the thread that runs the connection. Throws
/// std::bad_alloc.
void watch_issuer(SSL_CTX* context, std::string& issuer);

}  // namespace sluice
