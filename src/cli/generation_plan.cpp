#include "generation_plan.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "medisyn/core/error.h"
#include "medisyn/core/numbers.h"
#include "medisyn/text/encoding.h"

namespace medisyn {
namespace {

constexpr double kMostSteps = 1e6;

Json row_of(const ImageRequest& request, const std::string& text, const std::string& file_name,
            const std::string& model_hash, bool unconditional) {
  Json row = Json::object();
  row["file_name"] = file_name;
  row["text"] = text;
  row["seed"] = request.seed;
  row["sampler"] = request.sampler.sampler;
  row["steps"] = request.sampler.steps;
  row["scale"] = request.scale;
  row["negative"] = request.negative ? Json(*request.negative) : Json();
  row["size"] = format_size(request.size);
  if (request.guidance_rescale != 0) {
    row["guidance_rescale"] = request.guidance_rescale;
  }
  if (request.sampler.eta != 0) {
    row["eta"] = request.sampler.eta;
  }
  row["model_sha256"] = model_hash;
  if (unconditional) {
    row["unconditional"] = true;
  }
  return row;
}

/// The numbers of "1.5,3".
std::vector<double> parse_numbers(std::string_view text, const std::string& word) {
  std::vector<double> numbers;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    const auto number = parse_number<double>(text.substr(at, end - at));
    if (!number || !std::isfinite(*number) || *number < 0) {
      fail("--sweep {}: expected numbers such as scale=1.5,3,5 or steps=20,50", word);
    }
    numbers.push_back(*number);
    at = end + 1;
  }
  return numbers;
}

/// A prompt's request without its seed, once for each value of the sweep.
std::vector<Prompt> swept(const Prompt& prompt, const Sweep& sweep) {
  std::vector<Prompt> variants{prompt};
  const auto vary = [&](const auto& values, const auto& set) {
    std::vector<Prompt> next;
    for (const Prompt& variant : variants) {
      for (const auto value : values) {
        next.push_back(variant);
        set(next.back(), value);
      }
    }
    variants = values.empty() ? variants : next;
  };
  vary(sweep.steps, [](Prompt& variant, std::int64_t steps) { variant.steps = steps; });
  vary(sweep.scales, [](Prompt& variant, double scale) { variant.scale = scale; });
  return variants;
}

ImageRequest request_of(const Prompt& prompt, const GenerationOptions& options, std::uint32_t seed) {
  return {.text = options.unconditional ? "" : prompt.text,
          .negative = prompt.negative ? prompt.negative : options.negative,
          .seed = seed,
          .scale = prompt.scale.value_or(options.scale),
          .guidance_rescale = options.guidance_rescale,
          .size = prompt.size.value_or(options.size),
          .sampler = {
              .sampler = options.sampler, .steps = prompt.steps.value_or(options.steps), .eta = options.eta}};
}

}  // namespace

Sweep parse_sweep(const std::vector<std::string>& words) {
  Sweep sweep;
  for (const std::string& word : words) {
    const std::size_t equals = std::min(word.find('='), word.size());
    const std::string key = word.substr(0, equals);
    const bool is_first = key == "scale" ? sweep.scales.empty() : key == "steps" && sweep.steps.empty();
    if (!is_first || equals == word.size()) {
      fail("--sweep {}: expected scale=1.5,3,5 or steps=20,50, each once", word);
    }
    for (const double number : parse_numbers(std::string_view(word).substr(equals + 1), word)) {
      if (key == "scale") {
        sweep.scales.push_back(number);
      } else if (number >= 1 && number == std::floor(number) && number <= kMostSteps) {
        sweep.steps.push_back(static_cast<std::int64_t>(number));
      } else {
        fail("--sweep {}: expected whole numbers of steps, found {}", word, number);
      }
    }
  }
  return sweep;
}

std::vector<PlannedImage> plan_images(const std::vector<Prompt>& prompts, const GenerationOptions& options,
                                      const std::string& model_hash) {
  std::size_t total = 0;
  for (const Prompt& prompt : prompts) {
    total += static_cast<std::size_t>(prompt.n.value_or(options.n));
  }
  total *= std::max<std::size_t>(1, options.sweep.scales.size()) *
           std::max<std::size_t>(1, options.sweep.steps.size());
  const std::size_t digits = std::max<std::size_t>(5, std::to_string(total - 1).size());
  std::vector<PlannedImage> images;
  images.reserve(total);
  std::int64_t next_record_seed = options.seed;
  std::size_t grid = 0;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    const Prompt& prompt = prompts[i];
    const std::int64_t n = prompt.n.value_or(options.n);
    std::int64_t first_seed = prompt.seed.value_or(options.seed);
    if (prompt.is_record && !prompt.seed) {
      first_seed = next_record_seed;
      next_record_seed += n;
    }
    checked_seed(first_seed + n - 1, fmt::format("prompt {} \"{}\": the seed of its last image", i + 1,
                                                 beginning(prompt.text, 40)));
    const std::vector<Prompt> variants = swept(prompt, options.sweep);
    for (std::int64_t k = 0; k < n; ++k, ++grid) {
      for (const Prompt& variant : variants) {
        const auto request = request_of(variant, options, static_cast<std::uint32_t>(first_seed + k));
        const std::string name = fmt::format("{:0{}}.png", images.size(), digits);
        images.push_back({.request = request,
                          .row = row_of(request, prompt.text, name, model_hash, options.unconditional),
                          .prompt = i,
                          .grid = grid});
      }
    }
  }
  return images;
}

}  // namespace medisyn
