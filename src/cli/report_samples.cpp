#include <algorithm>
#include <map>

#include "medisyn/data/manifest.h"
#include "medisyn/eval/alignment.h"
#include "medisyn/report/html.h"
#include "report_parts.h"

namespace medisyn {
namespace {

constexpr std::size_t kPicturesAPrompt = 5;
constexpr std::size_t kPromptsShown = 48;

/// A manifest's records by caption.
struct ByCaption {
  explicit ByCaption(Manifest records) : manifest(std::move(records)) {
    for (const Record& record : manifest.records) {
      auto& list = records_of[record.text];
      if (list.empty()) {
        captions.push_back(record.text);
      }
      list.push_back(&record);
    }
  }
  ByCaption(const ByCaption&) = delete;
  ByCaption& operator=(const ByCaption&) = delete;

  Manifest manifest;
  std::vector<std::string> captions;  ///< in order of appearance
  std::map<std::string, std::vector<const Record*>> records_of;
};

/// A row of pictures with one caption, spread over the list: neighbours in it are neighbouring slices.
std::string strip(const std::string& label, const ByCaption& set, const std::string& caption) {
  const auto found = set.records_of.find(caption);
  if (found == set.records_of.end()) {
    return {};
  }
  const auto& records = found->second;
  std::string html = "<div class=\"strip\"><span>" + escape_html(label) + "</span>";
  const std::size_t shown = std::min(kPicturesAPrompt, records.size());
  for (std::size_t i = 0; i < shown; ++i) {
    html += inline_image(read_image(image_source(set.manifest, *records[i * records.size() / shown])),
                         label + ": " + caption);
  }
  return html + "</div>\n";
}

}  // namespace

void add_samples(Page& page, const ReportConfig& config, ReportResults& results) {
  results.of(*config.samples);
  const ByCaption generated(read_manifest(*config.samples));
  const ByCaption real(config.data ? read_manifest(*config.data) : Manifest{});
  const ByCaption control(config.control ? read_manifest(*config.control) : Manifest{});
  if (config.control) {
    results.of(*config.control);
  }
  const CaptionTypes types = types_of_captions(real.manifest);
  std::map<std::string, std::string> cards;  // image type -> its prompts
  const std::size_t shown = std::min(kPromptsShown, generated.captions.size());
  for (std::size_t i = 0; i < shown; ++i) {
    const std::string& caption = generated.captions[i];
    const auto type = types.find(caption);
    cards[type == types.end() ? "" : *type->second.begin()] +=
        "<div class=\"prompt\"><h4>" + escape_html(caption.empty() ? "(empty prompt)" : caption) + "</h4>\n" +
        strip("generated", generated, caption) + strip("real, same caption", real, caption) +
        strip("prompt emptied", control, caption) + "</div>\n";
  }
  page.open_section("Generated beside real");
  for (const auto& [type, html] : cards) {
    page.add_html(type.empty() ? "" : "<h3>" + escape_html(type) + "</h3>\n");
    page.add_html("<div class=\"samples\">\n" + html + "</div>\n");
  }
  if (shown < generated.captions.size()) {
    page.add_text(fmt::format("The first {} of {} prompts are shown.", shown, generated.captions.size()));
  }
}

void add_sources(Page& page, const std::filesystem::path& data, ReportResults& results) {
  struct Source {
    std::map<std::string, std::int64_t> splits;
    std::string licence;
  };
  results.of(data);
  std::map<std::pair<std::string, std::string>, Source> sources;
  const Manifest manifest = read_manifest(data);
  for (const Record& record : manifest.records) {
    Source& source = sources[{record.image_type, record.source}];
    ++source.splits[record.split];
    source.licence = record.licence;
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& [key, source] : sources) {
    std::string images;
    for (const auto& [split, count] : source.splits) {
      images += fmt::format("{}{} {}", images.empty() ? "" : ", ", count, split);
    }
    rows.push_back({key.first, key.second, images, source.licence});
  }
  page.open_section("Images and licences");
  page.add_text(
      fmt::format("{} images, cut out of the files below; the split is by patient where a type has more "
                  "than one.",
                  manifest.records.size()));
  page.add_html(html_table({"image type", "source", "images", "licence"}, rows, "words"));
}

}  // namespace medisyn
