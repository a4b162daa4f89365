// Starts an upload of a file that does not exist, and prints the engine's error.
#include <cstdio>

#include "engine/http/base_url.h"
#include "engine/upload.h"

int main() {
  const auto url = sluice::check_base_url("http://localhost:3000/", false);
  if (!url) return std::printf("cannot use the URL: %s\n", url.error().message.c_str()), 1;
  const auto engine = sluice::Engine::create({});
  if (!engine)
    return std::printf("cannot create the engine: %s\n", engine.error().message.c_str()), 1;
  sluice::UploadRequest request;
  request.base_url = *url;
  request.dataset = "IDB-1234567";
  request.token = sluice::Secret("token");
  request.path = "missing-file";
  request.name = "file";
  const auto upload = (*engine)->start(request);
  if (upload) return std::printf("the upload of a missing file started\n"), 1;
  std::printf("%s: %s\n", to_string(upload.error().kind), upload.error().message.c_str());
}
