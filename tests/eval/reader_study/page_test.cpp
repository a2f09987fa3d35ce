// The page: whole, safe and the same offline and served.
#include "medisyn/eval/reader_study/page.h"

#include <gmock/gmock.h>

#include "study_fixture.h"

namespace medisyn {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string between(const std::string& text, const std::string& begin, const std::string& end) {
  const std::size_t from = text.find(begin) + begin.size();
  return text.substr(from, text.find(end, from) - from);
}

TEST(ReaderStudyPage, HoldsTheStudyAndNoTextAsHtml) {
  const Study study = small_study();
  const std::string page = reader_study_page(study, /*served=*/false);
  EXPECT_THAT(page, Not(HasSubstr("<script>alert")));
  EXPECT_THAT(page, HasSubstr("<title>Real or not? &lt;/script&gt;"));
  const std::string json = between(page, "<script type=\"application/json\" id=\"study\">", "</script>");
  EXPECT_EQ(study_from_json(Json::parse(json), "page"), study);
  EXPECT_THAT(page, Not(HasSubstr("@SCRIPT@")));
}

TEST(ReaderStudyPage, TextsThatLookLikePlaceholdersStay) {
  Study study = small_study();
  study.title = "@STUDY@ and @NOTHING@";
  EXPECT_THAT(reader_study_page(study, false), HasSubstr("<title>@STUDY@ and @NOTHING@</title>"));
}

TEST(ReaderStudyPage, NeedsNoNetwork) {
  const std::string page = reader_study_page(small_study(), /*served=*/false);
  const std::string policy = between(page, "Content-Security-Policy\" content=\"", "\"");
  EXPECT_THAT(policy, HasSubstr("default-src 'none'"));
  EXPECT_THAT(policy, HasSubstr("connect-src 'none'"));
  EXPECT_THAT(policy, Not(HasSubstr("unsafe")));
  EXPECT_THAT(page, Not(HasSubstr("http://")));
  EXPECT_THAT(page, Not(HasSubstr("https://")));
}

TEST(ReaderStudyPage, ServedDiffersInPolicyAndMarkAlone) {
  const std::string served = reader_study_page(small_study(), /*served=*/true);
  const std::string offline = reader_study_page(small_study(), /*served=*/false);
  const auto script = [](const std::string& page) { return page.substr(page.rfind("<script>")); };
  EXPECT_EQ(script(served), script(offline));
  EXPECT_THAT(served, HasSubstr("data-served=\"true\""));
  EXPECT_THAT(offline, HasSubstr("data-served=\"false\""));
  EXPECT_THAT(reader_study_policy(), HasSubstr("connect-src 'self'"));
  EXPECT_THAT(reader_study_policy(), HasSubstr("frame-ancestors 'none'"));
}

}  // namespace
}  // namespace medisyn
