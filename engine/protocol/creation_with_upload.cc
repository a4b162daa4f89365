#include "engine/protocol/creation_with_upload.h"

#include <algorithm>

namespace sluice {

void CreationWithUpload::failed(Failure failure, std::uint64_t size) {
  const MutexLock lock(mutex_);
  switch (failure) {
    case Failure::refused:
      limit_ = 0;
      break;
    case Failure::too_large:
      limit_ = std::min(limit_, size / 2);
      break;
    case Failure::unclear:
      if (!proven_) limit_ = 0;
      break;
  }
}

}  // namespace sluice
