// Contact sheets: where each picture lies, captions, labels.
#include "medisyn/report/contact_sheet.h"

#include <gmock/gmock.h>

#include "../expect_error.h"

namespace medisyn {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::SizeIs;

using Pixel = std::array<int, 3>;

Image filled(int height, int width, std::uint8_t red, std::uint8_t green, std::uint8_t blue) {
  Image image{.height = height, .width = width, .pixels = {}};
  for (int i = 0; i < height * width; ++i) {
    image.pixels.insert(image.pixels.end(), {red, green, blue});
  }
  return image;
}

Pixel pixel(const Image& image, int y, int x) {
  const std::uint8_t* p = &image.pixels[static_cast<std::size_t>((y * image.width + x) * 3)];
  return {p[0], p[1], p[2]};
}

/// Pixels that are not white inside a rectangle.
int ink(const Image& image, int top, int left, int height, int width) {
  int count = 0;
  for (int y = top; y < top + height; ++y) {
    for (int x = left; x < left + width; ++x) {
      count += pixel(image, y, x) != Pixel{255, 255, 255} ? 1 : 0;
    }
  }
  return count;
}

TEST(ContactSheet, LaysPicturesOutInRows) {
  const Image red = filled(100, 100, 255, 0, 0), green = filled(100, 100, 0, 255, 0),
              blue = filled(100, 100, 0, 0, 255);
  const Image sheet = contact_sheet({red, green, blue}, {}, {.columns = 2, .padding = 10});
  EXPECT_EQ(sheet.width, 10 + 2 * 110);
  EXPECT_EQ(sheet.height, 10 + 2 * 110);
  EXPECT_EQ(pixel(sheet, 5, 5), (Pixel{255, 255, 255}));
  EXPECT_EQ(pixel(sheet, 10, 10), (Pixel{255, 0, 0}));
  EXPECT_EQ(pixel(sheet, 109, 109), (Pixel{255, 0, 0}));
  EXPECT_EQ(pixel(sheet, 60, 120), (Pixel{0, 255, 0}));
  EXPECT_EQ(pixel(sheet, 120, 10), (Pixel{0, 0, 255}));
  EXPECT_EQ(ink(sheet, 120, 120, 100, 100), 0) << "the last cell stays empty";
}

TEST(ContactSheet, MagnifiesSmallPicturesByAWholeFactor) {
  const Image sheet = contact_sheet({filled(64, 48, 9, 9, 9)}, {}, {.cell_pixels = 96, .padding = 0});
  EXPECT_EQ(sheet.height, 128);
  EXPECT_EQ(sheet.width, 96);
  EXPECT_EQ(ink(sheet, 0, 0, 128, 96), 128 * 96);
}

TEST(ContactSheet, CentresPicturesOfDifferentSizes) {
  const Image sheet =
      contact_sheet({filled(100, 100, 1, 1, 1), filled(50, 100, 2, 2, 2)}, {}, {.columns = 2, .padding = 0});
  EXPECT_EQ(pixel(sheet, 24, 150), (Pixel{255, 255, 255}));
  EXPECT_EQ(pixel(sheet, 25, 150), (Pixel{2, 2, 2}));
  EXPECT_EQ(pixel(sheet, 74, 150), (Pixel{2, 2, 2}));
  EXPECT_EQ(pixel(sheet, 75, 150), (Pixel{255, 255, 255}));
}

TEST(ContactSheet, DrawsCaptionsBelowAndLabelsBeside) {
  const Image white = filled(100, 100, 255, 255, 255);
  const Image plain = contact_sheet({white, white}, {"CT of the lung", ""}, {.columns = 2, .padding = 10});
  EXPECT_EQ(ink(plain, 0, 0, 110, plain.width), 0);
  EXPECT_GT(ink(plain, 110, 10, plain.height - 110, 100), 50) << "the first caption";
  EXPECT_EQ(ink(plain, 110, 120, plain.height - 110, 100), 0) << "the second caption is empty";

  ContactSheetLayout layout{.columns = 2, .padding = 10};
  layout.title = "title";
  layout.column_labels = {"real", "drawn"};
  layout.row_labels = {"CT"};
  const Image labelled = contact_sheet({white, white}, {}, layout);
  EXPECT_GT(labelled.width, plain.width);
  EXPECT_GT(ink(labelled, 0, 0, 20, labelled.width), 20) << "the title";
  EXPECT_GT(ink(labelled, 30, 0, labelled.height - 30, 30), 10) << "the row's label";
  EXPECT_EQ(contact_sheet({white, white}, {}, layout), labelled) << "the same input gives the same bytes";
}

TEST(ContactSheet, WrapsAtWordsAndMarksWhatIsCut) {
  EXPECT_THAT(wrap_caption("axial CT of the chest", 1000, 3), ElementsAre("axial CT of the chest"));
  EXPECT_THAT(wrap_caption("  axial   CT ", 1000, 3), ElementsAre("axial CT"));
  EXPECT_THAT(wrap_caption("", 100, 3), SizeIs(0));
  const auto lines = wrap_caption("dermoscopy image of a pigmented lesion with an irregular network", 96, 3);
  ASSERT_THAT(lines, SizeIs(3));
  EXPECT_EQ(lines[0], "dermoscopy");
  EXPECT_THAT(lines[2], EndsWith("..."));
  EXPECT_THAT(wrap_caption("cholangiopancreatography-cholangiopancreatography", 96, 3),
              ElementsAre(EndsWith("...")));
  EXPECT_THAT(wrap_caption("5 µm ≥ é", 1000, 1), ElementsAre("5 ?m ? ?")) << "one sign for each character";
}

TEST(ContactSheet, Errors) {
  const Image image = filled(10, 10, 0, 0, 0);
  EXPECT_ERROR(contact_sheet({}, {}), "expected at least one image");
  EXPECT_ERROR(contact_sheet({image, image}, {"a"}), "1 captions for 2 images");
  ContactSheetLayout layout;
  layout.row_labels = {"a", "b"};
  EXPECT_ERROR(contact_sheet({image}, {}, layout), "2 row and 0 column labels for 1 rows and 1 columns");
  EXPECT_ERROR(contact_sheet(std::vector<Image>(700, filled(1, 100, 0, 0, 0)), {}, {.columns = 700}),
               "more than 65000 on a side");
}

}  // namespace
}  // namespace medisyn
