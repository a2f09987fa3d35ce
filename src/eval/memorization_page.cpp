#include "medisyn/eval/memorization_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "medisyn/io/resize.h"
#include "medisyn/report/html.h"
#include "medisyn/report/page.h"

namespace medisyn {
namespace {

constexpr int kShownPixels = 256;
constexpr int kJpegQuality = 85;

std::string html_of(const TextTable& table) { return html_table(table.header, table.rows); }

std::string picture(const Image& image, const std::string& caption) {
  const Image& shown = image.height > kShownPixels ? resize(image, kShownPixels, kShownPixels) : image;
  return fmt::format("<div>{}<span>{}</span></div>", inline_jpeg(shown, kJpegQuality, caption),
                     escape_html(caption));
}

/// % of all specialties' images at or below each threshold.
BarChart::Bars shares(const std::string& name, const std::vector<SpecialtyScore>& scores) {
  BarChart::Bars bars{.name = name, .values = std::vector<double>(kDistanceThresholds.size())};
  std::int64_t images = 0;
  for (const SpecialtyScore& score : scores) {
    images += score.images;
  }
  for (const SpecialtyScore& score : scores) {
    for (std::size_t i = 0; i < bars.values.size(); ++i) {
      bars.values[i] += 100 * static_cast<double>(score.thresholds[i].images) / static_cast<double>(images);
    }
  }
  return bars;
}

/// Shares grow with the threshold: the last ones are the highest.
BarChart share_chart(const MemorizationTable& table) {
  BarChart chart{.heading = "Images at or below each threshold",
                 .label = "% of images",
                 .bars = {shares("generated", table.generated)}};
  if (!table.held_out.empty()) {
    chart.bars.push_back(shares("held-out real", table.held_out));
  }
  for (const double threshold : kDistanceThresholds) {
    chart.groups.push_back(fmt::format("{:.2f}", threshold));
  }
  for (const BarChart::Bars& bars : chart.bars) {
    chart.most = std::max(chart.most, std::ceil(bars.values.back()));
  }
  return chart;
}

/// ", flipped horizontally, moved by 0, 4"
std::string describe(const Placement& placement) {
  std::string text;
  text += placement.flip_horizontal ? ", flipped horizontally" : "";
  text += placement.flip_vertical ? ", flipped vertically" : "";
  return placement.down == 0 && placement.right == 0
             ? text
             : text + fmt::format(", moved by {} rows and {} columns", placement.down, placement.right);
}

class MemorizationPage {
 public:
  MemorizationPage(const std::vector<MemorizationTable>& tables, const std::vector<NearestPair>& pairs,
                   const Manifest& generated, const std::vector<ImageKind>& kinds, const Manifest& training,
                   const MemorizationPageOptions& options)
      : tables_(tables),
        pairs_(pairs),
        generated_(generated),
        kinds_(kinds),
        training_(training),
        options_(options),
        has_extended_(tables.size() > 1),
        page_("Generated images beside their nearest training images", options.method) {}

  std::string html() {
    page_.add_note({"This page holds real training images: pass it on as you may pass on the data set."});
    add_cards();
    for (const MemorizationTable& table : tables_) {
      add_table(table);
    }
    add_pairs();
    return page_.html();
  }

 private:
  void add_cards() {
    const SpecialtyScore& all = tables_.back().all;
    const ThresholdScore& flagged = all.thresholds[kFlaggedThreshold];
    std::vector<Card> cards = {
        {fmt::format("at or below {:.2f}", flagged.threshold), fmt::format("{}", flagged.images),
         fmt::format("of {} generated images, near {} different originals", all.images, flagged.sources)},
        {"rate of such images", fmt::format("< {:.3g} %", 100 * flagged.upper_bound),
         "upper bound at 95 % (Clopper-Pearson)"},
        {"closest", fmt::format("{:.3f}", all.least), fmt::format("median {:.3f}", all.median)}};
    std::int64_t real = 0;
    std::int64_t near = 0;
    for (const SpecialtyScore& score : tables_.back().held_out) {
      real += score.images;
      near += score.thresholds[kFlaggedThreshold].images;
    }
    if (real > 0) {
      cards.push_back({"held-out real images as near", fmt::format("{}", near), fmt::format("of {}", real)});
    }
    page_.add_cards(cards);
  }

  void add_table(const MemorizationTable& table) {
    const bool is_extended = table.kind == DistanceKind::kExtended;
    page_.open_section(is_extended ? "Over flips and shifts" : "Distances");
    page_.add_text(fmt::format(
        "A pair's distance is the largest, over 4 x 4 patches, of the root of the mean squared "
        "difference of its values in 0..1{}. Flat or dark pictures of little content come out low "
        "too: what held-out real images score is what chance does.",
        is_extended ? "; here the least over both flips and shifts of up to 4 pixels" : ""));
    page_.add_chart(share_chart(table));
    page_.add_html("<h3>Generated images at or below each threshold</h3>\n" +
                   html_of(share_table(table.generated)));
    if (!table.held_out.empty()) {
      page_.add_html("<h3>Held-out real images at or below each threshold</h3>\n" +
                     html_of(share_table(table.held_out)));
    }
    page_.add_html(fmt::format("<h3>p that distances are no higher <small>Wilcoxon's signed-rank test, "
                               "one-sided, times {}: {} specialties, {} thresholds</small></h3>\n",
                               bonferroni_factor(table.generated), table.generated.size(),
                               kDistanceThresholds.size()) +
                   html_of(p_table(table.generated)));
    page_.add_html("<h3>Upper bound of the rate at 95 %</h3>\n" + html_of(bound_table(table.generated)));
  }

  double closest(const NearestPair& pair) const {
    return has_extended_ ? pair.least.distance : pair.distance;
  }

  std::vector<const NearestPair*> near_pairs() const {
    std::vector<const NearestPair*> near;
    for (const NearestPair& pair : pairs_) {
      if (closest(pair) <= kDistanceThresholds.back()) {
        near.push_back(&pair);
      }
    }
    std::stable_sort(near.begin(), near.end(),
                     [&](const auto* a, const auto* b) { return closest(*a) < closest(*b); });
    return near;
  }

  void add_pairs() {
    page_.open_section("Pairs");
    const std::vector<const NearestPair*> near = near_pairs();
    const std::size_t shown = std::min(near.size(), options_.most_pairs);
    page_.add_text(
        fmt::format("{} of {} pairs lie at or below {:.2f}{}. The difference is black where two "
                    "pictures are equal. All pairs stand in pairs.csv.",
                    near.size(), pairs_.size(), kDistanceThresholds.back(),
                    shown < near.size() ? fmt::format("; the closest {} are shown", shown) : ""));
    std::size_t next = 0;
    for (const double threshold : kDistanceThresholds) {
      std::string cards;
      for (; next < shown && closest(*near[next]) <= threshold; ++next) {
        cards += pair_html(*near[next]);
      }
      if (!cards.empty()) {
        page_.add_html(fmt::format("<h3>At or below {:.2f}</h3>\n<div class=\"samples\">\n{}</div>\n",
                                   threshold, cards));
      }
    }
  }

  std::string pair_html(const NearestPair& pair) const {
    const Record& image = generated_.records[static_cast<std::size_t>(pair.image)];
    const Record& original = training_.records[static_cast<std::size_t>(pair.training)];
    const ComparedPair both =
        read_pair(image_source(training_, original), image_source(generated_, image), options_.image_pixels);
    const std::string heading =
        fmt::format("{:.4f}{}, cosine {:.4f}, {}", closest(pair), describe(pair.least.placement), pair.cosine,
                    to_string(kinds_[static_cast<std::size_t>(pair.image)]));
    return fmt::format("<div class=\"prompt\"><h4>{}</h4><div class=\"compare\">{}{}{}</div></div>\n",
                       escape_html(heading), picture(both.training, "training: " + original.file_name),
                       picture(both.image, fmt::format("generated: {} {}", image.file_name, image.text)),
                       picture(difference(both.training, both.image, pair.least.placement), "difference"));
  }

  const std::vector<MemorizationTable>& tables_;
  const std::vector<NearestPair>& pairs_;
  const Manifest& generated_;
  const std::vector<ImageKind>& kinds_;
  const Manifest& training_;
  const MemorizationPageOptions& options_;
  bool has_extended_;
  Page page_;
};

}  // namespace

std::string memorization_page(const std::vector<MemorizationTable>& tables,
                              const std::vector<NearestPair>& pairs, const Manifest& generated,
                              const std::vector<ImageKind>& kinds, const Manifest& training,
                              const MemorizationPageOptions& options) {
  return MemorizationPage(tables, pairs, generated, kinds, training, options).html();
}

}  // namespace medisyn
