// Splits a made-up manifest of the paper's size and checks it: the runner of scripts/bench_split.py.
//   split_run [ROWS [SEED]]      prints one JSON object; exits with 1 when a group stands on two sides
#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <random>
#include <string>

#include "../peak_bytes.h"
#include "medisyn/core/numbers.h"
#include "medisyn/curate/assign_split.h"
#include "medisyn/data/disjoint.h"

namespace medisyn {
namespace {

constexpr std::int64_t kRows = 1'260'826;  // of the paper
constexpr int kRepositories = 30;

/// A repository's make: how many images a patient has on average, how many classes there are, how many an
/// image has.
struct Make {
  double share, images_per_patient;
  int classes, labels;
};

/// From 25 % of all images down to 0.1 %; volumes and videos with hundreds of images a patient, films with a
/// few, skin and eyes with one.
Make make_of(int repository) {
  static constexpr double kPerPatient[] = {180, 3, 1, 40, 6, 600};
  const double share = std::pow(0.82, repository);
  return {share, kPerPatient[repository % 6], 2 + 3 * (repository % 5), repository % 4 == 1 ? 3 : 1};
}

class RowMaker {
 public:
  explicit RowMaker(std::uint64_t seed) : random_(seed) {}

  void add_repository(int repository, std::int64_t images, std::vector<Record>& records) {
    const Make make = make_of(repository);
    const std::string name = fmt::format("repository-{:02}", repository);
    for (std::int64_t made = 0, patient = 0; made < images; ++patient) {
      const std::int64_t most = std::min(images - made, draw_size(make.images_per_patient));
      const auto usual = static_cast<int>(random_() % static_cast<std::uint64_t>(make.classes));
      for (std::int64_t i = 0; i < most; ++i, ++made) {
        records.push_back(row(name, make, patient, i, usual));
      }
    }
  }

 private:
  std::uint64_t below(std::uint64_t n) { return random_() % n; }

  /// Skewed, with the wanted mean: exp of a normal variable of deviation 1 has the mean exp(1 / 2).
  std::int64_t draw_size(double mean) {
    std::normal_distribution<double> normal(std::log(mean) - 0.5, mean > 1 ? 1.0 : 0.0);
    return std::max<std::int64_t>(1, std::llround(std::exp(normal(random_) + (mean > 1 ? 0.0 : 0.5))));
  }

  Record row(const std::string& repository, const Make& make, std::int64_t patient, std::int64_t image,
             int usual) {
    constexpr std::int64_t kImagesOfStudy = 20;
    Record record;
    record.patient_id = fmt::format("{}-{:06}", repository, patient);
    record.study_id = fmt::format("{}-{}", record.patient_id, image / kImagesOfStudy);
    record.id = fmt::format("{}-{}", record.patient_id, image);
    record.file_name = fmt::format("images/{}/{}.png", repository, record.id);
    record.text = "a made-up caption of about the usual length for an image of this class";
    record.repository = record.source = repository;
    record.sha256 = fmt::format("{:016x}{:016x}{:016x}{:016x}", random_(), random_(), random_(), random_());
    record.image_type = "X-ray";
    for (int label = 0; label < make.labels; ++label) {
      // Patients keep to a class; further labels fall off in frequency.
      const double u = static_cast<double>(below(1'000'000)) / 1e6;
      const int own = label == 0 && below(4) != 0 ? usual : static_cast<int>(u * u * make.classes);
      record.labels.push_back(fmt::format("class {}", own));
    }
    return record;
  }

  std::mt19937_64 random_;
};

std::vector<Record> make_rows(std::int64_t rows, std::uint64_t seed) {
  double whole = 0;
  for (int repository = 0; repository < kRepositories; ++repository) {
    whole += make_of(repository).share;
  }
  RowMaker maker(seed);
  std::vector<Record> records;
  records.reserve(static_cast<std::size_t>(rows));
  for (int repository = kRepositories - 1; repository >= 0; --repository) {
    const double share = make_of(repository).share / whole;
    const auto images = repository == 0 ? rows - std::ssize(records)
                                        : static_cast<std::int64_t>(share * static_cast<double>(rows));
    maker.add_repository(repository, images, records);
  }
  return records;
}

/// 3 % of the images have a near-duplicate, one in ten of these with another patient.
std::vector<SplitLink> make_links(std::size_t rows, std::uint64_t seed) {
  std::mt19937_64 random(seed + 1);
  std::vector<SplitLink> links(rows);
  for (std::size_t i = 0, cluster = 0; i < rows * 3 / 200; ++i, ++cluster) {
    const std::size_t a = random() % rows;
    const std::size_t b = random() % 10 == 0 ? random() % rows : std::min(a + 1, rows - 1);
    links[a].cluster = links[b].cluster = static_cast<std::int64_t>(cluster);
  }
  return links;
}

template <class Work>
double seconds_of(Work work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

Manifest side_of(const std::vector<Record>& records, const std::string& side) {
  Manifest manifest{"made-up", {}};
  for (const Record& record : records) {
    if (record.split == side) {
      manifest.records.push_back(record);
    }
  }
  return manifest;
}

/// "worst_of_N_groups" and "mean_of_N_groups": the distance from the ratio of the classes with so many
/// groups.
std::string describe(const SplitReport& report, const SplitOptions& options, std::int64_t min_groups) {
  SplitReport one;
  double sum = 0;
  int count = 0;
  for (const Stratum& stratum : report.strata) {
    one.strata = {stratum};
    const auto own = worst_deviation(one, options.ratio, min_groups);
    sum += own ? own->share : 0.0;
    count += own ? 1 : 0;
  }
  const StratumDeviation worst = worst_deviation(report, options.ratio, min_groups).value();
  return fmt::format(
      "\"mean_of_{0}_groups\": {1:.5f}, \"worst_of_{0}_groups\": {{\"share\": {2:.5f}, \"repository\": "
      "\"{3}\", "
      "\"label\": \"{4}\", \"images\": {5}, \"groups\": {6}}}",
      min_groups, sum / count, worst.share, worst.stratum->repository, worst.stratum->label,
      std::accumulate(worst.stratum->images.begin(), worst.stratum->images.end(), std::int64_t{0}),
      worst.stratum->groups);
}

void run(std::int64_t rows, std::uint64_t seed) {
  std::vector<Record> records = make_rows(rows, seed);
  const std::vector<SplitLink> links = make_links(records.size(), seed);
  const SplitOptions options{.seed = seed};
  const std::int64_t before = peak_bytes();
  SplitReport report;
  const double split = seconds_of([&] { report = assign_split(records, links, {}, options); });
  const std::int64_t after = peak_bytes();

  double check = 0;
  {
    const Manifest train = side_of(records, "train");
    const Manifest validation = side_of(records, "validation");
    const Manifest test = side_of(records, "test");
    check = seconds_of([&] {
      check_disjoint(train, "train", validation, "validation");
      check_disjoint(train, "train", test, "test");
      check_disjoint(validation, "validation", test, "test");
    });
  }

  const std::vector<Record> earlier = records;
  for (Record& record : records) {
    record.split.clear();
  }
  SplitReport second;
  const double again = seconds_of([&] { second = assign_split(records, links, earlier, options); });
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (records[i].split != earlier[i].split) {
      throw std::runtime_error("the second run moved " + records[i].id);
    }
  }
  fmt::print("{{\"rows\": {}, \"groups\": {}, \"strata\": {}, \"images\": [{}, {}, {}], \"largest\": {}, ",
             records.size(), report.groups, report.strata.size(), report.images[0], report.images[1],
             report.images[2], report.largest.images);
  fmt::print(
      "\"split_seconds\": {:.2f}, \"again_seconds\": {:.2f}, \"check_seconds\": {:.2f}, \"rows_bytes\": {}, "
      "\"split_bytes\": {}, {}, {}, {}}}\n",
      split, again, check, before, after - before, describe(report, options, 500),
      describe(report, options, 100), describe(report, options, 20));
}

}  // namespace
}  // namespace medisyn

int main(int argc, char** argv) {
  try {
    const auto rows = medisyn::parse_number<std::int64_t>(argc > 1 ? argv[1] : "");
    const auto seed = medisyn::parse_number<std::uint64_t>(argc > 2 ? argv[2] : "");
    medisyn::run(rows.value_or(medisyn::kRows), seed.value_or(0));
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
}
