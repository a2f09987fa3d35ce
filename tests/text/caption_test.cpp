#include "medisyn/text/caption.h"

#include "../expect_error.h"

namespace medisyn {
namespace {

const CaptionWords kWords{{"plane", "axial"}, {"window", "lung window"}, {"structures", ""}};

TEST(Caption, FillsAndLeavesOutWhatIsEmpty) {
  EXPECT_EQ(fill_caption("{plane} CT slice, {window}[, showing the {structures}]", kWords),
            "Axial CT slice, lung window");
  CaptionWords words = kWords;
  words["structures"] = join_words({"heart", "lungs"});
  EXPECT_EQ(fill_caption("{plane} CT slice, {window}[, showing the {structures}]", words),
            "Axial CT slice, lung window, showing the heart and lungs");
  EXPECT_EQ(fill_caption("a[ {structures}]b[ {plane}].", kWords), "Ab axial.");
  EXPECT_EQ(fill_caption("", kWords), "");
}

TEST(Caption, JoinsAsInASentence) {
  EXPECT_EQ(join_words({}), "");
  EXPECT_EQ(join_words({"a"}), "a");
  EXPECT_EQ(join_words({"a", "b", "c"}), "a, b and c");
}

TEST(Caption, ErrorsNameTheTemplate) {
  EXPECT_ERROR(fill_caption("{plain} CT", kWords), "no placeholder {plain}, did you mean {plane}?");
  EXPECT_ERROR(fill_caption("{plane CT", kWords), "a brace is never closed");
  EXPECT_ERROR(fill_caption("CT[, {window}", kWords), "a bracket is never closed");
  EXPECT_ERROR(fill_caption("CT {structures}", kWords), "{structures} is empty here");
}

}  // namespace
}  // namespace medisyn
