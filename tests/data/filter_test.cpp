#include "medisyn/data/filter.h"

#include "../expect_error.h"

namespace medisyn {
namespace {

Record record(const std::string& type, const std::string& split, std::vector<std::string> labels = {}) {
  Record made;
  made.image_type = type;
  made.split = split;
  made.labels = std::move(labels);
  return made;
}

bool holds(const std::string& expression, const Record& tested) {
  return matches(parse_filter(expression), tested);
}

TEST(Filter, Comparisons) {
  const Record ct = record("CT", "train", {"no finding", "lung"});
  EXPECT_TRUE(holds("image_type=CT", ct));
  EXPECT_TRUE(holds("image_type == CT", ct));
  EXPECT_FALSE(holds("image_type=ct", ct));
  EXPECT_TRUE(holds("split!=test", ct));
  EXPECT_TRUE(holds("labels=\"no finding\"", ct));
  EXPECT_TRUE(holds("labels = 'lung'", ct));
  EXPECT_TRUE(holds("labels!=heart", ct));
  EXPECT_FALSE(holds("labels!=lung", ct));
  EXPECT_TRUE(holds("text=''", ct));
}

TEST(Filter, EveryFieldIsReached) {
  Record all;
  const std::vector<std::pair<std::string, std::string Record::*>> fields{{"file_name", &Record::file_name},
                                                                          {"text", &Record::text},
                                                                          {"id", &Record::id},
                                                                          {"patient_id", &Record::patient_id},
                                                                          {"specialty", &Record::specialty},
                                                                          {"image_type", &Record::image_type},
                                                                          {"source", &Record::source},
                                                                          {"licence", &Record::licence},
                                                                          {"sha256", &Record::sha256},
                                                                          {"split", &Record::split}};
  for (const auto& [name, member] : fields) {
    all.*member = "v-" + name;
    EXPECT_TRUE(holds(name + "=v-" + name, all)) << name;
  }
}

TEST(Filter, AndBindsTighterThanOrAndNotTightest) {
  const Record ct = record("CT", "train");
  EXPECT_TRUE(holds("image_type=CT or image_type=MRI and split=test", ct));
  EXPECT_FALSE(holds("(image_type=CT or image_type=MRI) and split=test", ct));
  EXPECT_FALSE(holds("not image_type=CT or split=test", ct));
  EXPECT_TRUE(holds("NOT (image_type=MRI) AND not not split=train", ct));
}

TEST(Filter, QuotesHoldQuotesAndKeywords) {
  Record odd;
  odd.text = "an \"and\" or 'not' (x)";
  EXPECT_TRUE(holds("text=\"an \\\"and\\\" or 'not' (x)\"", odd));
  odd.source = "not";
  EXPECT_TRUE(holds("source=\"not\"", odd));
  EXPECT_TRUE(holds("source=not", odd));  // behind "=" a word is a value
}

TEST(Filter, ErrorsShowThePosition) {
  EXPECT_ERROR(parse_filter("specialy=x"), "position 1: no field \"specialy\", did you mean \"specialty\"?");
  EXPECT_ERROR(parse_filter("split=train and colour=x"), "position 17: no field \"colour\"");
  EXPECT_ERROR(parse_filter("split train"), "position 7: expected \"=\" or \"!=\", found \"train\"");
  EXPECT_ERROR(parse_filter("split="), "position 7: expected a value, found the end");
  EXPECT_ERROR(parse_filter("split=("), "position 7: expected a value");
  EXPECT_ERROR(parse_filter("split=a split=b"), "position 9: expected \"and\", \"or\" or the end");
  EXPECT_ERROR(parse_filter("(split=a"), "position 9: expected \")\", found the end");
  EXPECT_ERROR(parse_filter("split=a)"), "position 8: expected \"and\", \"or\" or the end");
  EXPECT_ERROR(parse_filter("split=\"a"), "position 7: the quote \" is never closed");
  EXPECT_ERROR(parse_filter(" "), "expected a field, \"not\" or \"(\", found the end");
  EXPECT_ERROR(parse_filter("split=a and"), "expected a field");
  EXPECT_ERROR(parse_filter("!split=a"), "position 1: expected a field");
  EXPECT_ERROR(parse_filter(std::string(5000, '(')), "nested deeper than 64 levels");
}

TEST(Filter, FilteredKeepsOrderAndNamesAnEmptyResult) {
  Manifest manifest{"data", {record("CT", "train"), record("MRI", "train"), record("CT", "test")}};
  EXPECT_EQ(filtered(manifest, "").records.size(), 3U);
  const Manifest ct = filtered(manifest, "image_type=CT");
  ASSERT_EQ(ct.records.size(), 2U);
  EXPECT_EQ(ct.records[1].split, "test");
  EXPECT_ERROR(filtered(manifest, "image_type=OCT"),
               "data: none of 3 records matches the filter: image_type=OCT");
}

}  // namespace
}  // namespace medisyn
