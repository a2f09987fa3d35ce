#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "comparable_results.h"
#include "evaluation_pages.h"
#include "medisyn/report/html.h"
#include "report_parts.h"

namespace medisyn {
namespace {

std::string percent(double share) { return fmt::format("{:.0f} %", 100 * share); }

/// "generated", or what the control is.
std::string name_of(const Json& score) {
  const auto name = score.at("name").get<std::string>();
  return score.value("unconditional", false) ? name + " (prompts emptied)" : name;
}

void add_alignment_cards(const Json& metrics, std::vector<Card>& cards) {
  for (const Json& score : metrics.at("scores")) {
    cards.push_back({"Of the prompted type: " + name_of(score),
                     percent(score.at("mean_of_types").get<double>()),
                     fmt::format("mean over types, {} images; chance {}", score.at("n").get<std::int64_t>(),
                                 percent(metrics.at("chance").get<double>()))});
  }
}

void add_training_card(const std::string& title, const Json& metrics, std::vector<Card>& cards) {
  if (metrics.contains("validation/psnr")) {
    cards.push_back({title + ": reconstruction",
                     fmt::format("{:.1f} dB", metrics.at("validation/psnr").get<double>()),
                     "PSNR of held-out images"});
  } else if (metrics.contains("validation/loss")) {
    const auto last = metrics.at("validation/loss").get<double>();
    const auto first = metrics.value("first/validation/loss", std::numeric_limits<double>::quiet_NaN());
    cards.push_back({title + ": validation loss", fmt::format("{:.3f}", last),
                     std::isfinite(first)
                         ? fmt::format("from {:.3f}, {:.0f} % less", first, 100 * (1 - last / first))
                         : "held-out images"});
  }
}

}  // namespace

void add_score_cards(Page& page, const ReportConfig& config, ReportResults& results) {
  std::vector<Card> cards;
  if (config.alignment) {
    results.read_metrics(*config.alignment,
                         [&](const Json& metrics) { add_alignment_cards(metrics, cards); });
  }
  for (const ReportEntry& run : config.training) {
    results.read_metrics(run.path,
                         [&](const Json& metrics) { add_training_card(run.title, metrics, cards); });
  }
  if (!cards.empty()) {
    page.add_cards(cards);
  }
}

void add_alignment(Page& page, const std::filesystem::path& folder, ReportResults& results) {
  page.open_section("Do the pictures follow the prompt?");
  results.read_metrics(folder, [&](const Json& metrics) {
    page.add_text(fmt::format(
        "An image follows its prompt when most of its {} nearest real training images, by cosine over {} "
        "features, are of the image type that the prompt names. The {} references are {} images of each "
        "type. "
        "Held-out real images are scored in the same way. The control is drawn with every prompt emptied and "
        "scored against the prompt that was not used: it must be near chance, {}.",
        metrics.at("k").get<std::int64_t>(), metrics.at("extractor").get<std::string>(),
        metrics.at("references").get<std::int64_t>(),
        std::llround(metrics.at("references").get<double>() * metrics.at("chance").get<double>()),
        percent(metrics.at("chance").get<double>())));
    std::set<std::string> types;
    for (const Json& score : metrics.at("scores")) {
      for (const auto& [type, share] : score.at("by_type").items()) {
        types.insert(type);
      }
    }
    BarChart chart{.heading = "Share of images that are nearest to the prompted type",
                   .label = "%",
                   .groups = {types.begin(), types.end()},
                   .bars = {},
                   .most = 100,
                   .line = 100 * metrics.at("chance").get<double>(),
                   .line_name = "chance"};
    std::vector<std::string> header = {"image type"};
    std::vector<std::vector<std::string>> rows;
    for (const std::string& type : types) {
      rows.push_back({type});
    }
    rows.push_back({"mean of types"});
    for (const Json& score : metrics.at("scores")) {
      header.push_back(name_of(score));
      chart.bars.push_back({name_of(score), {}});
      std::size_t row = 0;
      for (const std::string& type : types) {
        const auto found = score.at("by_type").find(type);
        const bool is_there = found != score.at("by_type").end();
        chart.bars.back().values.push_back(is_there ? 100 * found->at("share").get<double>()
                                                    : std::numeric_limits<double>::quiet_NaN());
        rows[row++].push_back(
            is_there ? fmt::format("{} ({:.0f}–{:.0f}) of {}", percent(found->at("share").get<double>()),
                                   100 * found->at("low").get<double>(),
                                   100 * found->at("high").get<double>(), found->at("n").get<std::int64_t>())
                     : "–");
      }
      rows[row].push_back(percent(score.at("mean_of_types").get<double>()));
    }
    page.add_chart(chart);
    page.add_html(html_table(header, rows));
    page.add_text("In brackets: Wilson's 95 % interval.");
  });
}

void add_distances(Page& page, const ReportConfig& config, ReportResults& results) {
  if (!config.fid && config.msssim.empty()) {
    return;
  }
  page.open_section("Fidelity and diversity");
  if (config.fid) {
    results.read_metrics(*config.fid, [&](const Json& metrics) {
      const auto extractor = metrics.at("extractor").get<std::string>();
      const bool is_fid = metrics.value("is_inception_fid", false);
      page.add_html("<h3>" + (is_fid ? "FID" : "Distances over " + escape_html(extractor) + " features") +
                    "</h3>");
      page.add_text(fmt::format(
          "{}A Frechet distance grows as N shrinks, so generated images are best judged beside the floor at "
          "the same N.",
          is_fid
              ? std::string()
              : fmt::format("These are Frechet and kernel distances over {} features and not the FID and KID "
                            "of the literature, whose features are Inception's. ",
                            extractor)));
      const auto count = [&](const char* key) {
        return metrics.at(key).is_null() ? std::numeric_limits<std::int64_t>::max()
                                         : metrics.at(key).get<std::int64_t>();
      };
      if (std::min(count("n_real"), count("n_generated")) <= count("feature_width")) {
        page.add_text(fmt::format(
            "There are no more images than the {} features: the covariance is rank-deficient and the Frechet "
            "distance too large; the kernel distance is not.",
            metrics.at("feature_width").get<std::int64_t>()));
      }
      page.add_html(html_table({"score", "value", "over"}, distance_rows(metrics)));
    });
  }
  if (!config.msssim.empty()) {
    page.add_html("<h3>MS-SSIM of random pairs</h3>");
    page.add_text(
        "The lower, the more the images of a set differ from each other; as diverse as the real ones is "
        "what to aim at.");
    std::vector<NamedResult> compared;
    for (const ReportEntry& entry : config.msssim) {
      compared.push_back({entry.path.string(), results.of(entry.path)});
    }
    check_comparable(compared);
    std::vector<std::vector<std::string>> rows;
    for (const ReportEntry& entry : config.msssim) {
      results.read_metrics(entry.path, [&](const Json& metrics) {
        rows.push_back({entry.title,
                        fmt::format("{:.3f} ± {:.3f}", metrics.at("mean").get<double>(),
                                    metrics.at("std").get<double>()),
                        fmt::format("{}", metrics.at("scales").get<std::int64_t>()),
                        fmt::format("{} of {} images", metrics.at("pairs").get<std::int64_t>(),
                                    metrics.at("images").get<std::int64_t>()),
                        fmt::format("{}", metrics.at("zeros").get<std::int64_t>())});
      });
    }
    page.add_html(html_table({"images", "MS-SSIM", "scales", "pairs", "zeros"}, rows));
  }
}

}  // namespace medisyn
