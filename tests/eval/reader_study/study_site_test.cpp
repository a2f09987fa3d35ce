// What the site answers, and what it refuses: nothing of a refused request is stored.
#include "medisyn/eval/reader_study/study_site.h"

#include <gmock/gmock.h>

#include "../../fresh_folder.h"
#include "medisyn/core/error.h"
#include "study_fixture.h"

namespace medisyn {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kPair =
    R"({"part":"pairs","trial":"p001","position":1,"left_synthetic":1,"right_synthetic":0,"response_ms":1500})";

/// The same with one key set to JSON text.
std::string with(std::string key, const std::string& value, const char* body = kPair) {
  Json json = Json::parse(body);
  json[key] = Json::parse(value);
  return json.dump();
}

class StudySiteTest : public testing::Test {
 protected:
  StudySiteTest() {
    write_study(folder_ / "study", study_);
    store_.add_readers({{.name = "R01", .group = "<i>surgeons</i>"}, {.name = "R02"}});
    site_.emplace(study_, folder_ / "study", store_);
    link_ = "/r/" + store_.readers()[0].token + "/";
    admin_ = "/admin/" + store_.admin_secret() + "/";
  }

  SiteReply ask(const std::string& method, const std::string& target, const std::string& body = "",
                const std::string& type = "application/json") {
    const SiteRequest request{
        .method = method, .target = target, .content_type = type, .body = body, .address = "x"};
    const std::optional<SiteReply> early = site_->before_body(request);
    return early ? *early : site_->with_body(request);
  }
  int post(const std::string& body) { return ask("POST", link_ + "answers", body).status; }

  fs::path folder_ = fresh_folder("study_site");
  Study study_ = small_study();
  AnswerStore store_{folder_ / "answers.sqlite", study_};
  std::optional<StudySite> site_;
  std::string link_, admin_;
};

TEST_F(StudySiteTest, ServesPageImagesAndOwnAnswers) {
  const SiteReply page = ask("GET", link_);
  EXPECT_EQ(page.status, 200);
  EXPECT_THAT(page.body, HasSubstr("data-served=\"true\""));
  EXPECT_EQ(ask("GET", link_ + study_image(4)).body, read_file(folder_ / "study" / study_image(4)));
  EXPECT_EQ(post(kPair), 204);
  const Json answers = Json::parse(ask("GET", link_ + "answers").body);
  EXPECT_EQ(answers["reader"], "R01");
  ASSERT_EQ(answers["answers"].size(), 1U);
  EXPECT_EQ(answers["answers"][0]["left_synthetic"], 1);
  EXPECT_TRUE(answers["answers"][0]["class"].is_null());
  const Json other = Json::parse(ask("GET", "/r/" + store_.readers()[1].token + "/answers").body);
  EXPECT_TRUE(other["answers"].empty()) << "another reader's answers are not shown";
}

TEST_F(StudySiteTest, TakesBothKindsOfAnswer) {
  for (int i = 1; i <= 3; ++i) {
    EXPECT_EQ(post(with("trial", fmt::format("\"p{:03}\"", i), with("position", std::to_string(i)).c_str())),
              204);
  }
  EXPECT_EQ(
      post(R"({"part":"singles","trial":"s001","position":1,"left_synthetic":null,"right_synthetic":null,
                     "quality_sufficient":0,"class":"cataract, mature","confidence":5,"response_ms":0})"),
      204);
  const std::string csv = ask("GET", admin_ + "answers.csv").body;
  EXPECT_THAT(csv, HasSubstr("study_id,reader,part,trial,position,left_synthetic,right_synthetic,"
                             "quality_sufficient,class,confidence,response_ms,answered_at\n"));
  EXPECT_THAT(csv, HasSubstr("00112233445566aa,R01,singles,s001,1,,,0,\"cataract, mature\",5,0,20"));
  const std::string page = ask("GET", admin_).body;
  EXPECT_THAT(page, HasSubstr("<td>3 of 3</td><td>1 of 2</td>"));
  EXPECT_THAT(page, HasSubstr("&lt;i&gt;surgeons"));
  EXPECT_THAT(page, Not(HasSubstr("<script>")));
  EXPECT_THAT(page, Not(HasSubstr(store_.readers()[0].token)));
}

TEST_F(StudySiteTest, HostileRequestsAreRefusedAndStoreNothing) {
  const std::string answers = link_ + "answers", other = store_.readers()[1].token;
  const struct {
    const char* what;
    int status;
    std::string method, target, body;
  } kRequests[] = {
      {"traversal", 404, "GET", link_ + "images/../study.json", ""},
      {"traversal, encoded", 404, "GET", link_ + "images/%2e%2e%2f%2e%2e%2fanswers.sqlite", ""},
      {"absolute path", 404, "GET", link_ + "/etc/passwd", ""},
      {"study.json itself", 404, "GET", link_ + "study.json", ""},
      {"an image of no trial", 404, "GET", link_ + "images/ffffffffffffffff.png", ""},
      {"no token", 404, "GET", "/r//answers", ""},
      {"a token cut short", 404, "GET", link_.substr(0, 20) + "/answers", ""},
      {"a reader's token as administrator", 404, "GET", "/admin/" + other + "/answers.csv", ""},
      {"the administrator's as reader", 404, "GET", "/r/" + store_.admin_secret() + "/answers", ""},
      {"the root", 404, "GET", "/", ""},
      {"a long address", 414, "GET", link_ + std::string(3000, 'a'), ""},
      {"posting to nobody", 404, "POST", "/r/" + std::string(32, '0') + "/answers", kPair},
      {"posting to the page", 405, "POST", link_, kPair},
      {"wrong method", 405, "DELETE", answers, ""},
      {"wrong method", 405, "PUT", answers, kPair},
      {"another reader", 403, "POST", answers, with("reader", "\"R02\"")},
      {"another study", 409, "POST", answers, with("study_id", "\"ffffffffffffffff\"")},
      {"bad JSON", 400, "POST", answers, R"({"part":"pairs",)"},
      {"nothing", 400, "POST", answers, ""},
      {"a list", 400, "POST", answers, "[1]"},
      {"deep nesting", 400, "POST", answers, std::string(4000, '[')},
      {"no UTF-8", 400, "POST", answers, "{\"part\":\"\xff\"}"},
      {"an unknown key", 400, "POST", answers, with("admin", "1")},
      {"a fraction", 400, "POST", answers, with("left_synthetic", "0.5")},
      {"true for 1", 400, "POST", answers, with("left_synthetic", "true")},
      {"2 for 1", 422, "POST", answers, with("left_synthetic", "2")},
      {"a huge number", 422, "POST", answers, with("response_ms", "18446744073709551615")},
      {"a negative time", 422, "POST", answers, with("response_ms", "-1")},
      {"a value of another part", 422, "POST", answers, with("confidence", "3")},
      {"a missing value", 422, "POST", answers, with("right_synthetic", "null")},
      {"SQL in a field", 404, "POST", answers, with("trial", R"("p001'; DROP TABLE answers; --")")},
      {"SQL in the reader", 403, "POST", answers, with("reader", R"("R01' OR '1'='1")")},
      {"script in a name", 404, "POST", answers, with("part", R"("<script>alert(1)</script>")")},
      {"an unknown trial", 404, "POST", answers, with("trial", "\"p999\"")},
      {"a training trial", 404, "POST", answers, with("trial", "\"t001\"")},
      {"another position", 422, "POST", answers, with("position", "2")},
      {"out of order", 409, "POST", answers, with("trial", "\"p002\"", with("position", "2").c_str())},
      {"too long", 413, "POST", answers, std::string(5000, ' ') + kPair},
  };
  for (const auto& request : kRequests) {
    site_.emplace(study_, folder_ / "study", store_);  // a fresh rate limit
    const SiteReply reply = ask(request.method, request.target, request.body);
    EXPECT_EQ(reply.status, request.status) << request.what << ": " << reply.body;
    EXPECT_THAT(reply.body, Not(HasSubstr("<"))) << request.what;
    EXPECT_TRUE(store_.answers().empty()) << request.what;
  }
  EXPECT_EQ(ask("POST", answers, kPair, "text/plain").status, 415);
  EXPECT_TRUE(store_.answers().empty());
  EXPECT_EQ(post(kPair), 204) << "the table is still there";
}

TEST_F(StudySiteTest, ALinkWithoutItsLastSlashIsSentOn) {
  for (const std::string& link : {link_, admin_}) {
    const SiteReply reply = ask("GET", link.substr(0, link.size() - 1));
    EXPECT_EQ(reply.status, 301);
    EXPECT_EQ(reply.headers.front(),
              (std::pair<std::string, std::string>{"Location", link.substr(link.size() - 33)}));
  }
}

TEST_F(StudySiteTest, GuessesAreSlowedAndReadersAreNot) {
  int refused = 0;
  for (int i = 0; i < 60; ++i) {
    refused += ask("GET", fmt::format("/r/{:032x}/", i)).status == 429 ? 1 : 0;
  }
  EXPECT_GE(refused, 25);
  EXPECT_EQ(ask("GET", link_).status, 200) << "from the same address";
}

TEST_F(StudySiteTest, RefusesAFolderWithAKeyALinkOrWithoutAnImage) {
  write_file(folder_ / "study" / "images" / "key.json", "{}");
  EXPECT_THROW(StudySite(study_, folder_ / "study", store_), Error);
  fs::remove(folder_ / "study" / "images" / "key.json");
  fs::remove(folder_ / "study" / study_image(4));
  EXPECT_THROW(StudySite(study_, folder_ / "study", store_), Error);
  fs::create_symlink(folder_ / "study" / study_image(5), folder_ / "study" / study_image(4));
  EXPECT_THROW(StudySite(study_, folder_ / "study", store_), Error);
}

TEST(RateLimit, FillsAgain) {
  RateLimit limit(/*burst=*/2, /*per_second=*/1);
  const RateLimit::Clock::time_point start{};
  EXPECT_TRUE(limit.allows("a", start));
  EXPECT_TRUE(limit.allows("a", start));
  EXPECT_FALSE(limit.allows("a", start));
  EXPECT_TRUE(limit.allows("b", start));
  EXPECT_TRUE(limit.allows("a", start + std::chrono::seconds(1)));
  EXPECT_FALSE(limit.allows("a", start + std::chrono::seconds(1)));
}

}  // namespace
}  // namespace medisyn
