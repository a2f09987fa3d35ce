#include "medisyn/eval/reader_study/study.h"

#include <gmock/gmock.h>

#include "medisyn/core/error.h"
#include "medisyn/io/jsonl.h"

namespace medisyn {
namespace {

std::string image(int number) { return fmt::format("images/{:016x}.png", number); }

Study small_study() {
  return {.id = "0123456789abcdef",
          .title = "Which are <synthetic>?",
          .instructions = {"Look.", "Answer – in any case."},
          .consent = {"Of your own will."},
          .classes = {"Normal", "Drusen"},
          .parts = {{.kind = PartKind::kPairs,
                     .title = "Pairs",
                     .instructions = {"Mark each synthetic image."},
                     .training = {{.id = "t001", .images = {image(1), image(2)}, .feedback = "Left."}},
                     .trials = {{.id = "p001", .images = {image(3), image(4)}},
                                {.id = "p002", .images = {image(5), image(6)}}}},
                    {.kind = PartKind::kSingles,
                     .title = "Singles",
                     .trials = {{.id = "s001", .images = {image(7)}}}}}};
}

/// The message for a study with the value at `pointer` replaced, or "" when it is taken.
std::string refusal(const std::string& pointer, const Json& value) {
  Json json = to_json(small_study());
  json[Json::json_pointer(pointer)] = value;
  try {
    study_from_json(json, "study.json");
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Study, IsReadAsItWasWritten) {
  const Json json = parse_json(to_json(small_study()).dump(), "study.json");
  EXPECT_EQ(study_from_json(json, "study.json"), small_study());
  EXPECT_EQ(json["parts"][0]["trials"][0], Json({{"id", "p001"}, {"left", image(3)}, {"right", image(4)}}));
  EXPECT_EQ(json["parts"][1]["trials"][0], Json({{"id", "s001"}, {"image", image(7)}}));
}

TEST(Study, RefusesWhatIsNotInTheFormat) {
  using testing::HasSubstr;
  EXPECT_THAT(refusal("/schema", "medisyn.reader_study/2"), HasSubstr("study.json: schema: expected"));
  EXPECT_THAT(refusal("/study_id", "0123456789ABCDEF"), HasSubstr("16 lower-case hex"));
  EXPECT_THAT(refusal("/allow_back", "yes"), HasSubstr("true or false"));
  EXPECT_THAT(refusal("/classes", Json::array({"a", "a"})), HasSubstr("each once"));
  EXPECT_THAT(refusal("/classes", Json::array()), HasSubstr("classes"));
  EXPECT_THAT(refusal("/parts", Json::array()), HasSubstr("at least one part"));
  EXPECT_THAT(refusal("/parts", nullptr), HasSubstr("expected a list"));
  EXPECT_THAT(refusal("/parts/0/kind", "triples"), HasSubstr("pairs or singles"));
  EXPECT_THAT(refusal("/parts/1/trials", Json::array()), HasSubstr("at least one trial"));
  EXPECT_THAT(refusal("/parts/0/trials/0/synthetic", true), HasSubstr("no key of a reader study"));
  EXPECT_THAT(refusal("/parts/0/trials/0/feedback", "left"), HasSubstr("training alone"));
  EXPECT_THAT(refusal("/title", std::string(20001, 'x')), HasSubstr("20000 bytes"));
  EXPECT_THAT(refusal("/title", "a\x01"), HasSubstr("control characters"));
  EXPECT_THAT(refusal("/title", 7), HasSubstr("expected text"));
}

TEST(Study, RefusesNamesThatLeaveTheFolderOrComeTwice) {
  for (const std::string name :
       {"../key.json", "images/../../key.json", "/etc/passwd", "images/real_1.png",
        "images/0000000000000003.PNG", "images/0000000000000003.png\n", "images/0000000000000004.png"}) {
    EXPECT_THAT(refusal("/parts/0/trials/0/left", name), testing::HasSubstr("images/<16 hex>.png")) << name;
  }
  for (const std::string id : {"p002", "s001", "t001", "p1", "p00x", "", "p001'; DROP TABLE answers"}) {
    EXPECT_THAT(refusal("/parts/0/trials/0/id", id), testing::HasSubstr("p001")) << id;
  }
}

}  // namespace
}  // namespace medisyn
