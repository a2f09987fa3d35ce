// Splits and audits a made-up study of the paper's size: the runner of scripts/bench_audit.py.
//
// audit_run make FOLDER ROWS [PICTURES]: writes FOLDER/metadata.jsonl, divided by assign_split; the files of
// the images are drawn from the data set PICTURES.
//
// audit_run audit FOLDER [TOKENIZER]: reads it and writes the audit beside it.
//
// Each prints one JSON object.
#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "../peak_bytes.h"
#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/core/memory.h"
#include "medisyn/core/numbers.h"
#include "medisyn/curate/assign_split.h"
#include "medisyn/curate/audit.h"
#include "medisyn/curate/audit_page.h"
#include "medisyn/curate/datasheet.h"

namespace medisyn {
namespace {

/// A repository: its share of all images, how many of them a patient has, how many classes there are.
struct Make {
  const char* name;
  const char* specialty;
  const char* image_type;
  const char* licence;
  double parts, images_of_a_patient;
  int classes;
};

// Six specialties and ten image types, as the paper has; sizes from a handful to a quarter of all.
constexpr Make kMakes[] = {
    {"chest-ct-angiography", "Radiology", "CT", "CC BY-NC-SA 4.0", 310000, 240, 9},
    {"chest-x-ray", "Radiology", "X-ray", "research use agreement", 223000, 3, 14},
    {"chest-x-ray-reports", "Radiology", "X-ray", "CC BY 4.0", 60000, 2, 40},
    {"musculoskeletal-x-ray", "Radiology", "X-ray", "research use agreement", 40000, 3, 14},
    {"knee-x-ray", "Radiology", "X-ray", "CC BY 4.0", 8000, 2, 5},
    {"abdominal-ct", "Radiology", "CT", "CC BY-SA 4.0", 46000, 150, 13},
    {"head-ct", "Radiology", "CT", "CC BY 4.0", 21000, 34, 6},
    {"brain-mri", "Radiology", "MRI", "CC BY 4.0", 52000, 155, 4},
    {"prostate-mri", "Radiology", "MRI", "CC BY-NC 4.0", 12000, 40, 3},
    {"cardiac-mri", "Radiology", "MRI", "CC BY-NC-SA 4.0", 3100, 20, 5},
    {"echocardiography", "Radiology", "Ultrasound", "research use agreement", 20000, 100, 2},
    {"breast-ultrasound", "Radiology", "Ultrasound", "CC0 1.0", 780, 1, 3},
    {"thyroid-ultrasound", "Radiology", "Ultrasound", "CC BY 4.0", 640, 2, 4},
    {"cholecystectomy", "Surgery", "Endoscopy", "CC BY-NC-SA 4.0", 92000, 1100, 7},
    {"robotic-prostatectomy", "Surgery", "Endoscopy", "CC BY-NC-SA 4.0", 96000, 2400, 8},
    {"cataract-surgery", "Surgery", "Microscopy", "CC BY 4.0", 14000, 280, 10},
    {"colonoscopy", "Gastroenterology", "Endoscopy", "CC BY 4.0", 70000, 12, 23},
    {"capsule-endoscopy", "Gastroenterology", "Endoscopy", "CC BY 4.0", 47000, 1000, 14},
    {"gastroscopy", "Gastroenterology", "Endoscopy", "CC BY-NC 4.0", 5200, 4, 8},
    {"lymph-node-histology", "Pathology", "Microscopy", "CC0 1.0", 60000, 700, 2},
    {"colon-histology", "Pathology", "Microscopy", "CC BY 4.0", 20000, 800, 9},
    {"blood-smears", "Pathology", "Microscopy", "CC BY 4.0", 17000, 40, 8},
    {"dermoscopy", "Dermatology", "Dermoscopy", "CC BY-NC 4.0", 25331, 2, 8},
    {"dermoscopy-ph", "Dermatology", "Dermoscopy", "research and education", 200, 1, 3},
    {"skin-photographs", "Dermatology", "Clinical images", "CC BY-NC-SA 4.0", 11000, 1, 114},
    {"wounds", "Dermatology", "Clinical images", "", 7, 1, 2},
    {"retinal-oct", "Ophthalmology", "OCT", "CC BY 4.0", 84000, 18, 4},
    {"fundus-grading", "Ophthalmology", "Fundoscopy", "research use agreement", 35000, 2, 5},
    {"fundus-diseases", "Ophthalmology", "Fundoscopy", "CC BY 4.0", 3200, 1, 46},
    {"slit-lamp", "Ophthalmology", "Clinical images", "CC BY 4.0", 900, 2, 6},
};

constexpr const char* kWords[] = {"no",        "acute",     "cardiopulmonary", "process",  "pleural",
                                  "effusion",  "left",      "right",           "lower",    "lobe",
                                  "opacity",   "unchanged", "moderate",        "enlarged", "silhouette",
                                  "granuloma", "stable",    "atelectasis"};

class RowMaker {
 public:
  /// `pictures`: of which the rows' files are drawn, those of the row's image type where there are any.
  RowMaker(std::uint64_t seed, const Manifest& pictures) : random_(seed) {
    for (const Record& record : pictures.records) {
      const std::string file = fs::absolute(image_path(pictures, record)).string();
      pictures_[record.image_type].push_back(file);
      pictures_[""].push_back(file);
    }
  }

  void add_repository(const Make& make, std::int64_t images, std::vector<Record>& records) {
    for (std::int64_t made = 0, patient = 0; made < images; ++patient) {
      const std::int64_t most = std::min(images - made, draw_size(make.images_of_a_patient));
      const auto usual = static_cast<int>(below(static_cast<std::uint64_t>(make.classes)));
      for (std::int64_t i = 0; i < most; ++i, ++made) {
        records.push_back(row(make, patient, i, usual));
      }
    }
  }

 private:
  std::uint64_t below(std::uint64_t n) { return random_() % n; }

  std::int64_t draw_size(double mean) {
    std::normal_distribution<double> normal(std::log(mean) - 0.18, mean > 1 ? 0.6 : 0.0);
    return std::max<std::int64_t>(1, std::llround(std::exp(normal(random_))));
  }

  /// A report has words of its own, other captions differ by class and place.
  std::string caption(const Make& make, int label, std::int64_t image) {
    if (std::string_view(make.name) != "chest-x-ray-reports") {
      return fmt::format("{} image, {}, {} of finding {}, position {}", make.image_type, make.specialty,
                         make.name, label, image % 200);
    }
    std::string text = "Chest X-ray:";
    for (std::uint64_t words = 8 + below(80); words > 0; --words) {
      text += fmt::format(" {}", kWords[below(std::size(kWords))]);
    }
    return text;
  }

  Record row(const Make& make, std::int64_t patient, std::int64_t image, int usual) {
    constexpr std::int64_t kImagesOfStudy = 40;
    const double u = static_cast<double>(below(1'000'000)) / 1e6;
    const int label = below(3) != 0 ? usual : static_cast<int>(u * u * make.classes);
    Record record;
    record.patient_id = fmt::format("{}-{:06}", make.name, patient);
    record.study_id = fmt::format("{}-study-{}", record.patient_id, image / kImagesOfStudy);
    record.video_id = std::string_view(make.image_type) == "Endoscopy" ? record.study_id : "";
    record.id = fmt::format("{}-{}", record.patient_id, image);
    record.file_name =
        pictures_.empty() ? fmt::format("images/{}/{}.png", make.name, record.id) : picture(make.image_type);
    record.text = caption(make, label, image);
    record.repository = make.name;
    record.source = fmt::format("a made-up repository, {}", make.name);
    record.licence = make.licence;
    record.specialty = make.specialty;
    record.image_type = make.image_type;
    record.labels = {fmt::format("finding {}", label)};
    record.transform = "512x512, bicubic with antialias, centre crop";
    record.sha256 = fmt::format("{:016x}{:016x}{:016x}{:016x}", random_(), random_(), random_(), random_());
    return record;
  }

  const std::string& picture(const std::string& image_type) {
    const auto& files = pictures_.at(pictures_.contains(image_type) ? image_type : "");
    return files[below(files.size())];
  }

  std::mt19937_64 random_;
  std::map<std::string, std::vector<std::string>> pictures_;
};

std::vector<Record> make_rows(std::int64_t rows, const Manifest& pictures) {
  double whole = 0;
  for (const Make& make : kMakes) {
    whole += make.parts;
  }
  RowMaker maker(1, pictures);
  std::vector<Record> records;
  records.reserve(static_cast<std::size_t>(rows));
  for (const Make& make : kMakes) {
    const bool is_last = &make == std::end(kMakes) - 1;
    const auto images = static_cast<std::int64_t>(std::ceil(make.parts / whole * static_cast<double>(rows)));
    maker.add_repository(
        make, is_last ? rows - std::ssize(records) : std::min(images, rows - std::ssize(records)), records);
  }
  return records;
}

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void make(const fs::path& folder, std::int64_t rows, const std::string& pictures) {
  std::vector<Record> records = make_rows(rows, pictures.empty() ? Manifest{} : read_manifest(pictures));
  const double split = seconds_of([&] { assign_split(records, {}, {}, {.seed = 1}); });
  std::ofstream file(folder / "metadata.jsonl");
  for (const Record& record : records) {
    file << to_json(record).dump() << '\n';
  }
  file.close();
  if (!file) {
    fail("{}: cannot be written", (folder / "metadata.jsonl").string());
  }
  fmt::print("{{\"rows\": {}, \"split_seconds\": {:.2f}, \"peak_bytes\": {}}}\n", records.size(), split,
             peak_bytes());
}

DuplicateMember member_of(const Manifest& manifest, std::size_t i, bool is_kept, bool is_exact_copy) {
  const Record& record = manifest.records[i];
  return {record.id, record.repository, is_kept, is_exact_copy, image_path(manifest, record)};
}

/// One file of 500 was rejected; of every 50 images one has duplicates.
LeftOut left_out_of(const Manifest& manifest) {
  LeftOut left_out;
  left_out.skipped = {
      {"blank", 31877}, {"burned-in text", 412}, {"across the border of a held-out part", 96}};
  const std::size_t rows = manifest.records.size();
  for (std::size_t i = 0; i < rows; i += 500) {
    const Record& record = manifest.records[i];
    const std::string file = fmt::format("part-{}/{}.dcm", i % 7, i);
    const char* why = i % 3 == 0   ? "expected 524288 bytes of pixels, found {}"
                      : i % 3 == 1 ? "no picture: the JPEG ends after {} bytes"
                                   : "expected a DICOM file, found {} zero bytes";
    left_out.rejected.push_back(
        {record.repository, file,
         fmt::format("/data/{}/{}: {}", record.repository, file, fmt::format(fmt::runtime(why), i))});
  }
  for (std::size_t i = 0; i + 10 < rows; i += 50) {
    DuplicateCluster cluster{.members = {member_of(manifest, i, true, false)},
                             .patients = i % 1000 == 0 ? 2 : 1};
    for (std::size_t k = 1; k <= 1 + i / 50 % 7; ++k) {
      cluster.members.push_back(member_of(manifest, i + k, false, i / 50 % 4 == 0));
    }
    left_out.duplicates.push_back(std::move(cluster));
  }
  return left_out;
}

/// Lets VmHWM begin again at what is resident now (man 5 proc).
void reset_peak_bytes() { std::ofstream("/proc/self/clear_refs") << 5; }

void audit(const fs::path& folder, const std::string& tokenizer_file) {
  Manifest manifest;
  const double read = seconds_of([&] { manifest = read_manifest(folder); });
  const std::int64_t read_peak = peak_bytes();
  std::optional<Tokenizer> tokenizer;
  if (!tokenizer_file.empty()) {
    tokenizer = Tokenizer(ClipTokenizer::from_merges(tokenizer_file));
  }
  const std::int64_t threads = std::max(1U, std::thread::hardware_concurrency());
  LeftOut left_out = left_out_of(manifest);
  Audit audit;
  std::string page;
  give_back_free_memory();
  reset_peak_bytes();
  const std::int64_t before = peak_bytes();
  const double count = seconds_of([&] {
    audit = make_audit(manifest, {}, std::move(left_out), tokenizer ? &*tokenizer : nullptr, threads);
  });
  const double tables = seconds_of([&] { write_audit_tables(folder, audit); });
  const double draw = seconds_of([&] {
    page = audit_page(manifest, audit, {.title = "Audit of a made-up study", .threads = threads});
    write_file(folder / "audit.html", page);
    write_file(folder / "datasheet.md",
               datasheet(audit, {.name = "a made-up study", .split = "80:10:10 by groups, seed 1"}));
  });
  fmt::print(
      "{{\"rows\": {}, \"captions\": {}, \"long_captions\": {}, \"read_seconds\": {:.2f}, "
      "\"read_peak_bytes\": {}, "
      "\"count_seconds\": {:.2f}, \"tables_seconds\": {:.2f}, \"page_seconds\": {:.2f}, \"page_bytes\": {}, "
      "\"audit_bytes\": {}}}\n",
      audit.images.total, audit.captions, audit.long_captions ? audit.long_captions->size() : 0, read,
      read_peak, count, tables, draw, page.size(), peak_bytes() - before);
}

void run(const std::vector<std::string>& words) {
  const auto word = [&](std::size_t i) { return i < words.size() ? words[i] : std::string(); };
  const auto rows = parse_number<std::int64_t>(word(2));
  if (word(0) == "make" && rows) {
    make(word(1), *rows, word(3));
  } else if (word(0) == "audit" && words.size() >= 2) {
    audit(word(1), word(2));
  } else {
    fail("usage: audit_run make FOLDER ROWS [PICTURES] | audit FOLDER [TOKENIZER]");
  }
}

}  // namespace
}  // namespace medisyn

int main(int argc, char** argv) {
  try {
    medisyn::run({argv + 1, argv + argc});
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
}
