#include "medisyn/pipeline/prompt_encoder.h"

namespace medisyn {
namespace {

/// Half a gigabyte of Stable Diffusion's 77 x 768 floats.
constexpr std::size_t kKept = 2048;

}  // namespace

PromptEncoder::PromptEncoder(const StableDiffusion& model, torch::Device device)
    : model_(model), device_(device) {}

PromptEmbedding PromptEncoder::encode(const std::string& text) {
  if (const auto found = known_.find(text); found != known_.end()) {
    return found->second;
  }
  if (known_.size() >= kKept) {
    known_.clear();
  }
  return known_.emplace(text, compute(text)).first->second;
}

PromptEmbedding PromptEncoder::encode_negative(const std::optional<std::string>& text) {
  const PromptEmbedding embedding = encode(text.value_or(""));
  if (text || !model_.second || !model_.force_zeros_for_empty_prompt) {
    return embedding;
  }
  return {.tokens = torch::zeros_like(embedding.tokens), .pooled = torch::zeros_like(embedding.pooled)};
}

torch::Tensor PromptEncoder::ids(const Tokenizer& tokenizer, const std::string& text) const {
  return torch::tensor(tokenizer.encode_padded(text), torch::kLong).unsqueeze(0).to(device_);
}

PromptEmbedding PromptEncoder::compute(const std::string& text) {
  const torch::Tensor first = ids(model_.tokenizer, text);
  if (!model_.second) {
    return {.tokens = model_.text_encoder.forward(first).squeeze(0), .pooled = {}};
  }
  const CLIPTextOutput second = model_.second->text_encoder->outputs(ids(model_.second->tokenizer, text));
  const torch::Tensor tokens = torch::cat({model_.text_encoder.penultimate(first), second.penultimate}, -1);
  return {.tokens = tokens.squeeze(0), .pooled = second.pooled.squeeze(0)};
}

}  // namespace medisyn
