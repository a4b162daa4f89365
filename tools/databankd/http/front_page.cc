#include "tools/databankd/http/front_page.h"

#include <fmt/format.h>
#include <microhttpd.h>

namespace sluice::databankd {

Answer front_page(unsigned status) {
  Answer answer{.status = status, .content_type = "text/html", .from_front = true};
  if (status == 204 || status == 304) {
    answer.content_type.clear();
    return answer;
  }
  const char* reason = MHD_get_reason_phrase_for(status);
  answer.body = fmt::format(
      "<html>\r\n<head><title>{0} {1}</title></head>\r\n<body>\r\n<center><h1>{0} {1}</h1>"
      "</center>\r\n<hr><center>reverse proxy</center>\r\n</body>\r\n</html>\r\n",
      status, reason);
  return answer;
}

}  // namespace sluice::databankd
