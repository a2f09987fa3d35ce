// What the server of a study answers, without any network: a request in, a reply out.
//
//   GET  /r/<token>/                page
//   GET  /r/<token>/images/<name>   an image that study.json names
//   GET  /r/<token>/answers         the reader's own answers
//   POST /r/<token>/answers         one answer, 204
//   GET  /admin/<secret>/           progress of every reader
//   GET  /admin/<secret>/answers.csv
//
// Everything else is 404, and so is a wrong secret; a link without its last slash is sent on. No other file is
// ever opened.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "medisyn/core/files.h"
#include "medisyn/eval/reader_study/answer_store.h"
#include "medisyn/eval/reader_study/rate_limit.h"
#include "medisyn/eval/reader_study/study.h"

namespace medisyn {

struct SiteRequest {
  std::string method = {};
  std::string target = {};  ///< as sent: nothing is decoded, and no name of ours needs it
  std::string content_type = {};
  std::string body = {};
  std::string address = {};  ///< of the sender
};

struct SiteReply {
  int status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body = {};
  std::vector<std::pair<std::string, std::string>> headers = {};
};

class StudySite {
 public:
  static constexpr std::size_t kMostBodyBytes = 4096;

  /// Error when an image is missing, is no PNG file or leads out of the folder by a link, or when a key
  /// (key.json) lies inside the folder.
  StudySite(const Study& study, fs::path folder, AnswerStore& store);

  /// The reply that needs no body; nothing for a POST that may send its body now. Never throws.
  std::optional<SiteReply> before_body(const SiteRequest& request);
  /// The reply to a POST that before_body() let through. Never throws.
  SiteReply with_body(const SiteRequest& request);

  /// Of every reply: no script but the page's own, no guessing of types, no referrer, nothing cached.
  static std::vector<std::pair<std::string, std::string>> headers_of_all();

 private:
  SiteReply get(const SiteRequest& request);
  SiteReply reader_page(const Reader& reader, const std::string& rest) const;
  SiteReply admin_page(const std::string& rest) const;
  SiteReply image(const std::string& name) const;
  const Reader* find_reader(std::string_view token) const;
  void check_rate(const Reader* reader, const std::string& address);

  const Study& study_;
  fs::path folder_;
  AnswerStore& store_;
  std::vector<Reader> readers_;
  std::string page_;
  RateLimit reader_rate_;
  RateLimit stranger_rate_;
};

/// Progress per reader as HTML; texts are escaped.
std::string admin_page_html(const Study& study, const std::vector<Reader>& readers,
                            const std::vector<ReaderAnswer>& answers);
std::string admin_page_policy();

/// All answers as CSV text.
std::string answers_csv(const Study& study, const std::vector<ReaderAnswer>& answers);

}  // namespace medisyn
