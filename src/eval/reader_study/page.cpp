#include "medisyn/eval/reader_study/page.h"

#include <fmt/format.h>

#include <map>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/report/html.h"
#include "page_assets.h"

namespace medisyn {
namespace {

int hex_digit(char digit) { return digit <= '9' ? digit - '0' : digit - 'a' + 10; }

/// 'sha256-...' of a policy: the base64 of the digest's bytes.
std::string hash_source(std::string_view text) {
  const std::string hex = sha256_hex(text);
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(hex_digit(hex[i]) * 16 + hex_digit(hex[i + 1]));
  }
  return "'sha256-" + base64(bytes) + "'";
}

/// Each @NAME@ of the template by its text, in one pass: what was put in is not looked at again.
std::string filled(std::string_view page, const std::map<std::string_view, std::string>& texts) {
  std::string result;
  while (!page.empty()) {
    const std::size_t begin = page.find('@');
    result += page.substr(0, begin);
    if (begin == std::string_view::npos) {
      break;
    }
    const std::size_t end = page.find('@', begin + 1);
    result += texts.at(page.substr(begin + 1, end - begin - 1));
    page.remove_prefix(end + 1);
  }
  return result;
}

}  // namespace

std::string content_security_policy(std::string_view style, std::string_view script, bool served) {
  return fmt::format(
      "default-src 'none'; style-src {}; script-src {}; img-src 'self'{}; connect-src {}; base-uri 'none'; "
      "form-action 'none'",
      style.empty() ? "'none'" : hash_source(style), script.empty() ? "'none'" : hash_source(script),
      served ? "" : " file:", served ? "'self'" : "'none'");
}

std::string reader_study_policy() {
  return content_security_policy(kReaderPageStyle, kReaderPageScript, /*served=*/true) +
         "; frame-ancestors 'none'";
}

std::string reader_study_page(const Study& study, bool served) {
  return filled(kReaderPageTemplate,
                {{"POLICY", content_security_policy(kReaderPageStyle, kReaderPageScript, served)},
                 {"TITLE", escape_html(study.title)},
                 {"STYLE", kReaderPageStyle},
                 {"SERVED", served ? "true" : "false"},
                 {"STUDY", script_json(to_json(study))},
                 {"SCRIPT", kReaderPageScript}});
}

}  // namespace medisyn
