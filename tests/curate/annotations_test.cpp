#include "medisyn/curate/annotations.h"

#include "../expect_error.h"
#include "../fresh_folder.h"
#include "medisyn/core/files.h"

namespace medisyn {
namespace {

std::string label_at(const Annotations& annotations, double seconds) {
  const Fields* found = annotations.at(seconds);
  return found == nullptr ? "none" : *found->find("label");
}

AnnotationsConfig config(const std::string& unit, const std::string& end = "") {
  AnnotationsConfig made;
  made.at = "at";
  made.end = end;
  made.unit = unit;
  return made;
}

TEST(Annotations, ARowHoldsUntilTheNextOrItsEnd) {
  const fs::path file = fresh_folder() / "a.csv";
  write_file(file, "at,label\n50,b\n25,a\n");
  const Annotations frames(config("frames"), file);  // 25 a second
  EXPECT_EQ(label_at(frames, 0.99), "none");
  EXPECT_EQ(label_at(frames, 1), "a");
  EXPECT_EQ(label_at(frames, 1.999), "a");
  EXPECT_EQ(label_at(frames, 1e6), "b");
  write_file(file, "at,to,label\n0:00:10,0:01:00,a\n1:00:00,1:00:01.5,b\n");
  const Annotations clock(config("h:mm:ss", "to"), file);
  EXPECT_EQ(label_at(clock, 59.9), "a");
  EXPECT_EQ(label_at(clock, 60), "none");
  EXPECT_EQ(label_at(clock, 3601.4), "b");
}

TEST(Annotations, SlipsAreNamed) {
  const fs::path folder = fresh_folder();
  write_file(folder / "a.txt", "at label\n1 a b\n");
  EXPECT_ERROR(Annotations(config("seconds"), folder / "a.txt"), "a.txt:2: expected 2 columns, found 3");
  write_file(folder / "a.txt", "at label\nx a\n");
  EXPECT_ERROR(Annotations(config("seconds"), folder / "a.txt"), "expected a time in seconds, found \"x\"");
  write_file(folder / "a.txt", "when label\n1 a\n");
  EXPECT_ERROR(Annotations(config("seconds"), folder / "a.txt"), "expected a column \"at\"");
  EXPECT_ERROR(Annotations(config("seconds"), folder / "b.txt"), "b.txt");
}

}  // namespace
}  // namespace medisyn
