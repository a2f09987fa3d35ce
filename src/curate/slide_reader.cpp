#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/core/random_key.h"
#include "medisyn/curate/fit.h"
#include "medisyn/io/slide.h"
#include "readers.h"

namespace medisyn {
namespace {

/// The upper left corners of a slide's tiles, in its own pixels.
struct Corner {
  std::int64_t top, left;
};

std::vector<Corner> corners(const SlideInfo& info, std::int64_t side, std::int64_t stride) {
  std::vector<Corner> all;
  for (std::int64_t top = 0; top + side <= info.height; top += stride) {
    for (std::int64_t left = 0; left + side <= info.width; left += stride) {
      all.push_back({top, left});
    }
  }
  return all;
}

/// In an order that a hash of slide and place gives: the first so many are a draw.
void shuffle(std::vector<Corner>& all, const std::string& id) {
  const auto key = [&](const Corner& corner) {
    return random_key(
        {hash_text(id), static_cast<std::uint64_t>(corner.top), static_cast<std::uint64_t>(corner.left)});
  };
  std::stable_sort(all.begin(), all.end(), [&](const Corner& a, const Corner& b) { return key(a) < key(b); });
}

}  // namespace

void read_slide(const RepositoryConfig& repository, const Item& item, const ShotSink& sink) {
  const Facts facts{.item = &item};
  if (!sink.begin(facts)) {
    return;
  }
  const SlideConfig config = repository.slide.value_or(SlideConfig());
  const Slide slide(item.file);
  if (slide.info().microns_per_pixel <= 0) {
    fail("{}: the slide does not say how many microns a pixel has", item.file.string());
  }
  const double scale = config.microns_per_pixel / slide.info().microns_per_pixel;
  for (const TileConfig& tile : repository.tiles) {
    const auto own = [&](std::int64_t pixels) {
      return std::max<std::int64_t>(1, std::llround(static_cast<double>(pixels) * scale));
    };
    std::vector<Corner> all = corners(slide.info(), own(tile.size), own(tile.stride));
    if (config.most > 0) {
      shuffle(all, item.id);
    }
    std::int64_t taken = 0;
    for (const Corner& corner : all) {
      if (config.most > 0 && taken == config.most) {
        break;
      }
      Image picture = slide.read(corner.top, corner.left, own(tile.size), static_cast<int>(tile.size));
      if (1 - share_above(picture, config.tissue_below) < config.min_tissue) {
        sink.skip("glass (too little tissue)");
        continue;
      }
      ++taken;
      const double centre = static_cast<double>(own(tile.size)) / 2;
      Shot shot{.picture = std::move(picture),
                .name = fmt::format("{} {:06} {:06}", tile.name, corner.top, corner.left),
                .words = place_words(
                    (static_cast<double>(corner.top) + centre) / static_cast<double>(slide.info().height),
                    (static_cast<double>(corner.left) + centre) / static_cast<double>(slide.info().width))};
      shot.words["tile"] = tile.name;
      sink.take(facts, shot);
    }
  }
}

}  // namespace medisyn
