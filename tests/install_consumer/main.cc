// Asks the engine to upload a file that does not exist, and prints what it says to that.
#include <cstdio>

#include "engine/http/base_url.h"
#include "engine/upload.h"

int main() {
  const auto url = sluice::check_base_url("http://localhost:3000/", false);
  if (!url) return std::printf("no address: %s\n", url.error().message.c_str()), 1;
  const auto engine = sluice::Engine::create({});
  if (!engine) return std::printf("no engine: %s\n", engine.error().message.c_str()), 1;
  sluice::UploadRequest request;
  request.base_url = *url;
  request.dataset = "IDB-1234567";
  request.token = sluice::Secret("token");
  request.path = "there-is-no-such-file";
  request.name = "file";
  const auto upload = (*engine)->start(request);
  if (upload) return std::printf("it started\n"), 1;
  std::printf("%s: %s\n", to_string(upload.error().kind), upload.error().message.c_str());
}
