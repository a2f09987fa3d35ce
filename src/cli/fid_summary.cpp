#include <algorithm>

#include "fid_scores.h"

namespace medisyn {
namespace {

constexpr const char* kPublishedHash = "6726825d";

class Summary {
 public:
  explicit Summary(const Json& metrics) : metrics_(metrics) {}

  std::string text() {
    add_distances();
    add_neighbourhoods();
    add_spread();
    add_floor();
    add_meaning();
    return text_;
  }

 private:
  bool has(const char* key) const { return metrics_.contains(key) && !metrics_.at(key).is_null(); }
  double number(const char* key) const { return metrics_.at(key).get<double>(); }
  std::int64_t count(const char* key) const { return metrics_.at(key).get<std::int64_t>(); }
  std::string word(const char* key) const { return metrics_.value(key, std::string("unknown")); }
  std::string images(const char* key) const {
    return has(key) ? std::to_string(count(key)) : std::string("an unknown number of");
  }

  template <class... Args>
  void line(fmt::format_string<Args...> format, Args&&... args) {
    text_ += fmt::format(format, std::forward<Args>(args)...) + "\n";
  }

  void add_distances() {
    line("{} real and {} generated images", images("n_real"), images("n_generated"));
    if (metrics_.at("is_inception_fid").get<bool>()) {
      line("FID, mode {}: {:.3f}", word("mode"), number("fid"));
    } else {
      line("Frechet distance over {} features: {:.3f}", word("extractor"), number("fid"));
    }
    if (has("kid")) {
      line("Kernel distance x 1000: {:.3f} +- {:.3f} ({} subsets of {})", 1000 * number("kid"),
           1000 * number("kid_std"), count("kid_subsets"), count("kid_subset_size"));
    }
  }

  void add_neighbourhoods() {
    if (has("precision")) {
      line("Precision {:.3f}, recall {:.3f}, density {:.3f}, coverage {:.3f} ({} nearest neighbours)",
           number("precision"), number("recall"), number("density"), number("coverage"), count("neighbours"));
    }
  }

  void add_spread() {
    if (has("fd_infinity")) {
      const Json& infinite = metrics_.at("fd_infinity");
      line(
          "Extrapolated to infinitely many generated images: {:.3f} (a line in 1/N through {} sizes from {} "
          "on)",
          infinite.at("distance").get<double>(), infinite.at("sizes").size(),
          infinite.at("sizes")[0].get<std::int64_t>());
    }
    if (has("fid_interval")) {
      const Json& interval = metrics_.at("fid_interval");
      line("Another draw of as many images: {:.3f} to {:.3f} (95 %, bootstrap of {}; standard error {:.3f})",
           interval.at("low").get<double>(), interval.at("high").get<double>(),
           interval.at("resamples").get<std::int64_t>(), interval.at("std").get<double>());
    }
  }

  void add_floor() {
    if (!has("real_floor")) {
      return;
    }
    const Json& floor = metrics_.at("real_floor");
    const auto of = [&](const char* key) { return floor.at(key).get<double>(); };
    line(
        "With {0} images on each side: real against real {1:.3f}, real against generated {2:.3f} (kernel x "
        "1000: {3:.3f} and {4:.3f})",
        floor.at("n").get<std::int64_t>(), of("distance"), of("generated_distance"), 1000 * of("kid"),
        1000 * of("generated_kid"));
  }

  void add_meaning() {
    if (word("extractor") != "inception") {
      line(
          "This is a distance over {} features and not the FID of the literature, whose features are "
          "Inception's: compare it only with distances of the same extractor, resize and N.",
          word("extractor"));
    } else if (!metrics_.at("is_inception_fid").get<bool>()) {
      line(
          "The weights' SHA-256 is {}..., that of FID's published file {}...: this is FID only if both hold "
          "the "
          "same numbers.",
          word("weights_sha256").substr(0, 8), kPublishedHash);
    }
    const std::string real = formats("real_formats");
    const std::string generated = formats("generated_formats");
    if (!real.empty() && !generated.empty() && real != generated) {
      line("The real images are {}, the generated ones {}: compression alone makes a distance.", real,
           generated);
    }
    if (has("n_real") && has("n_generated")) {
      const std::int64_t least = std::min(count("n_real"), count("n_generated"));
      if (least <= count("feature_width")) {
        line(
            "{} images are no more than the {} features: the covariance is rank-deficient and the Frechet "
            "distance too large; the kernel distance is not.",
            least, count("feature_width"));
      }
    }
  }

  /// "jpg and png"; "" for a file of statistics
  std::string formats(const char* key) const {
    std::string names;
    for (const auto& [format, number] : metrics_.at(key).items()) {
      names += (names.empty() ? "" : " and ") + format;
    }
    return names;
  }

  const Json& metrics_;
  std::string text_;
};

}  // namespace

bool is_published_inception(const std::string& weights_sha256) {
  return weights_sha256.starts_with(kPublishedHash);
}

std::string fid_summary(const Json& metrics) { return Summary(metrics).text(); }

}  // namespace medisyn
