// What the U-Net sees of a prompt: SD's last hidden state, SDXL's two encoders, no negative prompt at all.
#include "medisyn/pipeline/prompt_encoder.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include "../fresh_folder.h"
#include "medisyn/core/files.h"
#include "medisyn/models/hf_folder.h"
#include "tiny_model.h"

namespace medisyn {
namespace {

const fs::path kMerges = fs::path(MEDISYN_TEST_DATA) / "clip_small_merges.txt";

torch::Tensor ids(const Tokenizer& tokenizer, const std::string& text) {
  return torch::tensor(tokenizer.encode_padded(text)).unsqueeze(0);
}

bool is_zero(const torch::Tensor& tensor) { return torch::equal(tensor, torch::zeros_like(tensor)); }

TEST(PromptEncoder, StableDiffusionSeesTheLastHiddenState) {
  const torch::NoGradGuard no_grad;
  StableDiffusion model = tiny_model(kMerges);
  PromptEncoder encoder(model, torch::kCPU);
  const PromptEmbedding mole = encoder.encode("a mole");
  EXPECT_TRUE(torch::equal(mole.tokens, model.text_encoder.forward(ids(model.tokenizer, "a mole"))[0]));
  EXPECT_FALSE(mole.pooled.defined());
  EXPECT_TRUE(torch::equal(encoder.encode_negative(std::nullopt).tokens, encoder.encode("").tokens));
  EXPECT_TRUE(encoder.encode("a mole").tokens.is_same(mole.tokens)) << "computed once";
}

TEST(PromptEncoder, XLSeesThePenultimateStatesSideBySideAndTheProjectedEnd) {
  const torch::NoGradGuard no_grad;
  StableDiffusion model = tiny_xl_model(kMerges);
  PromptEncoder encoder(model, torch::kCPU);
  const PromptEmbedding mole = encoder.encode("a mole");
  EXPECT_EQ(mole.tokens.sizes(), (std::vector<std::int64_t>{77, 32 + 24}));
  EXPECT_EQ(mole.pooled.sizes(), std::vector<std::int64_t>{20});
  const auto first = model.text_encoder.penultimate(ids(model.tokenizer, "a mole"))[0];
  const auto second = model.second->text_encoder->outputs(ids(model.second->tokenizer, "a mole"));
  EXPECT_TRUE(torch::equal(mole.tokens.slice(1, 0, 32), first));
  EXPECT_TRUE(torch::equal(mole.tokens.slice(1, 32), second.penultimate[0]));
  EXPECT_TRUE(torch::equal(mole.pooled, second.pooled[0]));
  EXPECT_NE(model.tokenizer.encode_padded("a mole"), model.second->tokenizer.encode_padded("a mole"))
      << "the second tokenizer pads with another token";
}

TEST(PromptEncoder, ZerosStandForNoNegativePromptOfXLAlone) {
  const torch::NoGradGuard no_grad;
  StableDiffusion model = tiny_xl_model(kMerges);
  PromptEncoder encoder(model, torch::kCPU);
  EXPECT_TRUE(is_zero(encoder.encode_negative(std::nullopt).tokens));
  EXPECT_TRUE(is_zero(encoder.encode_negative(std::nullopt).pooled));
  EXPECT_FALSE(is_zero(encoder.encode_negative("").tokens));
  model.force_zeros_for_empty_prompt = false;
  PromptEncoder encodes(model, torch::kCPU);
  EXPECT_TRUE(torch::equal(encodes.encode_negative(std::nullopt).pooled, encoder.encode("").pooled));
}

TEST(PromptEncoder, XLComesBackFromItsFolder) {
  const torch::NoGradGuard no_grad;
  StableDiffusion model = tiny_xl_model(kMerges);
  model.force_zeros_for_empty_prompt = false;
  const fs::path folder = fresh_folder() / "xl";
  save_stable_diffusion(folder, model);
  const StableDiffusion read = load_stable_diffusion(folder);
  EXPECT_FALSE(read.force_zeros_for_empty_prompt);
  PromptEncoder before(model, torch::kCPU), after(read, torch::kCPU);
  EXPECT_TRUE(torch::equal(before.encode("CT").tokens, after.encode("CT").tokens));
  EXPECT_TRUE(torch::equal(before.encode("CT").pooled, after.encode("CT").pooled));
}

}  // namespace
}  // namespace medisyn
