#pragma once

namespace sluice::databankd {

/// The calls of the phased protocol, and its two harmless questions apart from what they look like.
enum class Step {
  ask,       ///< setup without filesize: is the name taken?
  setup,     ///< with one
  transfer,  ///< previous_size 0 or more
  probe,     ///< a transfer with a negative previous_size: how far did it get?
  verify,
};

}  // namespace sluice::databankd
