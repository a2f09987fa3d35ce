// A small study on the disk: two parts, images of one colour each.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>

#include "medisyn/core/files.h"
#include "medisyn/eval/reader_study/study.h"
#include "medisyn/io/image.h"

namespace medisyn {

inline std::string study_image(int n) { return fmt::format("images/{:016x}.png", n); }

/// Pairs p001 ..., singles s001 ..., one training trial each; `hostile` texts try to be HTML.
inline Study small_study(int pairs = 3, int singles = 2, bool allow_back = false) {
  int image = 0;
  Part first{.kind = PartKind::kPairs, .title = "Pairs", .instructions = {"Look at both."}};
  Part second{.kind = PartKind::kSingles, .title = "Singles", .instructions = {"Answer all three."}};
  first.training.push_back(
      {.id = "t001", .images = {study_image(1), study_image(2)}, .feedback = "The left was synthetic."});
  second.training.push_back({.id = "t002", .images = {study_image(3)}, .feedback = "A real one."});
  image = 3;
  for (int i = 1; i <= pairs; ++i) {
    first.trials.push_back(
        {.id = fmt::format("p{:03}", i), .images = {study_image(image + 1), study_image(image + 2)}});
    image += 2;
  }
  for (int i = 1; i <= singles; ++i) {
    second.trials.push_back({.id = fmt::format("s{:03}", i), .images = {study_image(++image)}});
  }
  return {.id = "00112233445566aa",
          .title = "Real or not? </script><script>alert(1)</script>",
          .instructions = {"You will see <b>images</b>."},
          .consent = {"Taking part is free."},
          .allow_back = allow_back,
          .classes = {"cataract, mature", "\"quoted\"", "retina"},
          .parts = {first, second}};
}

/// study.json and the images.
inline void write_study(const fs::path& folder, const Study& study) {
  fs::create_directories(folder / "images");
  write_file(folder / "study.json", to_json(study).dump());
  int shade = 0;
  for (const Part& part : study.parts) {
    for (const auto* trials : {&part.training, &part.trials}) {
      for (const Trial& trial : *trials) {
        for (const std::string& name : trial.images) {
          const auto value = static_cast<std::uint8_t>(++shade * 11);
          write_file(folder / name, encode_png(Image{8, 8, std::vector<std::uint8_t>(8 * 8 * 3, value)}));
        }
      }
    }
  }
}

}  // namespace medisyn
