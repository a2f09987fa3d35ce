#include "medisyn/curate/datasheet.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "audit_parts.h"
#include "medisyn/core/version.h"

namespace medisyn {
namespace {

/// Text from files as one line of plain Markdown.
std::string plain(std::string_view text) {
  std::string safe;
  for (const char c : clean_text(text)) {
    if (c == '\n' || c == '\r' || c == '\t') {
      safe += ' ';
    } else if (c == '<') {
      safe += "&lt;";
    } else {
      safe += std::string_view("\\|`*_[]#>").find(c) == std::string_view::npos ? "" : "\\";
      safe += c;
    }
  }
  return safe;
}

std::string plain_or(std::string_view text, const char* none) { return text.empty() ? none : plain(text); }

class Sheet {
 public:
  void section(const char* heading) { text_ += fmt::format("## {}\n\n", heading); }

  /// An empty answer is the authors' to give.
  void ask(const char* question, const std::string& answer = {}) {
    text_ += fmt::format("**{}**\n\n{}\n\n", question, answer.empty() ? kToBeAnswered : answer.c_str());
  }

  void add(const std::string& text) { text_ += text + "\n\n"; }

  std::string text() const { return text_.substr(0, text_.size() - 1); }

 private:
  std::string text_;
};

std::string table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows) {
  std::string text = fmt::format("| {} |\n|", fmt::join(header, " | "));
  for (std::size_t i = 0; i < header.size(); ++i) {
    text += " --- |";
  }
  for (const auto& row : rows) {
    text += fmt::format("\n| {} |", fmt::join(row, " | "));
  }
  return text;
}

std::vector<std::string> count_cells(std::string name, const SideCounts& counts) {
  return {std::move(name), with_commas(counts.sides[0]), with_commas(counts.sides[1]),
          with_commas(counts.sides[2]), with_commas(counts.total)};
}

std::string count_table(const char* what, const std::map<std::string, SideCounts>& by_name,
                        const SideCounts& all) {
  std::vector<std::vector<std::string>> rows;
  rows.reserve(by_name.size() + 1);
  for (const auto& [name, counts] : by_name) {
    rows.push_back(count_cells(plain_or(name, "(none stated)"), counts));
  }
  rows.push_back(count_cells("total", all));
  return table({what, "train", "validation", "test", "total"}, rows);
}

std::string repository_table(const Audit& audit) {
  std::vector<std::vector<std::string>> rows;
  for (const RepositoryCounts& counts : audit.repositories) {
    rows.push_back({plain(counts.repository.name), plain_or(counts.repository.source, "(none stated)"),
                    plain_or(counts.repository.licence, "(none stated)"), plain(counts.image_types),
                    with_commas(counts.images.total), with_commas(counts.patients)});
  }
  return table({"repository", "source", "licence", "image types", "images", "patients"}, rows);
}

std::string list_licences(const Audit& audit) {
  std::set<std::string> licences;
  for (const RepositoryCounts& counts : audit.repositories) {
    licences.insert(plain_or(counts.repository.licence, "(none stated)"));
  }
  return fmt::format(
      "The repositories' own licences hold for their images: {}. The strictest binds whoever passes "
      "on the whole. The authors add on what terms they pass on the captions and the split.",
      fmt::join(licences, "; "));
}

std::string missing_information(const Audit& audit) {
  std::int64_t without_label = 0;
  std::int64_t without_patient = 0;
  for (const auto& [names, counts] : audit.classes) {
    without_label += names.second.empty() ? counts.total : 0;
  }
  for (const RepositoryCounts& counts : audit.repositories) {
    without_patient += counts.patients == 0 && counts.images.total > 0 ? 1 : 0;
  }
  std::string text = fmt::format("{} images have no label.", with_commas(without_label));
  if (without_patient > 0) {
    text += fmt::format(" {} repositories name no patients.", with_commas(without_patient));
  }
  if (audit.long_captions && !audit.long_captions->empty()) {
    text += fmt::format(
        " {} captions are longer than the {} tokens of the text encoder and lose their end there "
        "(long_captions.csv).",
        with_commas(std::ssize(*audit.long_captions)), audit.max_tokens);
  }
  return text;
}

std::string errors_and_redundancies(const Audit& audit) {
  const LeftOut& left_out = audit.left_out;
  const RemovedDuplicates removed = count_removed(left_out.duplicates);
  return fmt::format(
      "{} files could not be read and are not in the set (rejected.csv). Duplicates: {} clusters; {} "
      "exact and {} near duplicates were removed (duplicates.csv).",
      with_commas(std::ssize(left_out.rejected)), with_commas(std::ssize(left_out.duplicates)),
      with_commas(removed.exact), with_commas(removed.near));
}

std::string split_answer(const Audit& audit, const StudyFacts& facts) {
  std::string text = facts.split.empty() ? "" : plain(facts.split) + ". ";
  text += fmt::format(
      "Images: {} train, {} validation, {} test. Patients: {}, {} and {}. All that shares a patient, "
      "a study, a video or a near-duplicate is one group ({} groups) and stands on one side",
      with_commas(audit.images.sides[0]), with_commas(audit.images.sides[1]),
      with_commas(audit.images.sides[2]), with_commas(audit.patients.sides[0]),
      with_commas(audit.patients.sides[1]), with_commas(audit.patients.sides[2]),
      with_commas(audit.groups.total));
  text += audit.groups_on_two_sides == 0
              ? "."
              : fmt::format(", but for {} groups that stand on two.", with_commas(audit.groups_on_two_sides));
  if (audit.patients_on_two_sides > 0) {
    text += fmt::format(" {} patients are divided on purpose: a part of their frames or regions is held out.",
                        with_commas(audit.patients_on_two_sides));
  }
  return text;
}

std::string preprocessing_answer(const Audit& audit, const StudyFacts& facts) {
  std::string text = facts.preprocessing.empty() ? "" : plain(facts.preprocessing) + "\n\n";
  for (const auto& [transform, images] : audit.transforms) {
    text += fmt::format("- {}: {} images\n", plain_or(transform, "no transform stated"), with_commas(images));
  }
  for (const auto& [reason, images] : audit.left_out.skipped) {
    text += fmt::format("- left out, {}: {}\n", plain(reason), with_commas(images));
  }
  if (!facts.duplicates_policy.empty()) {
    text += fmt::format("- duplicates: {}\n", plain(facts.duplicates_policy));
  }
  if (!text.empty()) {
    text.pop_back();
  }
  return text;
}

void add_composition(Sheet& sheet, const Audit& audit, const StudyFacts& facts) {
  sheet.section("2. Composition");
  sheet.ask(
      "What does an instance stand for?",
      fmt::format("One medical image and a caption in words. {} images, {} different captions, {} patients.",
                  with_commas(audit.images.total), with_commas(audit.captions),
                  with_commas(audit.patients.total)));
  sheet.ask("How many instances are there, and of which kinds?",
            count_table("image type", audit.image_types, audit.images) + "\n\n" +
                count_table("specialty", audit.specialties, audit.images));
  sheet.ask(
      "Is it everything there is, or a sample of something larger? How far does it stand for the whole?");
  sheet.ask(
      "What does an instance consist of?",
      "An image file (8 bit RGB) and a line of metadata.jsonl: caption, labels, specialty, image type, "
      "repository, source, licence, what was done to the pixels, SHA-256 of the file, side of the split, and "
      "the repository's own ids of patient, study and video.");
  sheet.ask(
      "Are there labels or targets?",
      fmt::format("The repositories' own classes; {} of them, counted in counts_by_class.csv. Captions are "
                  "made from modality and labels by templates.",
                  with_commas(std::count_if(audit.classes.begin(), audit.classes.end(),
                                            [](const auto& entry) { return !entry.first.second.empty(); }))));
  sheet.ask("Is something missing?", missing_information(audit));
  sheet.ask(
      "Are relations between instances kept?",
      "Yes: patient_id, study_id, video_id and group_id in metadata.jsonl, where a repository names them.");
  sheet.ask("Is there a split to use?", split_answer(audit, facts));
  sheet.ask("Are there errors, noise or redundancies?", errors_and_redundancies(audit));
  sheet.ask("Does it stand alone, or hang on other sources?",
            "The images are copies out of the repositories below; the set can be used without them.\n\n" +
                repository_table(audit));
  sheet.ask("Could anything in it be confidential, offensive or frightening?");
  sheet.ask("Which groups of people does it show, and how are they spread (age, sex, origin)?");
  sheet.ask("Can a person be recognised, by itself or together with other data?");
}

void add_collection(Sheet& sheet) {
  sheet.section("3. Collection");
  sheet.ask("How were the data acquired, with what devices, and how was that checked?");
  sheet.ask("Who took part in the collection, and how were they paid?");
  sheet.ask("Over what time were they collected?");
  sheet.ask("Which ethics board looked at it, and what did it say?");
  sheet.ask("Were the people told, did they consent, and can they take it back?");
  sheet.ask("Was the effect on these people looked into?");
}

}  // namespace

std::string datasheet(const Audit& audit, const StudyFacts& facts) {
  Sheet sheet;
  sheet.add(fmt::format("# Datasheet: {}", plain_or(facts.name, kToBeAnswered)));
  sheet.add(fmt::format(
      "The questions follow Gebru et al., Datasheets for Datasets, 2021. Answers that the curation "
      "knows were filled in by medisyn {}; the others are marked {}.",
      version(), kToBeAnswered));
  sheet.section("1. Motivation");
  sheet.ask("For what purpose was it made?");
  sheet.ask("Who made it, on whose behalf, and who paid?");
  add_composition(sheet, audit, facts);
  add_collection(sheet);
  sheet.section("4. Preprocessing, cleaning and labelling");
  sheet.ask("What was done to the data?", preprocessing_answer(audit, facts));
  sheet.ask("Are the raw data kept?");
  sheet.ask("Is the software to be had?",
            fmt::format("medisyn {}{}. The folder's config.yaml holds the full configuration.", version(),
                        facts.command.empty() ? "" : ", run as: " + plain(facts.command)));
  sheet.section("5. Uses");
  sheet.ask("What has it been used for?");
  sheet.ask("What else could it be used for, and what should it not be used for?");
  sheet.ask("Could its make-up or its cleaning harm someone later on, and what can be done against it?");
  sheet.section("6. Distribution");
  sheet.ask("To whom, how and when is it passed on?");
  sheet.ask("Under which licences?", list_licences(audit));
  sheet.ask("Do export rules or other laws apply?");
  sheet.section("7. Maintenance");
  sheet.ask("Who looks after it, and how can they be reached?");
  sheet.ask(
      "Will it be corrected and added to, how often, and how is that made known?",
      "How often: " + std::string(kToBeAnswered) +
          ". When data are added by another run into the same folder, groups keep their side of the split.");
  sheet.ask("How long may data about people be kept?");
  sheet.ask("Can others add to it, and do older versions stay?");
  return sheet.text();
}

}  // namespace medisyn
