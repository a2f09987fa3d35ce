#include "medisyn/eval/reader_study/leak_check.h"

#include <map>

#include "medisyn/core/error.h"
#include "medisyn/eval/reader_study/stored_png.h"
#include "medisyn/io/image.h"
#include "medisyn/stats/mann_whitney.h"

namespace medisyn {
namespace {

/// Values of one property, one an image.
using Properties = std::map<std::string, std::vector<double>>;

/// Where each name stands as the system lists the folder.
std::map<std::string, double> listing_order(const fs::path& folder) {
  std::map<std::string, double> order;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const auto next = static_cast<double>(order.size());
    order["images/" + entry.path().filename().string()] = next;
  }
  return order;
}

void measure(const fs::path& file, Properties& properties) {
  const std::string bytes = read_file(file);
  const std::vector<PngChunk> chunks = png_chunks(bytes, file.string());
  double pixel_bytes = 0;
  for (const PngChunk& chunk : chunks) {
    pixel_bytes += chunk.type == "IDAT" ? chunk.bytes : 0;
  }
  const Image image = decode_image(bytes, file.string());
  properties["name"].push_back(
      static_cast<double>(std::stoull(file.stem().string().substr(0, 13), nullptr, 16)));
  properties["byte size"].push_back(static_cast<double>(bytes.size()));
  properties["time stamp"].push_back(
      static_cast<double>(fs::last_write_time(file).time_since_epoch().count()));
  properties["width"].push_back(image.width);
  properties["height"].push_back(image.height);
  properties["number of chunks"].push_back(static_cast<double>(chunks.size()));
  properties["bytes of pixels"].push_back(pixel_bytes);
}

}  // namespace

std::vector<LeakTest> leak_tests(const fs::path& study_folder, const Study& study, const StudyKey& key) {
  const std::map<std::string, double> listed = listing_order(study_folder / "images");
  Properties properties;
  std::vector<std::uint8_t> is_synthetic;
  std::vector<double> sides;
  std::vector<std::uint8_t> side_is_synthetic;
  for (const Part& part : study.parts) {
    for (const Trial& trial : part.trials) {
      for (std::size_t i = 0; i < trial.images.size(); ++i) {
        const std::string& name = trial.images[i];
        const std::uint8_t truth = key.images.at(name).is_synthetic ? 1 : 0;
        measure(study_folder / name, properties);
        properties["order in the folder"].push_back(listed.at(name));
        properties["order in the study"].push_back(static_cast<double>(is_synthetic.size()));
        is_synthetic.push_back(truth);
        if (trial.images.size() == 2) {
          sides.push_back(static_cast<double>(i));
          side_is_synthetic.push_back(truth);
        }
      }
    }
  }
  std::vector<LeakTest> tests;
  for (const auto& [property, values] : properties) {
    const RankTest test = mann_whitney(values, is_synthetic);
    tests.push_back({property, test.auroc, test.p});
  }
  const RankTest side = mann_whitney(sides, side_is_synthetic);
  tests.push_back({"side of a pair", side.auroc, side.p});
  return tests;
}

void require_no_leak(const std::vector<LeakTest>& tests) {
  constexpr double kLevel = 0.01;
  for (const LeakTest& test : tests) {
    if (test.p < kLevel / static_cast<double>(tests.size())) {
      fail(
          "leak check: {} alone tells synthetic from real images (AUROC {:.3f}, p = {:.2g}): nothing was "
          "written; draw again with another --seed",
          test.property, test.auroc, test.p);
    }
  }
}

}  // namespace medisyn
