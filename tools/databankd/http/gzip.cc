#include "tools/databankd/http/gzip.h"

#include <zlib.h>

#include <new>

namespace sluice::databankd {

std::string gzipped(std::string_view bytes) {
  constexpr int gzip_format = 16;  // added to windowBits (zlib.h)
  constexpr int memory_level = 8;  // zlib's default
  z_stream stream{};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, MAX_WBITS + gzip_format,
                   memory_level, Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::bad_alloc();
  std::string compressed(deflateBound(&stream, bytes.size()), '\0');
  // zlib does not modify the input, but its type is not const.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(compressed.data());
  stream.avail_out = static_cast<uInt>(compressed.size());
  (void)deflate(&stream, Z_FINISH);  // finishes in one call, because deflateBound() bytes are
                                     // enough
  compressed.resize(stream.total_out);
  deflateEnd(&stream);
  return compressed;
}

}  // namespace sluice::databankd
