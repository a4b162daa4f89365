#include "io/source.h"

namespace sluice {

const char* to_string(ReadMode mode) {
  switch (mode) {
    case ReadMode::automatic:
      return "auto";
    case ReadMode::direct:
      return "direct";
    case ReadMode::mmap:
      return "mmap";
    case ReadMode::buffered:
      return "buffered";
  }
  return "auto";
}

}  // namespace sluice
