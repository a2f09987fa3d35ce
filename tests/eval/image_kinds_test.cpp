#include "medisyn/eval/image_kinds.h"

#include "../expect_error.h"

namespace medisyn {
namespace {

Record record(const std::string& text, const std::string& specialty, const std::string& type) {
  Record made;
  made.file_name = "x.png";
  made.text = text;
  made.specialty = specialty;
  made.image_type = type;
  return made;
}

const Manifest kReal{"real",
                     {record("a chest", "Radiology", "CT"), record("a hand", "Radiology", "X-ray"),
                      record("a mole", "Dermatology", "Dermoscopy"), record("something", "Radiology", "CT"),
                      record("something", "Dermatology", "Dermoscopy")}};

ImageKind kind(const Record& generated) { return prompted_kinds({"run", {generated}}, kReal).front(); }

TEST(ImageKinds, MetadataAndPromptNarrowThemDown) {
  EXPECT_EQ(kind(record("a chest", "", "")), (ImageKind{"Radiology", "CT"}));
  EXPECT_EQ(kind(record("whatever", "Radiology", "X-ray")), (ImageKind{"Radiology", "X-ray"}));
  EXPECT_EQ(kind(record("whatever", "", "X-ray")), (ImageKind{"Radiology", "X-ray"}));
  EXPECT_EQ(kind(record("whatever", "Dermatology", "")), (ImageKind{"Dermatology", "Dermoscopy"}));
  EXPECT_EQ(kind(record("something", "Radiology", "")), (ImageKind{"Radiology", "CT"}));
  // What the metadata says in full is not overruled by a caption.
  EXPECT_EQ(kind(record("a mole", "Radiology", "CT")), (ImageKind{"Radiology", "CT"}));
}

TEST(ImageKinds, NoneOrSeveralAreNamed) {
  EXPECT_ERROR(kind(record("a knee", "", "")), "run: x.png: expected one specialty and image type");
  EXPECT_ERROR(kind(record("a knee", "", "")), "prompt \"a knee\"");
  EXPECT_ERROR(kind(record("something", "", "")), "Dermatology, Dermoscopy; Radiology, CT");
  EXPECT_ERROR(kind(record("x", "Radiology", "")), "found several");
  EXPECT_ERROR(kind(record("x", "Surgery", "Laparoscopy")),
               "no real image is of its specialty and image type (Surgery, Laparoscopy");
  EXPECT_ERROR(kind(record("a mole", "Radiology", "")), "no real image is of its specialty and image type");
}

TEST(ImageKinds, FoldersWithoutMetadataAreOfOneKind) {
  const Manifest folder{"real", {record("", "", ""), record("", "", "")}};
  EXPECT_EQ(prompted_kinds({"run", {record("", "", ""), record("any", "", "")}}, folder),
            (std::vector<ImageKind>(2)));
  EXPECT_EQ(specialty_of({}), "all images");
  EXPECT_EQ(specialty_of({"", "CT"}), "CT");
  EXPECT_EQ(specialty_of({"Radiology", "CT"}), "Radiology");
  EXPECT_EQ(to_string(ImageKind{"Radiology", ""}), "Radiology, no image type");
}

}  // namespace
}  // namespace medisyn
