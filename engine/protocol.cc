#include "engine/protocol.h"

namespace sluice {

const char* to_string(Request::Method method) {
  switch (method) {
    case Request::Method::post:
      return "POST";
    case Request::Method::patch:
      return "PATCH";
    case Request::Method::head:
      return "HEAD";
    case Request::Method::options:
      return "OPTIONS";
    case Request::Method::del:
      return "DELETE";
  }
  return "?";
}

const char* describe(Request::Step step) {
  switch (step) {
    case Request::Step::ask_name:
      return "asking whether the name is free";
    case Request::Step::begin:
      return "setting up the upload";
    case Request::Step::chunk:
      return "sending a chunk";
    case Request::Step::ask_committed:
      return "asking how much has arrived";
    case Request::Step::ask_parts:
      return "asking whether the parts are there";
    case Request::Step::join:
      return "joining the parts";
    case Request::Step::finish:
      return "registering the file";
    case Request::Step::whole:
      return "sending the file";
  }
  return "talking to the server";
}

}  // namespace sluice
