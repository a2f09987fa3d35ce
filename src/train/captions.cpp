#include "medisyn/train/captions.h"

#include <set>

#include "medisyn/core/log.h"
#include "medisyn/models/frozen_copy.h"
#include "medisyn/train/objective.h"

namespace medisyn {
namespace {

torch::Tensor padded_ids(const Tokenizer& tokenizer, const std::vector<std::string>& texts) {
  std::vector<torch::Tensor> rows;
  for (const std::string& text : texts) {
    rows.push_back(torch::tensor(tokenizer.encode_padded(text)));
  }
  return torch::stack(rows);
}

void report_losses(const Tokenizer& tokenizer, const std::vector<std::string>& texts) {
  for (const std::string& text : texts) {
    const Encoding encoding = tokenizer.encode_with_loss(text);
    if (encoding.lost_tokens > 0) {
      log_warning("caption too long by {} tokens, \"{}\" is cut off: {}", encoding.lost_tokens,
                  encoding.lost_text, text);
    }
  }
}

}  // namespace

CaptionTable::CaptionTable(const std::vector<const ImageDataset*>& datasets, const StableDiffusion& model) {
  std::set<std::string> unique;
  for (const ImageDataset* dataset : datasets) {
    for (const Record& record : dataset->records()) {
      unique.insert(record.text);
    }
  }
  unique.erase("");
  texts_.assign(unique.begin(), unique.end());
  texts_.emplace_back();
  for (std::int64_t i = 0; i < size(); ++i) {
    rows_[texts_[static_cast<std::size_t>(i)]] = i;
  }
  report_losses(model.tokenizer, texts_);
  ids = padded_ids(model.tokenizer, texts_);
  if (model.second) {
    second_ids = padded_ids(model.second->tokenizer, texts_);
  }
}

CaptionEncoder::CaptionEncoder(const StableDiffusion& model, bool trained, torch::Device device,
                               const std::string& precision)
    : trained_(trained),
      device_(device),
      precision_(precision),
      first_(trained ? model.text_encoder : model.text_encoder.frozen_copy(device, dtype_of(precision))) {
  if (trained) {
    first_->to(device);
  }
  if (model.second) {
    second_ = frozen_copy(model.second->text_encoder, device, dtype_of(precision));
  }
}

TextConditions CaptionEncoder::encode(const CaptionTable& table, const torch::Tensor& rows) {
  const auto [unique, inverse, counts] = at::_unique2(rows.clamp_min(0), true, true);
  const TextConditions found = encode_unique(table, unique);
  const torch::Tensor index = inverse.to(device_);
  return with_zeros(
      {.tokens = found.tokens.index_select(0, index),
       .pooled = found.pooled.defined() ? found.pooled.index_select(0, index) : torch::Tensor()},
      rows);
}

TextConditions CaptionEncoder::encode_unique(const CaptionTable& table, const torch::Tensor& rows) {
  const at::AutoGradMode gradients(trained_ && at::GradMode::is_enabled());
  const Autocast autocast(trained_ ? precision_ : "fp32", device_);
  const torch::Tensor ids = table.ids.index_select(0, rows).to(device_);
  if (!second_) {
    return {.tokens = first_.forward(ids), .pooled = {}};
  }
  const torch::Tensor tokens = first_.penultimate(ids);
  const CLIPTextOutput second = second_->outputs(table.second_ids.index_select(0, rows).to(device_));
  return {.tokens = torch::cat({tokens, second.penultimate.to(tokens.scalar_type())}, -1),
          .pooled = second.pooled};
}

TextConditions with_zeros(TextConditions conditions, const torch::Tensor& rows) {
  const torch::Tensor is_zero = rows.lt(0);
  if (is_zero.any().item<bool>()) {
    const torch::Tensor keep = is_zero.logical_not().to(conditions.tokens.device());
    conditions.tokens = conditions.tokens * keep.view({-1, 1, 1});
    if (conditions.pooled.defined()) {
      conditions.pooled = conditions.pooled * keep.view({-1, 1});
    }
  }
  return conditions;
}

}  // namespace medisyn
