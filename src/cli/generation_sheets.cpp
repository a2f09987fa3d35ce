#include "generation_sheets.h"

#include <algorithm>
#include <map>

#include "medisyn/io/csv.h"
#include "medisyn/io/image.h"
#include "medisyn/report/contact_sheet.h"

namespace medisyn {
namespace {

constexpr std::size_t kSheetPictures = 24;  ///< at least one of each prompt, of so many prompts at most
constexpr std::size_t kSheetColumns = 8;

std::string text_of(const PlannedImage& image) { return image.row["text"].get<std::string>(); }

std::string title_of(const GenerationFolder& folder, std::size_t pictures) {
  const Json& row = folder.images().front().row;
  return fmt::format("{} of {} images, {} {} steps, scale {}{}", pictures, folder.images().size(),
                     row["sampler"].get<std::string>(), row["steps"].dump(), row["scale"].dump(),
                     row.contains("unconditional") ? ", prompts emptied" : "");
}

/// "scale 1.5", "scale 3", ...
template <class Number>
std::vector<std::string> labels(const char* format, const std::vector<Number>& values) {
  std::vector<std::string> texts;
  for (const Number value : values) {
    texts.push_back(fmt::format(fmt::runtime(format), value));
  }
  return texts;
}

/// A picture, or white where the image came out broken.
Image picture_of(const GenerationFolder& folder, std::size_t i) {
  if (folder.has_image(i)) {
    return read_image(folder.image_path(i));
  }
  const PixelSize& size = folder.images()[i].request.size;
  return {.height = static_cast<int>(size.height),
          .width = static_cast<int>(size.width),
          .pixels = std::vector<std::uint8_t>(static_cast<std::size_t>(size.width * size.height * 3), 255)};
}

}  // namespace

void write_contact_sheet(const GenerationFolder& folder) {
  const std::vector<PlannedImage>& images = folder.images();
  std::map<std::size_t, std::vector<std::size_t>> by_prompt;
  for (std::size_t i = 0; i < images.size() && by_prompt.size() <= kSheetPictures; ++i) {
    if (folder.has_image(i)) {
      by_prompt[images[i].prompt].push_back(i);
    }
  }
  std::size_t columns =
      std::clamp<std::size_t>(kSheetPictures / std::max<std::size_t>(by_prompt.size(), 1), 1, kSheetColumns);
  for (const auto& [prompt, members] : by_prompt) {
    columns = std::min(columns, members.size());
  }
  std::vector<Image> pictures;
  std::vector<std::string> captions;
  std::size_t prompts = 0;
  for (const auto& [prompt, members] : by_prompt) {
    if (prompts++ == kSheetPictures) {
      break;
    }
    for (std::size_t k = 0; k < columns; ++k) {
      pictures.push_back(read_image(folder.image_path(members[k])));
      captions.push_back(text_of(images[members[k]]));
    }
  }
  if (pictures.empty()) {
    return;
  }
  ContactSheetLayout layout{.columns = columns > 1 ? static_cast<int>(columns) : 0};
  layout.title = title_of(folder, pictures.size());
  write_file(folder.path() / "contact_sheet.png", encode_png(contact_sheet(pictures, captions, layout)));
}

void write_sweep(const GenerationFolder& folder, const Sweep& sweep) {
  const std::vector<PlannedImage>& images = folder.images();
  fs::create_directories(folder.path() / "sweep");
  std::vector<std::vector<std::string>> rows;
  for (std::size_t begin = 0, end = 0; begin < images.size(); begin = end) {
    std::vector<Image> pictures;
    const std::string name = fmt::format("sweep/{:05}.png", images[begin].grid);
    for (; end < images.size() && images[end].grid == images[begin].grid; ++end) {
      const Json& row = images[end].row;
      pictures.push_back(picture_of(folder, end));
      rows.push_back({name, row["file_name"].get<std::string>(), text_of(images[end]), row["seed"].dump(),
                      row["steps"].dump(), row["scale"].dump()});
    }
    ContactSheetLayout layout{.columns = static_cast<int>(std::max<std::size_t>(1, sweep.scales.size()))};
    layout.title = fmt::format("{}, seed {}", text_of(images[begin]), images[begin].request.seed);
    layout.column_labels = labels("scale {}", sweep.scales);
    layout.row_labels = labels("{} steps", sweep.steps);
    write_file(folder.path() / name, encode_png(contact_sheet(pictures, {}, layout)));
  }
  write_csv(folder.path() / "sweep.csv", {"grid", "file_name", "text", "seed", "steps", "scale"}, rows);
}

}  // namespace medisyn
